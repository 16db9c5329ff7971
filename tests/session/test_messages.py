"""Text, binary and JSON messages: what is taken, and what is refused at once."""

import array
import json

import pytest

from tests.peers import close_frame
from voxsync.errors import InvalidState, SendQueueFull


@pytest.fixture
def wired(make, peer):
    """A session, and what the peer got: opcode and payload."""
    got = []

    def script(conn):
        while True:
            opcode, data = conn.read_frame()
            if opcode == 8:
                conn.send(close_frame(1000))
                return
            got.append((opcode, data))

    session = make(peer(script).url).connect()
    return session, got


def test_text(wired):
    """One text frame each, UTF-8, the empty one too."""
    session, got = wired
    session.send_text("grüß 日本 😀")
    session.send_text("")
    session.close()
    assert got == [(1, "grüß 日本 😀".encode()), (1, b"")]


def test_text_is_not_split(wired):
    """Any length: one unfragmented frame."""
    session, got = wired
    session.send_text("x" * 200_000)
    session.close()
    assert got == [(1, b"x" * 200_000)]


@pytest.mark.parametrize(
    "data",
    [
        b"\1\2\3\4",
        bytearray(b"\1\2\3\4"),
        memoryview(b"0\1\2\3\4")[1:],
        array.array("b", [1, 2, 3, 4]),
        array.array("h", [0x0201, 0x0403]),
    ],
    ids=["bytes", "bytearray", "memoryview", "array", "array of int16"],
)
def test_binary(wired, data):
    """Everything that has a buffer; its bytes count."""
    session, got = wired
    session.send_binary(data)
    session.close()
    assert got == [(2, b"\1\2\3\4")]


def test_a_buffer_may_be_used_again(wired):
    """It is copied when it is sent."""
    session, got = wired
    data = bytearray(b"first")
    session.send_binary(data)
    data[:] = b"other"
    session.send_binary(data)
    session.close()
    assert got == [(2, b"first"), (2, b"other")]


def test_json(wired):
    """Compact, in UTF-8, as one text message."""
    session, got = wired
    obj = {"a": [1, None, "ü"], "b": {"c": True}}
    session.send_json(obj)
    session.close()
    assert got == [(1, '{"a":[1,null,"ü"],"b":{"c":true}}'.encode())]
    assert json.loads(got[0][1]) == obj


@pytest.mark.parametrize(
    ("verb", "value", "error", "words"),
    [
        ("send_text", b"bytes", TypeError, "must be a str, not bytes"),
        ("send_text", None, TypeError, "not NoneType"),
        ("send_text", "ab\ud800", ValueError, "lone surrogate at 2"),
        ("send_binary", "text", TypeError, r"send_text\(\) sends a str"),
        ("send_binary", 5, TypeError, "bytes-like"),
        ("send_json", float("nan"), ValueError, "JSON compliant"),
        ("send_json", {1j}, TypeError, "JSON serializable"),
        ("send_json", "\udfff", ValueError, "lone surrogate"),
    ],
)
def test_what_cannot_be_sent(wired, verb, value, error, words):
    """Is refused to the caller; the session goes on and sends nothing of it."""
    session, got = wired
    with pytest.raises(error, match=words):
        getattr(session, verb)(value)
    session.send_text("alive")
    session.close()
    assert got == [(1, b"alive")]


@pytest.mark.parametrize("verb", ["send_text", "send_json", "send_binary"])
def test_block_and_timeout_reach_the_queue(make, peer, verb):
    """SendQueueFull from each verb, at once or after the timeout."""
    session = make(
        peer(lambda conn: conn.until_stopped(), receive_buffer=4096).url,
        send_queue=1,
        send_buffer=4096,
    ).connect()
    with pytest.raises(SendQueueFull):
        while True:
            session.send_binary(bytes(60_000), timeout=0.05)
    value = b"x" if verb == "send_binary" else "x"
    with pytest.raises(SendQueueFull):
        getattr(session, verb)(value, block=False)
    with pytest.raises(SendQueueFull, match=r"0\.01 s"):
        getattr(session, verb)(value, timeout=0.01)
    session.cancel()


def test_too_early(make):
    """Before connect() there is nobody to send to."""
    session = make("ws://127.0.0.1:9/")
    for verb, value in (("send_text", "x"), ("send_binary", b"x"), ("send_json", 1)):
        with pytest.raises(InvalidState, match="not open yet"):
            getattr(session, verb)(value)
