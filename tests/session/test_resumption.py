"""A session goes on by another connection, and nobody misses a word."""

import contextlib
import threading

import pytest

from tests.peers import close_frame, frame
from voxsync.dialects.base import Dialect
from voxsync.dialects.plain import PlainDialect
from voxsync.errors import ConnectError, InvalidState, SessionClosed
from voxsync.session import resumption
from voxsync.session.connection import Connection
from voxsync.session.resumption import resume
from voxsync.session.waiting import wait_for

SOON = 10.0


def again(session, url=None):
    resume(session, PlainDialect(url or session.url), SOON)


def test_messages_go_on(echo, make):
    """One `open`, no `close` between; `receive()` is the same loop."""
    session = make(echo.url).connect()
    messages = session.receive(SOON)
    for number in range(3):
        session.send_text(f"before {number}")
        assert next(messages) == f"before {number}"
        again(session)
        session.send_text(f"after {number}")
        assert next(messages) == f"after {number}"
    assert session.is_active
    session.close()
    assert session.wait_closed(SOON).code == 1000
    session.log.check()
    assert session.log.kinds.count("message") == 6
    assert session.log.of("error") == []


def test_the_first_is_closed_properly(peer, make):
    """With 1000; what it still says comes before what the second says."""
    codes = [None, None]

    def script(conn):
        number = made.conns.index(conn.sock)
        while True:
            opcode, data = conn.read_frame()
            if opcode == 8:
                codes[number] = int.from_bytes(data[:2])
                conn.send(frame(1, f"last of {number}".encode()) + close_frame(1000))
                return
            conn.send(frame(1, f"{number}: ".encode() + data))

    made = peer(script)
    session = make(made.url).connect()
    messages = session.receive(SOON)
    session.send_text("hello")
    assert next(messages) == "0: hello"
    again(session)
    session.send_text("hello")
    assert [next(messages), next(messages)] == ["last of 0", "1: hello"]
    session.close()
    assert codes == [1000, 1000]


def test_what_is_queued_goes_out_on_the_second(peer, make):
    """Nothing that was accepted is lost, however slow the first was."""
    got, second = [], threading.Event()

    def script(conn):
        mine = []
        got.append(mine)
        if len(got) == 1:
            second.wait(SOON)  # deaf until the other one is there
        else:
            second.set()
        while True:
            opcode, data = conn.read_frame()
            if opcode == 8:
                conn.send(close_frame(1000))
                return
            mine.append(data)

    made = peer(script, receive_buffer=4096)
    session = make(made.url, send_buffer=4096, write_buffer=4096).connect()
    said = [bytes([n]) * 4096 for n in range(40)]

    def talk():
        for block in said:
            session.send_binary(block)

    thread = threading.Thread(target=talk)
    thread.start()
    again(session)
    thread.join(SOON)
    session.close()
    assert len(got) == 2
    assert got[0] + got[1] == said


class Owing:
    """Debts that are never paid; looks about whenever it is asked."""

    leaves_at = float("inf")

    def __init__(self, look=lambda: None):
        self.look = look

    @property
    def owes(self):
        self.look()
        return True

    def is_for_next(self, command):
        return True

    def lost(self):
        return InvalidState("a debt")


def test_what_is_owed_is_waited_for_and_told(echo, make):
    """Until the time is up; what is sent meanwhile goes out on the second."""
    session = make(echo.url).connect()
    first, sent = session._connection, []

    def look():
        if first.place._parting is not None and not sent:
            sent.append(session.send_text("meanwhile"))

    resume(session, PlainDialect(session.url), 0.5, Owing(look))
    assert next(session.receive(SOON)) == "meanwhile"
    assert (first.engine.messages_sent, len(sent)) == (0, 1)
    session.close()
    assert [str(event.error) for event in session.log.of("error")] == ["a debt"]
    session.log.check()


def test_a_second_that_ends_while_the_first_pays(echo, make, monkeypatch):
    """The session is as it was."""
    made = []

    class Watched(Connection):
        def __init__(self, *args):
            super().__init__(*args)
            made.append(self)

    def look():
        made[0].cancelled = True
        made[0].wake()

    session = make(echo.url).connect()
    monkeypatch.setattr(resumption, "Connection", Watched)
    with pytest.raises(ConnectError, match="ended early"):
        resume(session, PlainDialect(session.url), 600.0, Owing(look))
    session.send_text("still here")
    assert next(session.receive(SOON)) == "still here"
    session.close()
    assert session.log.of("error") == []


class Saying(PlainDialect):
    """Says a word at the end of the input."""

    def finish(self):
        return self.encode("that is all")


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_end_of_the_input_is_told_on_the_second(echo, make, when):
    """Also where the first was told so: what answers it may come on the second."""
    session = make(echo.url)
    session._make_dialect = lambda: Saying(session.url)
    session.connect()
    messages = session.receive(SOON)
    if when == "before":
        session.finish()
        assert next(messages) == "that is all"
    resume(session, Saying(session.url), SOON)
    if when == "after":
        session.finish()
    assert next(messages) == "that is all"
    with pytest.raises(InvalidState):
        session.send_text("more")
    session.close()
    assert session.log.kinds.count("message") == (2 if when == "before" else 1)
    session.log.check()


def test_a_second_that_cannot_be_opened(echo, make):
    """The session is as it was."""
    session = make(echo.url).connect()
    with pytest.raises(ConnectError):
        again(session, "ws://127.0.0.1:1/")
    session.send_text("still here")
    assert next(session.receive(SOON)) == "still here"
    session.close()
    session.log.check()


class Never(Dialect):
    """A service that is never ready."""

    def __init__(self, url):
        self.url = url

    def request(self):
        return PlainDialect(self.url).request()

    def opened(self):
        return ()

    def encode(self, command):
        return ()

    def decode(self, data):
        return ()

    def verdict(self, code, reason, *, by_us, was_clean):
        return None


def test_a_second_that_takes_too_long(echo, make):
    """The first goes on; nothing of the second is left."""
    session = make(echo.url).connect()
    with pytest.raises(ConnectError, match="not open within"):
        resume(session, Never(echo.url), 0.05)
    session.send_text("still here")
    assert next(session.receive(SOON)) == "still here"
    session.close()


def test_a_second_that_ends_at_once(peer, make):
    """Then the session ends with it, once and properly told."""

    def script(conn):
        if conn.sock is not made.conns[0]:
            conn.send(close_frame(4001))
        while conn.read_frame()[0] != 8:
            pass
        if conn.sock is made.conns[0]:
            conn.send(close_frame(1000))

    made = peer(script)
    session = make(made.url).connect()
    again(session)
    assert session.wait_closed(SOON).code == 4001
    session.log.check()


def test_a_session_that_is_over(echo, make):
    """There is nothing to go on with."""
    session = make(echo.url).connect()
    session.close()
    with pytest.raises(SessionClosed):
        again(session)


def test_before_it_is_open(echo, make):
    """Connect it first."""
    with pytest.raises(InvalidState, match="connect"):
        again(make(echo.url))


def test_one_at_a_time(echo, make):
    """A second thread is told to leave it."""
    session = make(echo.url).connect()
    with session._resuming, pytest.raises(InvalidState, match="another thread"):
        again(session)
    session.close()


def test_cancelled_meanwhile(echo, make):
    """Whatever the moment: one `close`, and no thread is left."""
    for _ in range(20):
        session = make(echo.url).connect()
        thread = threading.Thread(target=session.cancel)
        thread.start()
        with contextlib.suppress(SessionClosed, ConnectError):
            again(session)
        thread.join()
        session.cancel()
        session.wait_closed(SOON)
        session.log.check()


def test_ctrl_c_while_it_opens(echo, make, monkeypatch):
    """The second is given up; the first goes on."""
    session = make(echo.url).connect()

    def interrupted(connection, timeout):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "wait_open", interrupted)
        with pytest.raises(KeyboardInterrupt):
            again(session)
    session.send_text("still here")
    assert next(session.receive(SOON)) == "still here"
    session.close()


class Fatal(PlainDialect):
    """The session ends while the second connection is being opened."""

    def __init__(self, url, session):
        super().__init__(url)
        self.session = session

    def opened(self):
        self.session.cancel()
        self.session._connection.io_done.wait(SOON)
        return super().opened()


def test_the_session_ends_while_the_second_opens(echo, make):
    """There is nothing to go on with any more; nothing of the second is left."""
    session = make(echo.url).connect()
    with pytest.raises(SessionClosed):
        resume(session, Fatal(session.url, session), SOON)
    session.wait_closed(SOON)
    session.log.check()


def test_a_first_that_does_not_answer(peer, make):
    """Its time is up; what it had not sent is told."""

    def script(conn):
        if conn.sock is made.conns[0]:
            conn.until_stopped()
        while conn.read_frame()[0] != 8:
            pass
        conn.send(close_frame(1000))

    made = peer(script)
    session = make(made.url, close_timeout=0.05).connect()
    again(session)
    session.send_text("on the second")
    session.close()
    session.log.check()


def test_what_the_first_could_not_send_is_told(peer, make):
    """Of what was encoded already nobody else knows."""

    def script(conn):
        if conn.sock is made.conns[0]:
            conn.until_stopped()
        while conn.read_frame()[0] != 1:
            pass
        conn.send(close_frame(1000))
        conn.read_frame()

    made = peer(script, receive_buffer=4096)
    # The time is the first's: the second is closed by its peer, however late.
    session = make(
        made.url, send_buffer=4096, send_queue=4, close_timeout=0.05
    ).connect()
    for _ in range(5):  # one more than fit: so one at least was encoded
        session.send_binary(bytes(65536), timeout=SOON)
    again(session)
    session.send_text("that is all", timeout=SOON)
    assert session.wait_closed(SOON).code == 1000
    session.log.check()
    (error,) = session.log.of("error")
    assert isinstance(error.error, SessionClosed)
    assert error.error.unsent > 0
    assert "did not go out before the session was resumed" in str(error.error)


def test_a_second_that_ends_before_it_leads(peer, make):
    """The session ends with it, as soon as the first is gone."""

    def script(conn):
        if conn.sock is made.conns[0]:
            conn.until_stopped()
        conn.send(close_frame(4001))
        conn.read_frame()

    made = peer(script)
    session = make(made.url, close_timeout=0.2).connect()
    again(session)
    assert session.wait_closed(SOON).code == 4001
    session.log.check()


def test_ctrl_c_while_the_first_closes(peer, make, monkeypatch):
    """The second leads all the same, at once."""

    def script(conn):
        if conn.sock is made.conns[0]:
            conn.until_stopped()
        while conn.read_frame()[0] != 8:
            pass
        conn.send(close_frame(1000))

    def interrupted(event, timeout):
        if timeout == session.options.close_timeout:
            raise KeyboardInterrupt
        return wait_for(event, timeout)

    made = peer(script)
    session = make(made.url).connect()
    with monkeypatch.context() as patch:
        patch.setattr(resumption, "wait_for", interrupted)
        with pytest.raises(KeyboardInterrupt):
            again(session)
    session.send_text("on the second")
    session.close()
    assert session.wait_closed(SOON).code == 1000
    session.log.check()
