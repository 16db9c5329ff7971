import socket
import threading

import pytest

from tests.simulators.raw_client import ASR, BREAK, RawClient
from voxsync.mimi import MimiSession
from voxsync.simulators.acts import Acts
from voxsync.simulators.faults import fault
from voxsync.simulators.mimi import MimiService

SECOND = bytes(32000)


def test_faults_are_chosen_by_connection():
    """A fault with `connections=2` is at work on the first two."""
    faults = [fault("ping", connections=2), fault("idle", seconds=7)]
    closing = threading.Event()
    assert Acts(2, faults, closing).names == ("ping", "idle")
    third = Acts(3, faults, closing)
    assert third.names == ("idle",)
    assert third.idle_timeout(30.0) == 7
    assert Acts(1, [], closing).idle_timeout(30.0) == 30.0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ping", b"\x89\x00"),
        ("ping_payload", b"\x89\x0eare you there?"),
        ("binary", b"\x82\x14" + bytes(range(128, 148))),
        ("empty_text", b"\x81\x00"),
        ("malformed_json", b'\x81\x1d{"type":"asr#mimilvcsr","resp'),
        ("not_utf8", b'\x81\x0d{"type":"\xff\xfe"}'),
        ("huge_frame", b"\x82\x7f\x40" + bytes(7)),
        ("garbage", b"\xff\xfe\xfd"),
        ("close_empty", b"\x88\x00"),
        ("close_short", b"\x88\x01\x03"),
    ],
)
def test_what_is_on_the_wire(name, expected):
    """Each strange frame has exactly these bytes."""
    with MimiService(faults=[fault(name)]) as service, RawClient(service, ASR) as peer:
        assert peer.read(len(expected)) == expected


def test_fragments_with_a_ping_in_between():
    """A fragmented result comes in three frames and a ping."""
    with (
        MimiService(faults=[fault("fragmented")]) as service,
        RawClient(service, ASR) as peer,
    ):
        peer.audio(SECOND)
        frames = [peer.read_frame() for _ in range(4)]
    assert [first for first, _ in frames] == [0x01, 0x00, 0x89, 0x80]
    text = b"".join(payload for first, payload in frames if first != 0x89)
    assert text.decode().startswith('{"type":"asr#mimilvcsr"')


def test_pings_are_not_answered():
    """With `no_pong` the next frame after a ping is the answer to something else."""
    for faults, expected in (([], 0x8A), ([fault("no_pong")], 0x81)):
        with MimiService(faults=faults) as service, RawClient(service, ASR) as peer:
            if faults:  # behind a result the fault is surely at work
                peer.audio(SECOND[:9600])
                peer.read_frame()
            peer.send_frame(9, b"well?")
            if faults:
                peer.audio(SECOND[:9600])
            assert peer.read_frame()[0] == expected


@pytest.mark.parametrize("name", ["reset", "hang_up"])
def test_how_a_connection_is_dropped_at_once(name):
    """`reset` is RST, `hang_up` is FIN; both are connections that are over."""
    with MimiService(faults=[fault(name)]) as service:
        try:
            with socket.create_connection(("127.0.0.1", service.port), 10) as sock:
                seen = sock.recv(1)
        except ConnectionResetError:
            seen = "RST"
        assert seen == ("RST" if name == "reset" else b"")
        record = service.wait_record(1)
        assert (record.status, record.faults) == (None, (name,))


@pytest.mark.parametrize("name", ["silent", "delay", "no_answer", "delay_answer"])
def test_closing_the_service_ends_waits_before_the_session(name):
    """No delay outlives `close()`."""
    with (
        MimiService(faults=[fault(name, seconds=3600)]) as service,
        RawClient(service, connect=False) as peer,
    ):
        closer = threading.Timer(0.05, service.close)
        closer.start()
        try:
            peer.upgrade(ASR)
        except ConnectionError:
            peer.status = None
        assert peer.status is None
        closer.join(10)
        assert not closer.is_alive()
        record = service.wait_record(1)
        assert (record.status, record.close_code) == (None, None)


ENDLESS = [
    fault("stall", at="audio", seconds=3600),
    fault("latency", seconds=3600),
    fault("bandwidth", rate=1),
    fault("burst", seconds=3600),
]


@pytest.mark.parametrize("what", ENDLESS, ids=lambda each: each.name)
@pytest.mark.parametrize("who", ["service", "client"])
def test_the_end_of_the_connection_ends_waits_in_the_session(what, who):
    """No delay outlives `close()`, nor the client's leaving."""
    with MimiService(faults=[what]) as service, RawClient(service, ASR) as peer:
        peer.send_frame(9)
        assert peer.read_frame() == (0x8A, b"")  # the session is served
        peer.audio(SECOND)
        if who == "service":
            closer = threading.Thread(target=service.close)
            closer.start()
            assert peer.finish()[1] == 1001
            closer.join(10)
        else:
            peer.close()
        code = service.wait_record(1).close_code
        assert code == (1001 if who == "service" else 1006)


def test_a_service_may_be_closed_at_any_moment():
    """Also between a client's 101 and the session's first event."""
    for _ in range(20):
        with MimiService() as service:
            session = MimiSession(None, url=service.url).connect()
            service.close()
            assert service.wait_record(1).close_code in (None, 1001)
            assert session.wait_closed(10).code in (1001, 1006)


def test_a_service_that_does_not_read_can_be_closed():
    """A deaf session is cut: it would not hear a Close frame."""
    with MimiService(faults=[fault("stop_reading")]) as service:
        session = MimiSession(None, url=service.url).connect()
        gate = threading.Event()
        while not any(
            one._connection is not None and one._connection.reading_stopped
            for one in service._listener.sessions
        ):
            gate.wait(0.001)  # the fault acts once the session is open there, too
        service.close()
        assert session.wait_closed(10).code == 1006


@pytest.mark.parametrize("name", ["close_empty", "ping", "burst", "rst"])
def test_a_fault_comes_too_late_for_a_client_that_left(name):
    """A client that is gone at the fault's point is just gone."""
    faults = [fault("stall", at="break", seconds=3600), fault(name, at="break")]
    with MimiService(faults=faults) as service:
        with RawClient(service, ASR) as peer:
            peer.audio(SECOND)
            peer.text(BREAK)
            peer.read_frame()
        assert service.wait_record(1).close_code == 1006


def test_a_fault_on_a_session_that_is_over_is_quiet():
    """Acts that find the session closed report the end instead of raising."""
    with MimiService() as service:
        seen = []
        service._listener.connection.connect(
            lambda _, session: seen.append(session), weak=False
        )
        with RawClient(service, ASR):
            pass
        service.wait_record(1)
        for name in ("ping", "burst", "close_empty"):
            acts = Acts(1, [fault(name, at="open")], threading.Event())
            assert acts.reach(seen[0], "open", 0) is True
        assert Acts(1, [], threading.Event()).send(seen[0], "{}", final=False) is False
