"""The HTTP upgrade: what is asked, which answers count, what a refusal tells."""

import contextlib
import hashlib
import socket
import threading
import time
import types
from base64 import b64encode

import pytest

from tests.peers import GUID
from voxsync.errors import ConnectError, HandshakeError
from voxsync.transport import upgrade as module
from voxsync.transport.upgrade import upgrade

KEY = b64encode(bytes(16))
ACCEPT = b64encode(hashlib.sha1(KEY + GUID).digest())
TOKEN = "s3cr3t-t0k3n-0123456789"
GOOD = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n"
)


@pytest.fixture
def pair(monkeypatch):
    """Our socket and the server's; the key is known, so answers can be too."""
    monkeypatch.setattr(module, "os", types.SimpleNamespace(urandom=bytes))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(10)
        yield ours, theirs


@pytest.fixture
def ask(pair):
    """Upgrade against an answer that is there already; `request` is what was asked."""
    ours, theirs = pair

    def ask_(answer, url="ws://example.org/", headers=(), subprotocols=(), *, end=True):
        theirs.sendall(answer)
        if end:
            theirs.shutdown(socket.SHUT_WR)
        ask_.request = ""
        try:
            deadline = time.monotonic() + 5
            return upgrade(ours, url, headers, subprotocols, deadline)
        finally:
            with contextlib.suppress(ConnectionError):
                ask_.request = theirs.recv(65536).decode("latin-1")

    return ask_


GIVEN = (("Authorization", "Bearer t"),)


def refused(ask, answer, **how):
    """The error that this answer amounts to."""
    with pytest.raises(HandshakeError) as caught:
        ask(answer, **how)
    return caught.value


# The request


def test_the_request_is_what_rfc_6455_asks_for(ask):
    """Path and query, host, key and version, and an empty line behind them."""
    ask(GOOD, "ws://example.org:8080/a/b?c=d&e")
    assert ask.request.split("\r\n") == [
        "GET /a/b?c=d&e HTTP/1.1",
        "Host: example.org:8080",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY.decode()}",
        "Sec-WebSocket-Version: 13",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("ws://example.org", "/", "example.org"),
        ("ws://example.org:80/", "/", "example.org"),
        ("wss://example.org:443/", "/", "example.org"),
        ("ws://example.org:443/", "/", "example.org:443"),
        ("wss://example.org?x=1", "/?x=1", "example.org"),
        ("ws://user:password@example.org/", "/", "example.org"),
        ("ws://[::1]:9/", "/", "[::1]:9"),
    ],
)
def test_target_and_host(ask, url, target, host):
    """The default port and the user information are not named, all else is."""
    ask(GOOD, url)
    assert ask.request.startswith(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n")


def test_headers_keep_their_order(ask):
    """Extra headers follow in the order given, repeated ones too, in ISO 8859-1."""
    ask(GOOD, headers=[("X-B", "1"), ("X-A", "\xe9"), ("X-B", "2")])
    assert ask.request.endswith("\r\nX-B: 1\r\nX-A: \xe9\r\nX-B: 2\r\n\r\n")


def test_headers_override_ours(ask):
    """A header of the same name, in any case, replaces the one we would send."""
    ask(GOOD, headers=[("HOST", "virtual.example")])
    hosts = [line for line in ask.request.split("\r\n") if line.lower()[:4] == "host"]
    assert hosts == ["HOST: virtual.example"]


# Good answers


def test_frames_behind_the_answer_are_kept(ask):
    """A server may talk at once: its first bytes come with the answer."""
    assert ask(GOOD + b"\x81\x02hi").rest == b"\x81\x02hi"


def test_headers_of_the_answer(ask):
    """Names in lower case, values trimmed, repeated ones joined."""
    answer = GOOD.replace(b"\r\n\r\n", b"\r\nX-A:  1 \r\nx-a:2\r\n\r\n")
    assert ask(answer).headers["x-a"] == "1, 2"


def test_tokens_in_any_case_and_company(ask):
    """Upgrade and Connection are lists of words in any case."""
    answer = GOOD.replace(b"Upgrade: websocket", b"upgrade: h2c, WebSocket")
    answer = answer.replace(b"Connection: Upgrade", b"CONNECTION: keep-alive, UPGRADE")
    assert ask(answer).subprotocol is None


def test_a_subprotocol_is_chosen(ask):
    """All are offered, best first; the server's choice is told."""
    answer = GOOD.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: b\r\n\r\n")
    assert ask(answer, subprotocols=("a", "b")).subprotocol == "b"
    assert "\r\nSec-WebSocket-Protocol: a, b\r\n" in ask.request


def test_an_answer_in_single_bytes(pair):
    """How the answer is cut into packets does not matter."""
    ours, theirs = pair
    with contextlib.suppress(OSError):
        theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def drip():
        for n in range(len(GOOD)):
            theirs.send(GOOD[n : n + 1])

    thread = threading.Thread(target=drip)
    thread.start()
    upgrade(ours, "ws://x/", (), (), time.monotonic() + 5)
    thread.join()


# Answers that are none


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"Upgrade: websocket\r\n", b"", "does not upgrade to websocket"),
        (b"websocket", b"h2c", "does not upgrade to websocket"),
        (b"Connection: Upgrade\r\n", b"", "does not upgrade the connection"),
        (b": Upgrade", b": close", "does not upgrade the connection"),
        (ACCEPT, b"AAAA", "does not answer our key"),
        (b"Sec-WebSocket-Accept", b"X-Accept", "does not answer our key"),
        (b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: x\r\n\r\n", "not offered"),
        (b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: x\r\n\r\n", "not offered"),
        (b"HTTP/1.1 101", b"HTTP/1.1 abc", "holds no status"),
        (b"HTTP/1.1 101 Switching Protocols", b"HTTP/1.1", "holds no status"),
        (b"HTTP/1.1", b"HTTP/2.0", "not HTTP/1.1"),
        (b"\r\n\r\n", b"\r\nno colon here\r\n\r\n", "no header"),
        (b"\r\n\r\n", b"\r\n folded: line\r\n\r\n", "no header"),
        (b"\r\n\r\n", b"\r\n: no name\r\n\r\n", "no header"),
    ],
)
def test_a_101_that_is_not_valid(ask, old, new, why):
    """Each rule of RFC 6455, 4.1 that an answer can break is named in the error."""
    error = refused(ask, GOOD.replace(old, new))
    assert "not valid" in str(error)
    assert why in str(error)


def test_garbage(ask):
    """A server that speaks something else is recognised by its first bytes."""
    error = refused(ask, b"SSH-2.0-OpenSSH_9.2\r\n", end=False)
    assert error.status == 0
    assert b"SSH-2.0" in error.body


def test_a_head_without_end(ask):
    """64 KiB of head are enough; more is not read."""
    lines = b"HTTP/1.1 101 x\r\n" + b"X-Long: y\r\n" * 7000
    assert len(lines) > 64 * 1024
    assert "too large" in str(refused(ask, lines, end=False))


@pytest.mark.parametrize(
    ("answer", "words"), [(b"", "instead of answering"), (GOOD[:50], "within its ans")]
)
def test_the_server_leaves(ask, answer, words):
    """Nothing, or half an answer: the error tells which."""
    with pytest.raises(ConnectError, match=words) as caught:
        ask(answer)
    assert not isinstance(caught.value, HandshakeError)


def test_the_deadline_is_one_for_all_reads(pair):
    """A server that sends a byte now and then gains no time by it."""
    ours, theirs = pair
    stop = threading.Event()

    def drip():
        for n in range(len(GOOD) - 1):
            if stop.wait(0.01):
                return
            theirs.send(GOOD[n : n + 1])

    thread = threading.Thread(target=drip)
    thread.start()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        upgrade(ours, "ws://x/", (), (), started + 0.1)
    assert time.monotonic() - started < 0.5
    stop.set()
    thread.join()


def test_a_deadline_that_is_over(pair):
    """Nothing is sent when there is no time left."""
    ours, _ = pair
    with pytest.raises(TimeoutError):
        upgrade(ours, "ws://x/", (), (), time.monotonic() - 1)


# Refusals


def test_a_refusal_tells_all(ask):
    """Status, reason, headers and body are there, and a hint about the token."""
    answer = (
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\nX-Why: expired\r\n\r\n"
        b"bad  \r\n\ntoken and more that is not part of it"
    )
    answer = answer.replace(b"9\r\n", b"12\r\n")
    error = refused(ask, answer, headers=GIVEN, end=False)
    assert error.status == 401
    assert error.is_auth
    assert error.headers == {"content-length": "12", "x-why": "expired"}
    assert error.body == b"bad  \r\n\ntoke"
    assert str(error) == (
        "the service answered 401 Unauthorized: bad toke"
        "; check the token: expired, wrong scope, or not for this service"
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "403 No; check the token: expired, wrong scope, or not for this service"),
        (b"not from this page", "403 No: not from this page"),
    ],
)
def test_a_token_is_spoken_of_where_it_may_be_the_cause(ask, body, words):
    """403 has many causes: the service's own words stand alone."""
    head = f"HTTP/1.1 403 No\r\nContent-Length: {len(body)}\r\n\r\n"
    error = refused(ask, head.encode() + body, headers=GIVEN, end=False)
    assert str(error) == f"the service answered {words}"


@pytest.mark.parametrize(
    ("how", "was_given"),
    [
        ({}, False),
        ({"url": "ws://x/path", "headers": (("X-Other", "1"),)}, False),
        ({"headers": (("x-goog-api-key", "abc"),)}, True),
        ({"url": "ws://x/?key=abcdef"}, True),
        ({"url": "ws://user:word@x/"}, True),
    ],
)
def test_nothing_was_given_to_be_checked(ask, how, was_given):
    """Who gave no token need not look for what is wrong with it."""
    error = refused(ask, b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", **how)
    assert ("check the token" in str(error)) is was_given
    assert ("no api_key was given, nor any other token" in str(error)) is not was_given


def test_a_redirect_is_not_followed(ask):
    """The error says so, and where it would have led."""
    error = refused(ask, b"HTTP/1.1 302 Found\r\nLocation: ws://else/\r\n\r\n")
    assert error.headers["location"] == "ws://else/"
    assert "redirects are not followed" in str(error)
    assert not error.is_auth


def test_a_bare_status(ask):
    """A status line without reason and an answer without a body are enough."""
    error = refused(ask, b"HTTP/1.1 503\r\n\r\n")
    assert str(error) == "the service answered 503"
    assert error.body == b""


@pytest.mark.parametrize("length", [b"", b"Content-Length: many\r\n"])
def test_a_body_until_the_end(ask, length):
    """Without a length that counts, the body goes on until the server leaves."""
    answer = b"HTTP/1.1 400 Bad\r\n" + length + b"\r\n" + b"x" * 1000
    assert refused(ask, answer).body == b"x" * 1000


def test_a_chunked_body(ask):
    """Chunks are shown as they came: this is for people, not for machines."""
    head = b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b"quota" in refused(ask, head + b"5\r\nquota\r\n0\r\n\r\n").body


@pytest.mark.parametrize("length", [b"", b"Content-Length: 999999999\r\n"])
def test_a_huge_body(pair, length):
    """64 KiB of a body are kept, whatever is announced."""
    ours, theirs = pair

    def flood():
        theirs.sendall(b"HTTP/1.1 500 Oh\r\n" + length + b"\r\n")
        with contextlib.suppress(OSError):
            while True:
                theirs.sendall(b"x" * 65536)

    thread = threading.Thread(target=flood)
    thread.start()
    with pytest.raises(HandshakeError) as caught:
        upgrade(ours, "ws://x/", (), (), time.monotonic() + 5)
    ours.close()
    thread.join()
    assert caught.value.body == b"x" * 65536
    assert len(str(caught.value)) < 300


def test_a_body_that_never_ends_has_its_own_patience(ask, monkeypatch):
    """The status is known; waiting for the rest of a body is not worth a deadline."""
    monkeypatch.setattr(module, "_BODY_PATIENCE", 0.05)
    started = time.monotonic()
    answer = b"HTTP/1.1 401 No\r\nContent-Length: 100\r\n\r\nsome"
    assert refused(ask, answer, end=False).body == b"some"
    assert time.monotonic() - started < 1


def test_secrets_the_server_repeats_are_masked(ask):
    """Neither message, body, headers, str nor repr of a refusal hold the token."""
    answer = (
        f"HTTP/1.1 401 No {TOKEN}\r\nX-Echo: Bearer {TOKEN}\r\n\r\n"
        f"not for {TOKEN} nor for key-in-query"
    ).encode()
    error = refused(
        ask,
        answer,
        url="wss://example.org/?k=key-in-query",
        headers=[("Authorization", f"Bearer {TOKEN}")],
    )
    shown = f"{error} {error!r} {error.headers} {error.body!r} {vars(error)}"
    assert TOKEN not in shown
    assert "key-in-query" not in shown
    assert error.status == 401
