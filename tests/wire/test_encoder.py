import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.protocol import Protocol, Side

from voxsync.wire.encoder import Encoder

SIZES = [0, 1, 125, 126, 127, 191, 192, 640, 65535, 65536, 65537, 100_003]


def encode(head, data, *, masked):
    out = bytearray()
    Encoder(out, masked=masked).frame(head, data)
    return bytes(out)


@pytest.mark.parametrize("size", SIZES)
def test_unmasked_frames(raw, size):
    """A server's frame is a header in its shortest form and the payload as it is."""
    data = bytes(index & 255 for index in range(size))
    assert encode(0x82, data, masked=False) == raw(0x82, data)


@pytest.mark.parametrize("size", SIZES)
def test_masked_frames(raw, size):
    """A client's frame is the header, the key, and the payload XORed with it."""
    data = bytes(index & 255 for index in range(size))
    frame = encode(0x01, data, masked=True)
    start = len(frame) - size
    assert frame == raw(0x01, data, key=frame[start - 4 : start])


def test_frames_are_appended(raw):
    """Frames go behind what waits already."""
    out = bytearray(b"before")
    encoder = Encoder(out, masked=False)
    encoder.frame(0x81, b"a")
    encoder.frame(0x89, b"")
    assert bytes(out) == b"before" + raw(0x81, b"a") + raw(0x89)


def test_keys_differ():
    """The same payload does not look the same twice."""
    out = bytearray()
    encoder = Encoder(out, masked=True)
    for _ in range(600):
        encoder.frame(0x82, bytes(8))
    frames = {bytes(out[at : at + 14]) for at in range(0, len(out), 14)}
    # 600 random keys of 32 bits: three pairs or more by chance never happen.
    assert len(frames) >= 598


FRAMES = st.lists(
    st.tuples(
        st.sampled_from([0x81, 0x82, 0x89, 0x8A]),
        st.binary(max_size=125) | st.binary(min_size=126, max_size=700),
    ),
    max_size=6,
)


@given(frames=FRAMES, masked=st.booleans())
def test_websockets_reads_our_frames(frames, masked):
    """Another implementation reads what we write, in both roles."""
    out = bytearray()
    encoder = Encoder(out, masked=masked)
    sent = []
    for head, data in frames:
        payload = data[:125] if head & 8 else data
        encoder.frame(head, payload)
        sent.append((head & 15, payload))
    oracle = Protocol(Side.SERVER if masked else Side.CLIENT, max_size=None)
    oracle.receive_data(bytes(out))
    read = [
        (int(frame.opcode), bytes(frame.data)) for frame in oracle.events_received()
    ]
    assert oracle.parser_exc is None
    assert read == sent
