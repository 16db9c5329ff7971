"""The upgrade of an incoming connection: judged, answered, bounded."""

import importlib
import logging
import socket
import sys
import threading
import time

import pytest

from tests.server.conftest import head
from voxsync.errors import (
    HandshakeError,
    MissingExtra,
    OpenTimeout,
    ProtocolError,
)
from voxsync.server import IncomingRequest, Refusal, Upgrade
from voxsync.server.upgrade import linger, upgrade
from voxsync.wire import Role, Wire

ADDRESS = ("192.0.2.1", 4711)


@pytest.fixture
def pair():
    """Our end and the peer's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(10)
        yield ours, theirs


def ask(pair, request, **kwargs):
    """Have `request` judged; the answer, and what came of it."""
    ours, theirs = pair
    theirs.sendall(request)
    settings = {
        "timeout": 10.0,
        "subprotocols": (),
        "check": lambda request: None,
        "answer": lambda data: data,
        **kwargs,
    }
    try:
        result = upgrade(ours, ADDRESS, **settings)
    except Exception as exc:
        result = exc
    ours.shutdown(socket.SHUT_WR)
    answer = b""
    while more := theirs.recv(65536):
        answer += more
    return answer, result


def test_a_good_request(pair):
    """101 with the key's answer of RFC 6455, 1.3; nothing is left over."""
    answer, result = ask(pair, head("/agent"))
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert isinstance(result, Upgrade)
    assert result.request.path == "/agent"
    assert result.request.address == ADDRESS
    assert (result.subprotocol, result.rest) == (None, b"")


def test_frames_behind_the_request_are_not_lost(pair):
    """A client may not wait for the answer before it speaks."""
    wire = Wire(Role.CLIENT)
    wire.send_text("early")
    _, result = ask(pair, head() + bytes(wire.out))
    assert result.rest == bytes(wire.out)
    assert "early" not in repr(result)


@pytest.mark.parametrize(
    ("theirs", "ours", "chosen"),
    [("a, b", ("b", "a"), "b"), ("a, b", (), None), (None, (), None)],
)
def test_the_first_of_ours_that_they_speak(pair, theirs, ours, chosen):
    """Ours come best first; who names none gets an answer without one."""
    extra = () if theirs is None else (f"Sec-WebSocket-Protocol: {theirs}",)
    answer, result = ask(pair, head("/", *extra), subprotocols=ours)
    assert result.subprotocol == chosen
    named = f"Sec-WebSocket-Protocol: {chosen}\r\n".encode()
    assert (named in answer) is (chosen is not None)


@pytest.mark.parametrize("extra", [(), ("Sec-WebSocket-Protocol: c",)])
def test_no_subprotocol_in_common(pair, extra):
    """Where we name some, a client that speaks none of them is refused with 400."""
    answer, result = ask(pair, head("/", *extra), subprotocols=("a", "b"))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"subprotocol" in answer
    assert isinstance(result, HandshakeError)


def test_query_and_headers(pair):
    """Decoded; the last of repeated parameters; repeated headers joined in order."""
    target = "/a%20b?x=1&x=2&y=%C3%A4+b&empty="
    request = head(target, "X-One: 1", "x-one: 2", "X-Other: z")
    _, result = ask(pair, request)
    assert result.request.path == "/a%20b"
    assert dict(result.request.query) == {"x": "2", "y": "ä b", "empty": ""}
    assert result.request.headers["x-one"] == "1, 2"
    assert result.request.headers["x-other"] == "z"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", {}),
        ("//name/path?a=1", "//name/path", {"a": "1"}),
        ("//[", "//[", {}),
        ("/path#part?a=1", "/path", {}),
        ("http://host:80/path?a=1", "/path", {"a": "1"}),
        ("http://host", "/", {}),
    ],
)
def test_targets(pair, target, path, query):
    """A path that only looks like a URL is a path (RFC 9112, 3.2)."""
    _, result = ask(pair, head(target))
    assert (result.request.path, dict(result.request.query)) == (path, query)


@pytest.mark.parametrize("target", ["agent", "*", "http://[/", "/a\x01b", "/a\x7f"])
def test_targets_that_make_no_sense(pair, target):
    """400 to the peer, a ProtocolError here."""
    answer, result = ask(pair, head(target))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert isinstance(result, ProtocolError)


def test_requests_show_no_secret():
    """`repr` masks credentials in headers and paths, and leaves the query out."""
    request = IncomingRequest(
        "/agent/3f2a9c81d7e64b05a1c8",
        {"token": "planted-1"},
        {"authorization": "Bearer planted-2", "x-plain": "seen"},
        ADDRESS,
    )
    shown = repr(request)
    assert "planted" not in shown
    assert "<IncomingRequest /agent/*** from 192.0.2.1:4711" in shown
    assert "x-plain: seen" in shown
    assert "planted" not in repr(Upgrade(request, None, b"planted-3"))


REFUSED = {
    "no upgrade": (head(drop=["Upgrade"]), 426),
    "no connection": (head(drop=["Connection"]), 426),
    "no key": (head(drop=["Sec-WebSocket-Key"]), 400),
    "two keys": (head("/", "Sec-WebSocket-Key: x"), 400),
    "half a key": (head("/", "Sec-WebSocket-Key: xx", drop=["Sec-WebSocket-Key"]), 400),
    "old version": (
        head("/", "Sec-WebSocket-Version: 8", drop=["Sec-WebSocket-Version"]),
        400,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_requests_that_are_no_upgrade(pair, name):
    """HandshakeError with the status that the peer was told."""
    request, status = REFUSED[name]
    answer, result = ask(pair, request)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert isinstance(result, HandshakeError)
    assert result.status == status


@pytest.mark.parametrize(
    "request_",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
        head(version="HTTP/1.0"),
        head(method="POST"),
        head("/", "no colon"),
        head("/", "Content-Length: 5"),
    ],
    ids=["words", "tls", "1.0", "post", "no-colon", "body"],
)
def test_what_is_no_request_at_all(pair, request_):
    """400 or 405, whatever it was, and an error without its content."""
    answer, result = ask(pair, request_)
    assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 405", b"HTTP/1.1 505")
    assert isinstance(result, (ProtocolError, HandshakeError))


def test_errors_of_broken_requests_show_no_secret(pair):
    """A request that cannot be read may hold a token in any place."""
    request = head("/?token=planted-1 x", "Authorization planted-2")
    _, result = ask(pair, request)
    assert "planted" not in str(result)


def test_check_refuses_with_its_status(pair):
    """The callable sees the request; its words are the body."""
    seen = []

    def check(request):
        seen.append(request.path)
        return Refusal(403, "not you")

    answer, result = ask(pair, head("/secret?key=planted"), check=check)
    assert seen == ["/secret"]
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert answer.endswith(b"\r\n\r\nnot you\n")
    assert isinstance(result, HandshakeError)
    assert (result.status, result.body) == (403, b"not you\n")
    assert "planted" not in str(result)


def test_the_answer_may_be_tampered_with(pair):
    """What the callable returns is sent instead."""
    answer, result = ask(pair, head(), answer=lambda data: data[:5])
    assert answer == b"HTTP/"
    assert isinstance(result, Upgrade)


TOO_LARGE = {
    "no end": b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000,
    "in all": head("/", *[f"X-{n}: {'x' * 1000}" for n in range(40)]),
    "long header": head("/", "X-Long: " + "x" * 9000),
    "long target": head("/" + "x" * 9000),
    "many headers": head("/", *[f"X-{n}: 1" for n in range(100)]),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_head_has_bounds(pair, name):
    """I8: 431 above 32 KiB, 8 KiB in a line or 100 headers, also without an end."""
    answer, result = ask(pair, TOO_LARGE[name])
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert isinstance(result, ProtocolError)


def test_a_head_within_its_bounds(pair):
    """Large, but not too large."""
    request = head("/" + "x" * 8000, *[f"X-{n}: {'x' * 200}" for n in range(90)])
    answer, result = ask(pair, request)
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert len(result.request.headers) == 95


def test_subprotocols_strictly(pair):
    """400 for who speaks none of ours; the best of ours for who speaks several."""
    speaks = "Sec-WebSocket-Protocol: a, b"
    answer, result = ask(pair, head("/", speaks), subprotocols=("b", "a"))
    assert result.subprotocol == "b"
    assert b"\r\nSec-WebSocket-Protocol: b\r\n" in answer


@pytest.mark.parametrize("speaks", [[], ["Sec-WebSocket-Protocol: a, b"]])
def test_subprotocols_strictly_refused(pair, speaks):
    """Offered none, or others."""
    answer, result = ask(pair, head("/", *speaks), subprotocols=("c",))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert result.status == 400


@pytest.mark.parametrize(
    ("speaks", "agreed"),
    [([], None), (["a"], None), (["a, c", "b"], "b"), (["c"], "c")],
)
def test_subprotocols_leniently(pair, speaks, agreed):
    """The best of ours that is offered, or none and no header."""
    request = head("/", *[f"Sec-WebSocket-Protocol: {one}" for one in speaks])
    answer, result = ask(pair, request, subprotocols=("b", "c"), strict=False)
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert result.subprotocol == agreed
    assert (b"Sec-WebSocket-Protocol" in answer) is (agreed is not None)


def test_the_check_sees_only_what_could_be_let_in(pair):
    """A request that is no upgrade is refused without asking."""
    asked = []
    answer, _ = ask(pair, head(drop=["Upgrade"]), check=asked.append)
    assert answer.startswith(b"HTTP/1.1 426 ")
    assert asked == []


def test_what_the_check_takes_is_not_the_peers_time(pair):
    """The answer goes out, however long the application thought about it."""
    gate = threading.Event()
    answer, result = ask(
        pair, head(), timeout=0.1, check=lambda _: gate.wait(0.3) or None
    )
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert isinstance(result, Upgrade)


def test_a_refusal_with_headers_and_a_number_of_its_own(pair):
    """Statuses need not be registered; what cannot be said in UTF-8 is replaced."""
    refusal = Refusal(499, "no\ud800", {"Retry-After": "7"})
    answer, result = ask(pair, head(), check=lambda request: refusal)
    assert answer.startswith(b"HTTP/1.1 499 Refused\r\n")
    assert b"\r\nRetry-After: 7\r\n" in answer
    assert answer.endswith(b"\r\n\r\nno?\n")
    assert result.status == 499


@pytest.mark.parametrize(
    ("error", "args"),
    [
        (TypeError, ("401",)),
        (TypeError, (True,)),
        (ValueError, (200,)),
        (ValueError, (600,)),
        (ValueError, (401, "", {"X-A": "1\r\nX-B: 2"})),
    ],
)
def test_refusals_that_cannot_be_sent(error, args):
    """Said where they are made, not where a client waits for them."""
    with pytest.raises(error):
        Refusal(*args)


def test_linger_reads_to_the_end(pair):
    """Our side ends at once; the peer's words are let pass until its own end."""
    ours, theirs = pair
    theirs.sendall(bytes(10_000))
    thread = threading.Thread(target=linger, args=(ours, 30))
    thread.start()
    assert theirs.recv(1) == b""
    theirs.sendall(bytes(10_000))
    theirs.shutdown(socket.SHUT_WR)
    thread.join(10)
    assert not thread.is_alive()
    assert ours.recv(1) == b""


def test_linger_has_bounds(pair):
    """In time, and in bytes; a socket that is gone is no error."""
    ours, theirs = pair
    linger(ours, 0.01)
    theirs.sendall(bytes(30_000))
    linger(ours, 30, most=16_384)
    assert ours.recv(1) == b"\0"
    ours.close()
    linger(ours)


def test_a_peer_that_leaves_early(pair):
    """Half a request and the end of stream."""
    ours, theirs = pair
    theirs.sendall(head()[:20])
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(ProtocolError, match="left before"):
        upgrade(
            ours,
            ADDRESS,
            timeout=10,
            subprotocols=(),
            check=lambda request: None,
            answer=bytes,
        )


def judge(ours, timeout):
    return upgrade(
        ours,
        ADDRESS,
        timeout=timeout,
        subprotocols=(),
        check=lambda request: None,
        answer=bytes,
    )


@pytest.mark.parametrize("timeout", [0.05, 1e-9])
def test_a_silent_peer_has_a_deadline(pair, timeout):
    """OpenTimeout, whether the wait or the look at the clock notices."""
    with pytest.raises(OpenTimeout, match="in time"):
        judge(pair[0], timeout)


def test_drip_feeding_does_not_move_the_deadline(pair):
    """One deadline for the whole request, not one for each byte."""
    ours, theirs = pair
    done = threading.Event()

    def drip():
        for byte in head() * 100:
            if done.wait(0.005):
                return
            theirs.send(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    started = time.monotonic()
    try:
        with pytest.raises(OpenTimeout):
            # Longer than the gaps, far shorter than the whole.
            judge(ours, 0.2)
    finally:
        done.set()
        thread.join()
    assert time.monotonic() - started >= 0.2


def test_drip_feeding_in_time_is_fine(pair):
    """One byte at a time, as a slow network might."""
    ours, theirs = pair
    result = []
    thread = threading.Thread(target=lambda: result.append(judge(ours, 10)))
    thread.start()
    for byte in head():
        theirs.send(bytes([byte]))
    thread.join()
    assert isinstance(result[0], Upgrade)


def test_a_peer_that_does_not_take_the_answer(pair):
    """The answer is under the deadline, too."""
    ours, theirs = pair
    theirs.sendall(head())
    with pytest.raises(OpenTimeout):
        upgrade(
            ours,
            ADDRESS,
            timeout=0.1,
            subprotocols=(),
            check=lambda request: None,
            answer=lambda data: bytes(8 * 2**20),
        )


def test_nothing_of_the_request_is_logged(pair, caplog):
    """The websockets package would write every header into its debug log."""
    caplog.set_level(logging.DEBUG)
    ask(pair, head("/?token=planted-1", "Authorization: Bearer planted-2"))
    assert "planted" not in caplog.text


def test_without_the_websockets_package(monkeypatch):
    """The error names the extra to install."""
    monkeypatch.setitem(sys.modules, "websockets.server", None)
    monkeypatch.delitem(sys.modules, "voxsync.server.upgrade")
    with pytest.raises(MissingExtra, match=r"voxsync\[server\]"):
        importlib.import_module("voxsync.server.upgrade")
