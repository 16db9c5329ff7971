"""One connection on its own thread: TLS, tampering, and sessions that fail."""

import logging

import pytest

from tests.server.conftest import Sessions, head, until
from voxsync.server import ServerSession
from voxsync.session import ReadyState
from voxsync.wire import Close, Text


def broken_dialect(request, options):
    session = ServerSession(request, options)
    session._make_dialect = [].pop
    return session


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda request, options: [].pop(), "pop from empty list"),
        (lambda request, options: None, "must return a Session, not NoneType"),
        (broken_dialect, "pop from empty list"),
    ],
    ids=["raises", "nothing", "dialect"],
)
def test_no_session_can_be_made(listening, client, caplog, make, words):
    """The client is told with 1011, the log has the traceback; the next is served."""
    made = [ServerSession, make]

    def next_(request, options):
        return made.pop()(request, options)

    listener = listening(make_session=next_)
    sessions = Sessions(listener)
    raw = client(listener)
    raw.upgrade()
    assert raw.until_close() == Close(1011, "the server failed")
    raw.close()
    until(lambda: words in caplog.text)
    assert "Traceback" in caplog.text
    client(listener).upgrade()
    assert sessions.wait().ready_state is ReadyState.OPEN
    assert listener.sessions == {sessions[0]}


def test_a_handshake_that_failed_is_told_once(listening, client, caplog):
    """One line with the address, a warning; a refusal is none."""
    caplog.set_level(logging.INFO)
    listener = listening(path="/voice")
    for words in (b"x\r\n\r\n", head("/other?t=planted-1", "X-Token: planted-2")):
        raw = client(listener)
        raw.send(words)
        raw.rest()
        raw.close()
        until(lambda: not len(listener._places))
    told = [record for record in caplog.records if "did not open" in record.message]
    assert [record.levelname for record in told] == ["WARNING", "INFO"]
    assert all("of 127.0.0.1 did" in record.message for record in told)
    assert "planted" not in caplog.text


def test_a_tamper_that_fails(listening, client, caplog):
    """It costs its connection; the log has the traceback, the count too."""
    listener = listening(tamper=Tamper(accepts=[].pop))
    raw = client(listener)
    assert raw.rest() == b""
    until(lambda: listener.stats.failed_handshakes)
    assert "Traceback" in caplog.text


# Tampering


class Tamper:
    def __init__(self, accepts=True, answer=None):
        self.accepts = accepts
        self.words = answer

    def accepted(self, sock):
        if callable(self.accepts):
            self.accepts()
        if not self.accepts:
            sock.sendall(b"mine")
        return self.accepts

    def answer(self, data):
        return self.words or data


def test_a_tamper_may_take_the_connection(listening, client):
    """What it said is all that the client gets."""
    listener = listening(tamper=Tamper(accepts=False))
    raw = client(listener)
    assert raw.rest() == b"mine"
    assert listener.sessions == frozenset()


def test_a_tamper_may_change_the_answer(listening, client):
    """The session begins all the same."""
    listener = listening(tamper=Tamper(answer=b"HTTP/1.1 101 Yes\r\n\r\n"))
    sessions = Sessions(listener)
    raw = client(listener)
    raw.upgrade()
    sessions.wait().send_text("x")
    assert raw.next() == Text("x")


def test_a_tamper_may_do_nothing(listening, client):
    """Then all is as without it."""
    raw = client(listening(tamper=Tamper()))
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in raw.upgrade()
