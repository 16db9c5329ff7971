"""VoxEngine's media messages, as they are read and written."""

import json
import pathlib
from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.dialects.voximplant.messages import (
    Init,
    Media,
    Start,
    Stop,
    format_media,
    format_message,
    parse,
    read_parameters,
    read_payload,
    read_strict,
    tag_member,
)
from voxsync.errors import FormatError, ProtocolError

DATA = pathlib.Path(__file__).parents[2] / "data"
MOST = 2**64 - 1
# A busy machine is no fault of a test's.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def golden(name):
    path = DATA / f"voximplant_{name}.jsonl"
    return path.read_text(encoding="utf-8").splitlines()


def written(message):
    """The message as text, whichever it is."""
    if not isinstance(message, Media):
        return format_message(message)
    return format_media(
        tag_member(message.tag),
        message.sequence_number,
        message.chunk,
        message.timestamp,
        read_payload(message.payload),
    )


def media(**inner):
    return json.dumps({"event": "media", "media": {"payload": "AAA="} | inner})


def start(form=None, **inner):
    form = {"encoding": "PCM8", "sampleRate": 8000} if form is None else form
    return json.dumps({"event": "start", "start": {"mediaFormat": form} | inner})


@pytest.mark.parametrize("name", ["app", "voxengine"])
def test_what_we_write_is_read_back(name):
    """Reading and writing again changes no character of the golden messages."""
    messages = [text for text in golden(name) if "customEvent" not in text]
    assert len(messages) > 10
    for text in messages:
        assert written(parse(text)) == text


def test_examples_of_the_notes():
    """Those of Voximplant notes 2.3 to 2.5, letter by letter."""
    examples = golden("notes")
    called, voiced, piece, end = (parse(text) for text in examples)
    assert read_parameters(called.custom_parameters) == {"room": "blue", "n": "7"}
    assert voiced.custom_parameters == {"turn": "3"}
    assert (piece.tag, piece.chunk, piece.timestamp) == ("voice", 11, 3520)
    assert (end.bytes_sent, end.duration) == (57600, 1800)
    assert [written(m) for m in (called, voiced, piece, end)] == examples


def test_what_is_left_out_is_not_written():
    """A stop of few words, and a start with more than usual."""
    assert format_message(Stop()) == '{"event":"stop","stop":{}}'
    found = Start(encoding="opus", sample_rate=None, channels=2, sequence_number=None)
    assert parse(format_message(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "7",
        '"event"',
        "[" * 100_000,
        '[{"event":"media"}]',
        "{",
        '{"event":"media"',
        '{"event":"media"} and more',
        "{'event':'media'}",
        "\ufeff{}",
        "\xa0{}",
        "{}",
        '{"event":null}',
        '{"event":["media"]}',
        '{"event":"Media","media":{}}',
        '{"event":"ping","id":3}',
        '{"event":"connected"}',
        '{"customEvent":"media","payload":"AAA="}',
        '{"x":NaN}',
        '{"x":"\\ud800"}',
    ],
)
def test_what_is_the_applications(text):
    """Other text, other JSON, other events (conformance 10)."""
    assert parse(text) is None


def test_init_means_nothing():
    """A greeting of old."""
    assert parse(' \r\n\t{"event":"init","media":7}') == Init()


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * 100_000,
        '{"event":"media","media":' + "[" * 100_000,
        '{"x":' + "9" * 5000,
    ],
    ids=["deep", "deep media", "long number"],
)
def test_json_that_nobody_means(text):
    """Depth and digits beyond measure are refused, with what it was."""
    with pytest.raises(ProtocolError, match="too deeply, or holds a number") as caught:
        parse(text)
    assert caught.value.raw == text


@pytest.mark.parametrize("value", [0, 7, MOST, "0", "7", "007", str(MOST)])
@pytest.mark.parametrize("name", ["chunk", "timestamp"])
def test_numbers_are_read_exactly(name, value):
    """As numbers or strings, 64 bits, none of them lost in a float."""
    assert getattr(parse(media(**{name: value})), name) == int(value)
    whole = parse(json.dumps({"event": "stop", "sequenceNumber": value}))
    assert whole.sequence_number == int(value)


BAD_NUMBERS = [
    True,
    False,
    1.0,
    1e3,
    -1,
    MOST + 1,
    str(MOST + 1),
    "9" * 30,
    "-1",
    "+1",
    "1.0",
    "",
    " 1",
    "0x1",
    "1_0",
    "\u0661",
    [],
    {},
    float("nan"),
]


@pytest.mark.parametrize("value", BAD_NUMBERS, ids=repr)
def test_what_is_no_number(value):
    """Booleans, floats, negative and huge ones, and other strings, wherever."""
    stop = {"event": "stop", "stop": {"mediaInfo": {"duration": value}}}
    texts = [
        media(chunk=value),
        media(timestamp=value),
        json.dumps(
            {"event": "media", "sequenceNumber": value, "media": {"payload": ""}}
        ),
        start({"encoding": "PCM8", "sampleRate": value}),
        start({"encoding": "PCM8", "sampleRate": 8000, "channels": value}),
        json.dumps(stop),
    ]
    for text in texts:
        with pytest.raises(ProtocolError, match="must be a whole number") as caught:
            parse(text)
        assert caught.value.raw == text


@pytest.mark.parametrize(
    "text",
    [
        '{"event":"media"}',
        '{"event":"media","media":null}',
        '{"event":"media","media":"AAA="}',
        '{"event":"media","media":{}}',
        '{"event":"media","media":{"payload":null}}',
        '{"event":"media","media":{"payload":[0]}}',
        '{"event":"media","media":{"payload":"","tag":7}}',
        '{"event":"start"}',
        '{"event":"start","start":[]}',
        '{"event":"start","start":{}}',
        '{"event":"start","start":{"mediaFormat":"PCM8"}}',
        '{"event":"start","start":{"mediaFormat":{}}}',
        '{"event":"start","start":{"mediaFormat":{"encoding":8}}}',
        start(tag=["voice"]),
        start({"encoding": "PCM8", "sampleRate": 0}),
        start({"encoding": "PCM8", "sampleRate": 384_001}),
        '{"event":"stop","stop":7}',
        '{"event":"stop","stop":{"tag":false}}',
        '{"event":"stop","stop":{"mediaInfo":[]}}',
    ],
)
def test_malformed_messages(text):
    """Each is refused, with what it was."""
    with pytest.raises(ProtocolError) as caught:
        parse(text)
    assert caught.value.raw == text


def test_what_may_be_missing():
    """All that is only expected (Voximplant notes, 2.3 to 2.5)."""
    assert parse(media()) == Media(payload="AAA=")
    assert parse(media(tag=None, chunk=None)) == Media(payload="AAA=")
    assert parse(start({"encoding": "PCM8"})) == Start(
        encoding="PCM8", sample_rate=None, sequence_number=None
    )
    for text in ('{"event":"stop"}', '{"event":"stop","stop":null}'):
        assert parse(text) == Stop()
    assert parse('{"event":"stop","stop":{"mediaInfo":null,"tag":"a"}}') == Stop(
        tag="a"
    )


def test_the_last_of_two_counts():
    """Where a key stands twice, as Python's JSON has it."""
    text = '{"event":"ping","event":"media","media":{"payload":"","payload":"AAA="}}'
    assert parse(text) == Media(payload="AAA=")


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        (None, {}),
        ({}, {}),
        ("", {}),
        (" ", {}),
        ("null", {}),
        ("{}", {}),
        ({"turn": "3"}, {"turn": "3"}),
        ('{"turn":"3"}', {"turn": "3"}),
    ],
)
def test_custom_parameters_are_a_dict(found, meant):
    """Whether they came as an object or as a string (conformance 6)."""
    assert read_parameters(found) == meant


@pytest.mark.parametrize(
    "found", ["turn=3", '"three"', '""', "[]", [], 7, True, "[" * 100_000, "9" * 5000]
)
def test_custom_parameters_of_another_kind(found):
    """There is no dict in them."""
    with pytest.raises(ProtocolError, match="customParameters"):
        read_parameters(found)


@CALM
@given(st.binary(max_size=100))
def test_base64_without_a_flaw(data):
    """It is read as it was written, also without padding, also in lines."""
    text = b64encode(data).decode()
    assert read_payload(text) == data
    assert read_payload(text.rstrip("=")) == data
    lines = "\r\n".join(text[at : at + 10] for at in range(0, len(text), 10))
    assert read_payload(f" {lines}\t\n") == data


@pytest.mark.parametrize(
    "payload",
    [
        "A",
        "AAAAA",
        "=",
        "====",
        "A===",
        "AA=A",
        "=AAA",
        "AAAA====",
        "AA==AA==",
        "AAAA-___",
        urlsafe_b64encode(b"\xfb\xff\xbf").decode(),
        "AAA!",
        "AAAA!!!!",
        "data:audio/wav;base64,AAAA",
        "AAA\u00e9",
        "AAA\ud800",
        "AA\0A",
        "AAAA\x0b",
        '"AAA',
    ],
)
def test_base64_with_flaws(payload):
    """The other alphabet, other characters, half a byte: nothing is guessed."""
    with pytest.raises(FormatError, match="not base64"):
        read_payload(payload)


UINTS = st.integers(0, 10**18 - 1)


@CALM
@given(st.text(max_size=5), UINTS, UINTS, UINTS, st.binary(max_size=20), st.booleans())
def test_the_short_way_reads_what_strict_senders_write(
    tag, number, chunk, timestamp, data, spaced
):
    """Ours, and that of json.dumps as it comes; but for tags that need an escape."""
    text = format_media(tag_member(tag), number, chunk, timestamp, data)
    if spaced:
        text = json.dumps(json.loads(text))
    escaped = "\\" in json.dumps(tag)
    assert read_strict(text) == (None if escaped else (tag, chunk, timestamp, data))
    assert agree(text)


def agree(text):
    """Whether the short way says what the long way says, where it says anything."""
    short = read_strict(text)
    if short is None:
        return True
    found = parse(text)
    long = (found.tag, found.chunk, found.timestamp, read_payload(found.payload))
    return short == long and [*map(type, short)] == [*map(type, long)]


TEXT = format_media(tag_member("voice"), 12, 11, 3520, bytes(range(250, 256)))
PIECES = (
    *'{}[]":,\\=+-_09aA \n\0\u0661\ud800',
    "00",
    "null",
    "1.5",
    '"tag":"b",',
    '"payload":"AAAA"',
    '"}}',
    '"event":"stop",',
    '"chunk":3,',
    "\\u0041",
    "9" * 19,
)


@CALM
@given(
    st.sampled_from([TEXT, json.dumps(json.loads(TEXT)), golden("tolerated")[4]]),
    st.lists(
        st.tuples(st.integers(0, 120), st.integers(0, 12), st.sampled_from(PIECES)),
        max_size=3,
    ),
    st.integers(0, 60),
)
def test_the_short_way_agrees_with_the_long(text, changes, cut):
    """However a message is mutilated: the one never reads what the other does not."""
    for at, length, piece in changes:
        text = text[:at] + piece + text[at + length :]
    assert agree(text)
    assert agree(text[: len(text) - cut])


@pytest.mark.parametrize("payload", ['"', "", '"A', '"AAA'])
def test_a_payload_without_an_end_is_no_short_way(payload):
    """The quote before the braces may be the one in front of the payload."""
    head = TEXT[: TEXT.index('"payload":')]
    text = f'{head}"payload":{payload}}}}}'
    assert read_strict(text) is None
    assert parse(text) is None


KEYS = (
    *("event", "start", "media", "stop", "tag", "payload", "chunk", "timestamp"),
    *("mediaFormat", "encoding", "sampleRate", "mediaInfo", "customParameters"),
)
WORDS = ("event", "start", "media", "stop", "AAA=", "PCM8", "", None, True, 7, 0.5, -1)


@CALM
@given(
    st.one_of(
        st.text(max_size=80),
        st.recursive(
            st.sampled_from(WORDS) | st.integers(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
            ),
            max_leaves=12,
        ).map(json.dumps),
    )
)
def test_nothing_but_protocol_errors(text):
    """Whatever comes is a message, the application's, or refused."""
    try:
        found = parse(text)
    except ProtocolError as exc:
        assert exc.raw == text
    else:
        assert found is None or isinstance(found, Start | Media | Stop | Init)
