"""A8: a planted token reaches no repr, log, exception or output, however we fail."""

import io
import logging
import socket
import subprocess
import sys
import traceback

import pytest

from tests.peers import close_frame, frame
from voxsync import MimiSession, PlainSession, SessionOptions, VoxsyncError
from voxsync.server import Listener, Refusal

TOKEN = "s3cr3t-t0k3n-0123456789"


def everything(exc):
    """All that a program could print of an exception."""
    parts = []
    while exc is not None:
        parts += [str(exc), repr(exc), repr(vars(exc)), *map(repr, exc.args)]
        parts.append("".join(traceback.format_exception(exc)))
        exc = exc.__cause__
    return "\n".join(parts)


def refuse(answer):
    def script(conn):
        conn.read_head()
        conn.send(answer)

    return script, False


def after_upgrade(*data):
    def script(conn):
        conn.send(b"".join(data))
        conn.sock.shutdown(socket.SHUT_WR)
        conn.until_eof()

    return script, True


ECHOED = TOKEN.encode()
WAYS = {
    "refused with the token in the body": refuse(
        b"HTTP/1.1 401 No " + ECHOED + b"\r\nX-Echo: " + ECHOED + b"\r\n\r\n" + ECHOED
    ),
    "redirected to a URL with the token": refuse(
        b"HTTP/1.1 302 Found\r\nLocation: ws://x/?key=" + ECHOED + b"\r\n\r\n"
    ),
    "not HTTP": refuse(ECHOED * 10),
    "bad accept key": refuse(
        b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        b"Sec-WebSocket-Accept: " + ECHOED + b"\r\n\r\n"
    ),
    "no answer": ((lambda conn: conn.until_stopped()), False),
    "server leaves": ((lambda conn: None), False),
    "garbage": after_upgrade(b"\xff" * 20),
    "closed with the token": after_upgrade(
        close_frame(4001, f"{TOKEN} of /?key={TOKEN}&a=b")
    ),
    "closed well with the token": after_upgrade(close_frame(1000, f"bye {TOKEN}")),
    "bad close code": after_upgrade(close_frame(4003, "idle")),
    "lost connection": after_upgrade(frame(1, b"{}")),
    "bad JSON": after_upgrade(frame(1, b"{nonsense"), close_frame(1011, "x")),
}


@pytest.fixture
def logged():
    """All loggers at DEBUG, into one text."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def sessions(url):
    """The ways a secret gets into a session."""
    quick = {"open_timeout": 0.2, "eof_timeout": 0.1}
    yield MimiSession(TOKEN, url=url, options=SessionOptions(**quick))
    yield MimiSession(
        lambda: TOKEN,
        url=f"{url}?access-token={TOKEN}",
        headers={"X-Api-Key": TOKEN},
        options=SessionOptions(**quick),
    )
    yield PlainSession(
        f"{url}?key={TOKEN}",
        options=SessionOptions(headers={"Authorization": f"Bearer {TOKEN}"}, **quick),
    )


@pytest.mark.parametrize("way", list(WAYS))
def test_many_ways_to_fail(peer, logged, way, capfd):
    """Nothing that a program would show holds the token."""
    script, upgrade = WAYS[way]
    url, shown = peer(script, upgrade=upgrade).url, []

    def note(event):
        shown.append(repr(event))

    for session in sessions(url):
        for kind in ("created", "open", "message", "error", "close"):
            session.add_event_listener(kind, note)
        shown += [repr(session), repr(session.options), str(session)]
        shown += [repr(session._make_dialect().request())]
        try:
            session.connect()
            session.wait_closed(5)
            list(session.receive())
        except VoxsyncError as exc:
            shown.append(everything(exc))
        else:
            session.cancel()
        close = session.wait_closed(5)
        shown += [repr(close), repr(session), everything(close.error)]
        shown += [repr(thread) for thread in [session._io_thread]]
    shown += [logged.getvalue(), *capfd.readouterr()]
    assert TOKEN not in "\n".join(shown)


def test_a_server_shows_no_token_of_its_clients(logged):
    """Requests, sessions and the upgrade's log are masked."""
    shown, verdict = [], [None]

    def check(request):
        shown.append(repr(request))
        return verdict[0]

    listener = Listener(check=check)

    def connected(listener, session):
        shown.extend([repr(session), repr(session.request)])

    listener.connection.connect(connected)
    with listener:
        for session in sessions(listener.url):
            session.connect()
            session.close()
        verdict[0] = Refusal(403, "no")
        for session in sessions(listener.url):
            with pytest.raises(VoxsyncError):
                session.connect()
    shown += [repr(listener), logged.getvalue()]
    assert len(shown) > 8
    assert TOKEN not in "\n".join(shown)


def test_header_errors_do_not_show_the_value():
    """A token with a line break is refused by its header's name."""
    session = MimiSession(f"{TOKEN}\n", url="ws://127.0.0.1:9/")
    with pytest.raises(ValueError, match="Authorization") as info:
        session.connect()
    assert TOKEN not in everything(info.value)


def test_a_proxy_password_stays_inside(peer, logged):
    """Also when the proxy refuses."""
    port = peer(*refuse(b"HTTP/1.1 407 No\r\n\r\n")[:1], upgrade=False).port
    options = SessionOptions(proxy=f"http://me:{TOKEN}@127.0.0.1:{port}")
    session = PlainSession("ws://example.invalid/", options=options)
    with pytest.raises(VoxsyncError, match="proxy") as info:
        session.connect()
    shown = [everything(info.value), repr(options), repr(session), logged.getvalue()]
    assert TOKEN not in "\n".join(shown)


def test_an_uncaught_error_prints_no_token(peer):
    """The traceback of a program that does not catch it."""
    script, upgrade = WAYS["refused with the token in the body"]
    url = peer(script, upgrade=upgrade).url
    code = (
        "import os, sys; from voxsync import MimiSession;"
        "MimiSession(os.environ['MIMI_TOKEN'], url=sys.argv[1]).connect()"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, url],
        env={"MIMI_TOKEN": TOKEN, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "HandshakeError" in child.stderr
    assert TOKEN not in child.stderr + child.stdout
