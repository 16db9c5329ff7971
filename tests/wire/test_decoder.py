import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsync.wire import Binary, Close, Fault, Ping, Pong, Text
from voxsync.wire.decoder import Decoder

KEY = b"\x11\x22\x33\x44"
MIB = 2**20


def decode(data, *, masked=False, max_size=16 * MIB, pieces=None, limit=1000):
    """All messages of `data`, handed over in pieces of these sizes (None: at once)."""
    decoder = Decoder(masked=masked, max_size=max_size)
    found, at = [], 0
    for size in [*(pieces or []), len(data)]:
        decoder.receive(data[at : at + size])
        at += size
        while True:
            found += decoder.decode(limit)
            if not decoder.has_more:
                break
    return found


def fault(found):
    """The code of the Fault that is the only or last message."""
    assert isinstance(found[-1], Fault), found
    assert found[-1].message
    return found[-1].code


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("size", [0, 1, 2, 125, 126, 127, 191, 192, 640, 65535, 65536])
def test_whole_messages(raw, size, key):
    """Messages of any size come out as they went in, masked or not."""
    data = (b"0123456789" * (size // 10 + 1))[:size]
    stream = raw(0x82, data, key=key) + raw(0x81, data, key=key)
    assert decode(stream, masked=key is not None) == [
        Binary(data),
        Text(data.decode()),
    ]


def test_control_frames(raw):
    """Ping, pong and Close come out with their payloads; a Close is the last."""
    stream = (
        raw(0x89, b"p" * 125)
        + raw(0x8A)
        + raw(0x88, b"\x0b\xb8" + "за".encode())
        + raw(0x81, b"ignored")
    )
    expected = [Ping(b"p" * 125), Pong(b""), Close(3000, "за")]
    assert decode(stream) == expected


def test_empty_close(raw):
    """A Close frame without a code is 1005."""
    assert decode(raw(0x88)) == [Close(1005, "")]


def test_fragments_with_control_frames_between(raw):
    """Fragments are joined; control frames between them come out at once."""
    text = "日本語".encode()
    stream = (
        raw(0x01, text[:4])
        + raw(0x89, b"1")
        + raw(0x00, b"")
        + raw(0x00, text[4:5])
        + raw(0x8A, b"2")
        + raw(0x80, text[5:])
        + raw(0x02, b"a")
        + raw(0x80)
        + raw(0x82, b"after")
    )
    assert decode(stream) == [
        Ping(b"1"),
        Pong(b"2"),
        Text("日本語"),
        Binary(b"a"),
        Binary(b"after"),
    ]


BROKEN = {
    "rsv1": ((0xC1, b"a"), 1002),
    "rsv2": ((0xA1, b"a"), 1002),
    "rsv3": ((0x91, b"a"), 1002),
    "data opcode 3": ((0x83, b""), 1002),
    "data opcode 7": ((0x87, b""), 1002),
    "control opcode 11": ((0x8B, b""), 1002),
    "control opcode 15": ((0x8F, b""), 1002),
    "fragmented ping": ((0x09, b""), 1002),
    "fragmented close": ((0x08, b""), 1002),
    "long ping": ((0x89, bytes(126)), 1002),
    "long close": ((0x88, b"\x03\xe8" + bytes(65536)), 1002),
    "continuation of nothing": ((0x00, b"a"), 1002),
    "final continuation of nothing": ((0x80, b"a"), 1002),
    "text": ((0x81, b"\xff"), 1007),
    "text with a surrogate": ((0x81, b"\xed\xa0\x80"), 1007),
    "text cut in a character": ((0x81, "я".encode()[:1]), 1007),
    "long text": ((0x81, b"a" * 640 + b"\xc0\xaf"), 1007),
    "close of one byte": ((0x88, b"\x03"), 1002),
    "close reason": ((0x88, b"\x03\xe8\xff"), 1007),
    "too big": ((0x82, bytes(1001)), 1009),
    "much too big": ((0x82, bytes(70000)), 1009),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("what", BROKEN)
def test_broken_rules(raw, what, masked):
    """Each broken rule is a Fault with its code, and nothing follows."""
    (head, payload), code = BROKEN[what]
    key = KEY if masked else None
    good = raw(0x82, b"good", key=key)
    stream = good + raw(head, payload, key=key) + good
    found = decode(stream, masked=masked, max_size=1000)
    assert found[0] == Binary(b"good")
    assert len(found) == 2
    assert fault(found) == code


@pytest.mark.parametrize(
    "code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535]
)
def test_close_codes_that_must_not_come(raw, code):
    """A Close frame with a code that may not be sent is a protocol error."""
    assert fault(decode(raw(0x88, code.to_bytes(2, "big")))) == 1002


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("head", [0x81, 0x82, 0x89, 0x01])
def test_wrong_masking(raw, head, masked):
    """A server must not mask and a client must."""
    stream = raw(head, b"abcd", key=None if masked else KEY)
    assert fault(decode(stream, masked=masked)) == 1002


def test_message_inside_a_fragmented_one(raw):
    """A new message before the end of a fragmented one is a protocol error."""
    for head in (0x81, 0x82, 0x01, 0x02):
        assert fault(decode(raw(0x01, b"a") + raw(head, b"b"))) == 1002


@pytest.mark.parametrize("head", [0x82, 0x81, 0x02, 0x89])
@pytest.mark.parametrize(
    ("size", "form"), [(0, "H"), (125, "H"), (0, "Q"), (125, "Q"), (126, "Q")]
)
def test_lengths_not_in_shortest_form(raw, head, size, form):
    """A length must use the shortest of its three forms."""
    assert fault(decode(raw(head, bytes(size), form=form))) == 1002


def test_top_bit_of_a_length():
    """A length of 2^63 or more is a protocol error, not one of size."""
    assert fault(decode(b"\x82\x7f\x80" + bytes(7))) == 1002
    assert fault(decode(b"\x82\x7f\x7f" + b"\xff" * 7)) == 1009


def test_size_limit_is_inclusive(raw):
    """A message of exactly the limit passes, whole or in fragments."""
    for size in (100, 1000, 70000):
        data = bytes(size)
        stream = raw(0x82, data) + raw(0x02, data[:60]) + raw(0x80, data[60:])
        assert decode(stream, max_size=size) == [Binary(data)] * 2
        assert fault(decode(raw(0x82, data), max_size=size - 1)) == 1009
        parts = raw(0x02, data[:60]) + raw(0x80, data[60:])
        assert fault(decode(parts, max_size=size - 1)) == 1009


def test_too_big_is_refused_by_the_header(raw):
    """No byte of a payload that is too big is waited for or kept."""
    decoder = Decoder(masked=False, max_size=10)
    decoder.receive(raw(0x82, bytes(70000))[:10])
    assert fault(decoder.decode(9)) == 1009
    assert decoder.buffered == 0
    decoder.receive(bytes(1000))
    assert decoder.buffered == 0
    assert decoder.decode(9) == []


def test_control_frames_have_no_size_limit_of_messages(raw):
    """The limit is for messages: control frames pass between the largest fragments."""
    stream = raw(0x02, b"12") + raw(0x89, b"long") + raw(0x80)
    assert decode(stream, max_size=2) == [Ping(b"long"), Binary(b"12")]


def test_state_between_calls(raw):
    """`buffered`, `in_message` and `has_more` tell what is left and why."""
    decoder = Decoder(masked=False, max_size=1000)
    assert not decoder.in_message
    frame = raw(0x82, bytes(200))
    decoder.receive(frame * 2 + frame[:3])
    assert decoder.decode(0) == []
    assert decoder.has_more
    assert len(decoder.decode(1)) == 1
    assert decoder.has_more
    assert decoder.buffered == len(frame) + 3
    decoder.receive(frame[3:6])
    assert len(decoder.decode(9)) == 1
    assert not decoder.has_more
    assert decoder.buffered == 6
    assert decoder.in_message
    decoder.receive(frame[6:])
    assert len(decoder.decode(1)) == 1
    assert not decoder.has_more
    assert not decoder.in_message
    decoder.receive(raw(0x01, b"a"))
    assert decoder.decode(9) == []
    assert decoder.buffered == 0
    assert decoder.in_message


def test_bytes_that_came_while_the_limit_held(raw):
    """What comes when the data is used up by the limit keeps its place."""
    one, two, three = (raw(0x82, bytes([index]) * 9) for index in range(3))
    decoder = Decoder(masked=False, max_size=1000)
    decoder.receive(one)
    decoder.receive(two)
    assert decoder.decode(1) == [Binary(bytes(9))]
    decoder.receive(three)
    assert decoder.decode(9) == [Binary(b"\x01" * 9), Binary(b"\x02" * 9)]


def test_saw_control_is_about_the_last_call(raw):
    """`saw_control` is set by what must be answered, and only for one call."""
    decoder = Decoder(masked=False, max_size=1000)
    for frame, expected in [
        (raw(0x89), True),
        (raw(0x8A), False),
        (raw(0x82), False),
        (raw(0x88), True),
    ]:
        decoder.receive(frame)
        assert len(decoder.decode(9)) == 1
        assert decoder.saw_control is expected
    assert decoder.decode(9) == []
    assert not decoder.saw_control


def elapsed(job):
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


# Quadratic copying of these would move tens of gigabytes and more: minutes, not
# seconds, on any machine.


@pytest.mark.parametrize("key", [None, KEY])
def test_large_frame_in_pieces_is_linear(key):
    """16 MiB in pieces of 64 KiB are not copied anew for each piece."""
    size = 16 * MIB
    mask = 0 if key is None else 0x80
    header = bytes((0x82, mask | 127)) + size.to_bytes(8, "big") + (key or b"")
    decoder = Decoder(masked=key is not None, max_size=size)
    decoder.receive(header)
    piece = bytes(65536)

    def job():
        for _ in range(255):
            decoder.receive(piece)
            assert decoder.decode(9) == []
        decoder.receive(piece)
        (message,) = decoder.decode(9)
        assert len(message.data) == size

    assert elapsed(job) < 5


def test_single_bytes_are_linear():
    """A frame of 1 MiB that comes byte by byte is not copied anew for each byte."""
    decoder = Decoder(masked=False, max_size=MIB)
    decoder.receive(b"\x82\x7f" + MIB.to_bytes(8, "big"))
    found = []

    def job():
        for _ in range(MIB):
            decoder.receive(b"a")
            found.extend(decoder.decode(9))

    assert elapsed(job) < 20
    assert found == [Binary(b"a" * MIB)]


def test_many_fragments_are_linear(raw):
    """65,536 fragments of 64 bytes are joined once."""
    part = raw(0x00, bytes(64))
    stream = raw(0x02, bytes(64)) + part * 65534 + raw(0x80, bytes(64))
    found = []
    assert elapsed(lambda: found.extend(decode(stream))) < 5
    assert found == [Binary(bytes(64 * 65536))]


def test_a_small_limit_is_linear(raw):
    """200,000 stored frames taken one by one are not copied anew for each."""
    frame = raw(0x82, b"abc")
    decoder = Decoder(masked=False, max_size=1000)

    def job():
        for _ in range(200):
            decoder.receive(frame * 1000)
            decoder.decode(1)
        for _ in range(200 * 1000 - 200):
            assert len(decoder.decode(1)) == 1

    assert elapsed(job) < 20
    assert decoder.buffered == 0


# Streams that are nearly right reach further than random bytes do.

HEAD = st.sampled_from([0x81, 0x82, 0x89, 0x8A, 0x01, 0x02, 0x00, 0x80, 0x88]) | (
    st.integers(0, 255)
)
PAYLOAD = st.binary(max_size=140) | st.text(max_size=60).map(str.encode)
FRAME = st.tuples(HEAD, PAYLOAD, st.sampled_from("....HQ"), st.integers(0, 19))


@st.composite
def streams(draw):
    masked = draw(st.booleans())
    return masked, draw(st.lists(FRAME, max_size=8)), draw(st.binary(max_size=12))


def build(raw, masked, frames, rest):
    stream = b""
    for head, payload, form, luck in frames:
        wrong = luck == 0
        stream += raw(
            head,
            payload,
            key=KEY if masked is not wrong else None,
            form=None if form == "." else form,
        )
    return stream + rest


@given(stream=streams(), pieces=st.lists(st.integers(0, 70), max_size=20))
def test_splits_do_not_matter(raw, stream, pieces):
    """Any split of the stream, also byte by byte, gives the same messages."""
    data = build(raw, *stream)
    masked = stream[0]
    whole = decode(data, masked=masked, max_size=200)
    assert decode(data, masked=masked, max_size=200, pieces=pieces) == whole
    ones = [1] * len(data)
    assert decode(data, masked=masked, max_size=200, pieces=ones) == whole


@given(stream=streams(), limit=st.integers(1, 4))
def test_limits_do_not_matter(raw, stream, limit):
    """A limit loses and reorders nothing, and no call goes over it."""
    data = build(raw, *stream)
    masked = stream[0]
    decoder = Decoder(masked=masked, max_size=200)
    decoder.receive(data)
    found = []
    while True:
        part = decoder.decode(limit)
        assert len(part) <= limit
        found += part
        if not decoder.has_more:
            break
    assert decoder.decode(limit) == []
    assert found == decode(data, masked=masked, max_size=200)


@given(data=st.lists(st.binary(max_size=60), max_size=6), masked=st.booleans())
def test_random_bytes_never_raise(data, masked):
    """Whatever comes, it becomes messages and at most one Fault, the last."""
    decoder = Decoder(masked=masked, max_size=1000)
    found = []
    for piece in data:
        decoder.receive(piece)
        found += decoder.decode(50)
    last = (Close, Fault)
    assert not any(isinstance(message, last) for message in found[:-1])
    assert decoder.ended is bool(found and isinstance(found[-1], last))
