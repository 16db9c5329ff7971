"""What services have in common: a service that does nothing else."""

import contextlib
import socket

import pytest

from tests.media.toys import in_thread
from tests.server.conftest import until
from tests.simulators.raw_client import RawClient
from voxsync.errors import InvalidState
from voxsync.server import Refusal, ServerSession
from voxsync.simulators.acts import Acts
from voxsync.simulators.faults import fault
from voxsync.simulators.record import Record
from voxsync.simulators.service import Service


class One:
    """A session."""

    def __init__(self, session, record, acts):
        self.session, self.record, self.acts = session, record, acts


class Bare(Service):
    """Lets in who asks for "/"; keeps what it was asked to do."""

    def __init__(self, *faults, port=0):
        self.log = []
        super().__init__(
            "127.0.0.1",
            port,
            record=Record,
            acts=Acts,
            faults=faults,
            max_message_size=1000,
            max_connections=10,
            open_timeout=10.0,
            ssl_context=None,
        )

    def _begin(self):
        self.log.append("begin")

    def _cease(self):
        self.log.append("cease")

    def _let_go(self, conversation, timeout):
        self.log.append(f"let go {conversation.record.number}")

    def _judge(self, incoming):
        return None if incoming.path == "/" else Refusal(404)

    def _make_session(self, incoming, options):
        session = ServerSession(incoming, options, wrap=self._here.acts.wrap)
        one = One(session, self._here.record, self._here.acts)
        session.add_event_listener("close", lambda _: self._over(one))
        self._add(one)
        return session


def test_its_life():
    """It begins once, and lets go of who is there at the end."""
    service = Bare()
    assert "0 sessions" in repr(service)
    with service, RawClient(service) as stays:
        with pytest.raises(InvalidState, match="make a new one"):
            service.start()
        with RawClient(service) as goes:
            goes.send_frame(8, b"\x03\xe8")
            assert service.wait_record(2).over.is_set()
        assert "1 sessions" in repr(service)
        join = in_thread(service.close)
        assert stays.read_frame() == (0x88, b"\x03\xe9the server is closing")
        stays.send_frame(8, b"\x03\xe9")
        join()
    assert [each.number for each in service.records if each.over.is_set()] == [1, 2]
    assert service.log[:3] == ["begin", "let go 1", "cease"]
    assert "closed" in repr(service)
    with pytest.raises(InvalidState):
        service.start()


def test_a_start_that_fails():
    """What it began is ended, and it may be closed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service = Bare(port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            service.start()
        assert service.log == ["begin", "cease"]
        service.close()


def test_who_is_refused():
    """By the service, or by a fault, which comes first; the record tells."""
    with Bare(fault("status", status=418, connections=1)) as service:
        for number, status in ((1, 418), (2, 404)):
            with RawClient(service, target="/elsewhere") as client:
                assert client.status == status
            record = service.wait_record(number)
            assert (record.path, record.status) == ("/elsewhere", status)
        with RawClient(service) as client:
            assert client.status == 101
        assert [each.faults for each in service.records] == [("status",), (), ()]


def test_who_is_sent_away():
    """Before anything was said."""
    with Bare(fault("hang_up")) as service:
        with RawClient(service, connect=False) as client:
            assert client.sock.recv(1) == b""
        assert service.wait_record(1).status is None


def test_who_waits_for_an_answer_at_the_end():
    """There is none; the record says so."""
    with Bare(fault("no_answer")) as service, RawClient(service, connect=False) as peer:

        def close():
            until(lambda: service.records and service.records[0].path)
            service.close()

        join = in_thread(close)
        with contextlib.suppress(ConnectionError):
            peer.upgrade(())
        join()
        assert peer.status is None
        assert service.wait_record(1).status is None
