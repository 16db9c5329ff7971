"""The loop moves bytes for toy drivers over socket pairs, TCP and TLS."""

import contextlib
import selectors
import socket
import ssl
import struct
import threading
import time

import pytest

from voxsync.clocks import VirtualClock
from voxsync.transport import Channel, IOLoop

PATIENCE = 10  # seconds after which something is missing for good


class Toy:
    """A driver that notes everything and does what the test asks for."""

    def __init__(self, on_data=None):
        self.out = bytearray()
        self.reading = True
        self.half_closed = False
        self.done = False
        self.ending = False
        self.got = bytearray()
        self.pieces = 0
        self.written = 0
        self.ticks = []
        self.ends = []
        self.due = None
        self.is_detached = False
        self.todo = []
        self.on_data = on_data
        self.changed = threading.Condition()

    def _change(self):
        with self.changed:
            self.changed.notify_all()

    def until(self, condition):
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), vars(self)

    def fill(self, now):
        pass

    def wrote(self, count, now):
        self.written += count
        self._change()

    def received(self, data, now):
        self.got += data
        self.pieces += 1
        if self.on_data is not None:
            self.on_data(self, data)
        self._change()

    def eof(self, error, now):
        self.ends.append(error)
        self.done = True
        self.reading = False

    def tick(self, now):
        self.ticks.append(now)
        while self.todo:
            self.todo.pop(0)(self)
        self._change()

    def deadline(self):
        return self.due

    def detached(self):
        self.is_detached = True
        self._change()


class Running:
    """A loop in a thread of its own."""

    def __init__(self, *socks, on_data=None, prepare=lambda toy: None, clock=None):
        self.loop = IOLoop(clock)
        self.toys = [Toy(on_data) for _ in socks]
        self.steps = 0
        self.error = None
        self.error_is_expected = False
        for sock, toy in zip(socks, self.toys, strict=True):
            sock.setblocking(False)
            prepare(toy)
        self.channels = [Channel(s, t) for s, t in zip(socks, self.toys, strict=True)]
        step = self.loop._step

        def counted():
            self.steps += 1
            step()

        self.loop._step = counted
        self.thread = threading.Thread(target=self._run, name="voxsync-test-loop")
        self.thread.start()

    def _run(self):
        try:
            for channel in self.channels:
                self.loop.add(channel)
            self.loop.run()
        except Exception as exc:
            self.error = exc

    @property
    def toy(self):
        return self.toys[0]

    def do(self, action, index=0):
        """Run `action(toy)` on the loop's thread, and wait for what follows from it."""
        toy, over = self.toys[index], []
        for step in (action, lambda _: None):  # the second: the first step is complete
            count = len(over)
            toy.todo += [step, over.append]
            self.loop.notify(self.channels[index])
            toy.until(lambda count=count: len(over) > count or toy.is_detached)

    def send(self, data, index=0):
        self.do(lambda toy: toy.out.extend(data), index)

    def stop(self):
        for index, toy in enumerate(self.toys):
            if not toy.is_detached:
                toy.todo.append(lambda toy: setattr(toy, "done", True))
                self.loop.notify(self.channels[index])
        self.join()

    def join(self):
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@pytest.fixture
def running():
    """Starts loops; those still alive at the end are stopped."""
    made = []

    def run(*socks, **kwargs):
        made.append(Running(*socks, **kwargs))
        return made[-1]

    yield run
    for one in made:
        one.stop()
        if one.error is not None and not one.error_is_expected:
            raise one.error


@pytest.fixture
def pair():
    """Makes connected sockets: ours and the peer's."""
    with contextlib.ExitStack() as stack:

        def make(*, tcp=False):
            if not tcp:
                ours, theirs = socket.socketpair()
            else:
                with socket.create_server(("127.0.0.1", 0)) as server:
                    ours = socket.create_connection(server.getsockname())
                    theirs, _ = server.accept()
            theirs.settimeout(PATIENCE)
            stack.enter_context(ours)
            return ours, stack.enter_context(theirs)

        yield make


@pytest.fixture
def tls_pair(pair, server_tls, client_tls):
    """Makes connected TLS sockets: ours and the peer's."""
    with contextlib.ExitStack() as stack:

        def make(*, tcp=False):
            ours, theirs = pair(tcp=tcp)
            result = []
            context = server_tls("localhost")

            def serve():
                result.append(context.wrap_socket(theirs, server_side=True))

            thread = threading.Thread(target=serve)
            thread.start()
            client = client_tls.wrap_socket(ours, server_hostname="localhost")
            thread.join()
            result[0].settimeout(PATIENCE)
            return stack.enter_context(client), stack.enter_context(result[0])

        yield make


@pytest.fixture(params=["plain", "tls"])
def any_pair(request, pair, tls_pair):
    """The same over plain sockets and over TLS."""
    return pair if request.param == "plain" else tls_pair


def read_all(sock, size):
    data = bytearray()
    while len(data) < size:
        more = sock.recv(1 << 20)
        assert more, f"ended after {len(data)} of {size}"
        data += more
    return bytes(data)


def echo(toy, data):
    toy.out += data


# Moving bytes


@pytest.mark.parametrize("selector", ["PollSelector", "DefaultSelector"])
def test_both_ways(running, pair, monkeypatch, selector):
    """What the driver puts out arrives and what the peer says is told."""
    if selector == "DefaultSelector":
        monkeypatch.delattr(selectors, "PollSelector", raising=False)
    ours, theirs = pair()
    run = running(ours)
    run.send(b"hello")
    assert theirs.recv(100) == b"hello"
    theirs.sendall(b"world")
    run.toy.until(lambda: run.toy.got == b"world")
    assert run.toy.written == 5


def test_many_connections_in_one_loop(running, pair):
    """Each connection has its own bytes, whatever the others do."""
    pairs = [pair() for _ in range(30)]
    run = running(*(ours for ours, _ in pairs), on_data=echo)
    for n, (_, theirs) in enumerate(pairs):
        theirs.sendall(b"%d" % n * 1000)
    for n, (_, theirs) in enumerate(pairs):
        assert read_all(theirs, len(b"%d" % n) * 1000) == b"%d" % n * 1000
    pairs[3][1].close()
    run.toys[3].until(lambda: run.toys[3].is_detached)
    pairs[4][1].sendall(b"still here")
    assert pairs[4][1].recv(100) == b"still here"


def test_what_is_waiting_when_added_is_read_and_written(running, any_pair):
    """Bytes of both directions may be there before the loop takes over."""
    ours, theirs = any_pair()
    theirs.sendall(b"early")
    run = running(ours, prepare=lambda toy: toy.out.extend(b"bird"))
    assert theirs.recv(100) == b"bird"
    run.toy.until(lambda: run.toy.got == b"early")


def test_one_byte_at_a_time(running, any_pair):
    """A peer that sends single bytes is served like any other."""
    ours, theirs = any_pair()
    run = running(ours)
    if not isinstance(theirs, ssl.SSLSocket):
        with contextlib.suppress(OSError):
            theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for n in range(200):
        theirs.sendall(bytes([n]))
    run.toy.until(lambda: len(run.toy.got) == 200)
    assert run.toy.got == bytes(range(200))


def test_a_peer_that_does_not_read(running, any_pair):
    """Output waits without loss while time and the other direction go on."""
    ours, theirs = any_pair()
    run = running(ours)
    whole = bytes(range(256)) * 16384  # 4 MiB: more than any kernel takes at once
    run.send(whole)
    assert 0 < len(run.toy.out) < len(whole)
    theirs.sendall(b"I talk")
    run.toy.until(lambda: run.toy.got == b"I talk")
    run.send(b"more")  # the refused TLS write is repeated with other bytes behind it
    run.do(lambda toy: setattr(toy, "due", time.monotonic()))
    run.toy.until(lambda: len(run.toy.ticks) >= 4)
    run.do(lambda toy: setattr(toy, "due", None))
    assert read_all(theirs, len(whole) + 4) == whole + b"more"
    run.toy.until(lambda: run.toy.written == len(whole) + 4)


def test_a_waiting_writer_does_not_spin(running, pair):
    """Output that the peer does not take costs no time."""
    ours, _theirs = pair()
    run = running(ours)
    run.send(bytes(4 << 20))
    before = run.steps
    gate = threading.Event()
    gate.wait(0.05)
    run.do(lambda toy: None)
    assert run.steps - before <= 3


def test_a_flood_leaves_time_for_the_others(tls_pair):
    """Of one connection only so much is read before the next has its turn."""
    ours, theirs = tls_pair()
    for _ in range(20):
        theirs.sendall(bytes(1000))  # a record of its own each
    ours.setblocking(False)
    loop, toy = IOLoop(), Toy()
    loop._read(Channel(ours, toy), 0.0)
    loop.close()
    assert len(toy.got) == 8 * 1000


def test_records_that_are_there_come_at_once(tls_pair):
    """The driver wakes other threads for them once, when nothing is left to read."""
    ours, theirs = tls_pair()
    for number in range(5):
        theirs.sendall(bytes([number]) * 100)
    ours.setblocking(False)
    loop, toy = IOLoop(), Toy()
    channel = Channel(ours, toy)
    loop._read(channel, 0.0)
    assert (toy.pieces, len(toy.got)) == (1, 500)
    loop._read(channel, 0.0)  # nothing more
    assert (toy.pieces, toy.ends) == (1, [])
    loop.close()


@pytest.mark.parametrize("hold", ["reading", "done"])
def test_who_holds_back_at_the_last_record_is_told_of_the_end_later(tls_pair, hold):
    """It has no room now for what the end makes it do."""
    ours, theirs = tls_pair()
    theirs.sendall(b"last")
    theirs.close()
    ours.setblocking(False)
    loop, toy = IOLoop(), Toy(lambda toy, _: setattr(toy, hold, hold == "done"))
    channel = Channel(ours, toy)
    loop._read(channel, 0.0)
    assert (toy.got, toy.ends) == (b"last", [])
    toy.done, toy.reading = False, True
    loop._read(channel, 0.0)
    assert toy.ends == [None]
    loop.close()


def test_a_connection_that_is_silent_costs_the_others_nothing(tls_pair):
    """A loop of hundreds over TLS asks none of them in each step what it holds."""
    loop, toys, ends = IOLoop(), [Toy(), Toy()], [tls_pair(), tls_pair()]
    for toy, (ours, theirs) in zip(toys, ends, strict=True):
        theirs.sendall(b"first ")
        ours.setblocking(False)
        loop.add(Channel(ours, toy))
    loop._step()
    idle = ends[0][0]
    idle.recv = idle.pending = lambda *_: pytest.fail("it was asked")
    ends[1][1].sendall(b"second")
    loop._step()
    assert [toy.got for toy in toys] == [b"first ", b"first second"]
    loop._leave()


def test_a_notice_is_no_reason_to_read(tls_pair):
    """Nothing is there: to find that out for each message sent costs as much as it."""
    ours, theirs = tls_pair()
    ours.setblocking(False)
    loop, toy = IOLoop(), Toy()
    channel = Channel(ours, toy)
    loop.add(channel)
    loop._read(channel, 0.0)  # what the server's handshake has left behind
    loop._read = lambda *_: pytest.fail("it was read")
    loop._step()  # the notice that `add` gives
    loop.notify(channel)
    loop._step()
    assert len(toy.ticks) == 2
    del loop._read
    theirs.sendall(b"now")
    loop._step()
    assert toy.got == b"now"
    loop._remove(channel)
    loop.close()


# Holding back


def test_reading_off_holds_the_peer_back(running, any_pair):
    """While the driver does not read, the peer's sends pile up in the kernels."""
    ours, theirs = any_pair()
    run = running(ours, prepare=lambda toy: setattr(toy, "reading", False))
    theirs.settimeout(0.2)
    sent = 0
    with pytest.raises(TimeoutError):
        while True:
            sent += theirs.send(bytes(1 << 16))
    run.do(lambda toy: None)
    assert run.toy.got == b""
    run.do(lambda toy: setattr(toy, "reading", True))
    run.toy.until(lambda: len(run.toy.got) >= sent)


def test_reading_off_within_a_burst(running, any_pair):
    """A driver that has enough is given no further piece until it asks again."""
    ours, theirs = any_pair()

    def enough(toy, data):
        toy.reading = False

    run = running(ours, on_data=enough)
    theirs.sendall(b"a")
    run.toy.until(lambda: run.toy.pieces == 1)
    theirs.sendall(b"b" * 40_000)
    run.do(lambda toy: None)
    assert run.toy.pieces == 1
    while len(run.toy.got) < 40_001:
        pieces = run.toy.pieces
        run.do(lambda toy: setattr(toy, "reading", True))
        run.toy.until(lambda before=pieces: run.toy.pieces > before)
    assert run.toy.got == b"a" + b"b" * 40_000


def test_bytes_inside_the_tls_object_are_not_forgotten(running, tls_pair):
    """What is decrypted already is invisible to select, and is read all the same."""
    ours, theirs = tls_pair()
    theirs.sendall(b"0123456789")
    assert ours.recv(1) == b"0"  # the other nine are in the TLS object now
    assert ours.pending() == 9
    run = running(ours, prepare=lambda toy: setattr(toy, "reading", False))
    run.do(lambda toy: None)
    assert run.toy.got == b""
    run.do(lambda toy: setattr(toy, "reading", True))
    run.toy.until(lambda: run.toy.got == b"123456789")


def test_an_interest_in_nothing_does_not_spin(running, pair):
    """A driver that neither reads nor writes is left alone, also by a dead peer."""
    ours, theirs = pair()
    run = running(ours, prepare=lambda toy: setattr(toy, "reading", False))
    run.do(lambda toy: None)
    theirs.close()
    before = run.steps
    gate = threading.Event()
    gate.wait(0.05)
    run.do(lambda toy: None)
    assert run.steps - before <= 2
    assert run.toy.ends == []
    run.do(lambda toy: setattr(toy, "reading", True))
    run.toy.until(lambda: run.toy.is_detached)
    assert run.toy.ends == [None]


# Ends


def test_the_peers_end_of_stream(running, any_pair):
    """The peer's FIN is told once, without an error, and the socket is closed."""
    ours, theirs = any_pair()
    run = running(ours)
    theirs.sendall(b"bye")
    if isinstance(theirs, ssl.SSLSocket):
        theirs.settimeout(0)
        # Our side may have answered and left before this returns.
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLEOFError):
            theirs.unwrap()
    with contextlib.suppress(OSError):
        theirs.shutdown(socket.SHUT_WR)
    run.join()
    assert run.toy.got == b"bye"
    assert run.toy.ends == [None]
    assert run.toy.is_detached
    assert ours.fileno() == -1


def test_the_end_of_stream_is_taken_with_the_last_words(running, pair):
    """A driver that only waits for the end gets it without another select."""
    ours, theirs = pair()

    def last(toy, data):
        toy.ending = True

    run = running(ours, on_data=last, prepare=lambda toy: setattr(toy, "reading", 0))
    theirs.sendall(b"bye")
    theirs.close()
    run.do(lambda toy: None)
    before = run.steps
    run.do(lambda toy: setattr(toy, "reading", True))
    run.join()
    assert (run.toy.got, run.toy.ends) == (b"bye", [None])
    assert run.steps - before <= 3


def test_ending_without_an_end_waits(running, pair):
    """A peer that takes its time with the end of stream is waited for."""
    ours, theirs = pair()
    run = running(ours, prepare=lambda toy: setattr(toy, "ending", True))
    theirs.sendall(b"bye")
    run.toy.until(lambda: run.toy.got == b"bye")
    run.do(lambda toy: None)
    assert run.toy.ends == []


def test_a_reset_is_an_error(running, pair):
    """An RST is told as the error it is."""
    ours, theirs = pair(tcp=True)
    run = running(ours)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    run.join()
    assert [type(e) for e in run.toy.ends] == [ConnectionResetError]


def test_tls_without_a_goodbye(running, tls_pair):
    """TCP ended under TLS is an end of stream or an error, never silence."""
    ours, theirs = tls_pair()
    run = running(ours)
    socket.close(theirs.detach())
    run.join()
    (error,) = run.toy.ends
    assert error is None or isinstance(error, OSError)


def test_garbage_under_tls_is_an_error(running, tls_pair):
    """Bytes that are no TLS record end the connection with an SSLError."""
    ours, theirs = tls_pair()
    run = running(ours)
    plain = socket.socket(fileno=theirs.detach())
    plain.sendall(b"this is no TLS record" * 10)
    run.join()
    plain.close()
    assert [type(e) for e in run.toy.ends] == [ssl.SSLError]


def test_half_closing_flushes_first(running, pair):
    """The writing side is shut behind the last byte; the peer may still talk."""
    ours, theirs = pair()
    run = running(ours)
    run.do(lambda toy: (toy.out.extend(b"x" * 500_000), setattr(toy, "half_closed", 1)))
    assert read_all(theirs, 500_000) == b"x" * 500_000
    assert theirs.recv(1) == b""
    theirs.sendall(b"I heard you")
    run.toy.until(lambda: run.toy.got == b"I heard you")
    run.do(lambda toy: None)  # shut once, not again
    assert run.toy.ends == []


def test_half_closing_towards_a_dead_peer(running, pair):
    """Shutting a connection that is gone is no error."""
    ours, theirs = pair(tcp=True)
    run = running(ours, prepare=lambda toy: setattr(toy, "reading", False))
    run.do(lambda toy: None)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    run.do(lambda toy: setattr(toy, "half_closed", True))
    run.do(lambda toy: setattr(toy, "reading", True))
    run.join()
    assert len(run.toy.ends) == 1


def test_last_words_are_heard_after_a_failed_write(running, pair):
    """What the peer said before it left counts, although our write fails first."""
    ours, theirs = pair()
    run = running(ours, prepare=lambda toy: setattr(toy, "reading", False))
    run.do(lambda toy: None)
    theirs.sendall(b"go away, because")
    theirs.close()
    run.send(b"late")
    run.join()
    assert run.toy.got == b"go away, because"
    assert [type(e) for e in run.toy.ends] == [BrokenPipeError]


def test_no_last_words_after_a_reset(running, pair):
    """When nothing can be read either, the write's error is told."""
    ours, theirs = pair(tcp=True)
    run = running(ours, prepare=lambda toy: setattr(toy, "reading", False))
    run.do(lambda toy: None)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    run.send(b"late")
    run.join()
    assert run.toy.got == b""
    (error,) = run.toy.ends
    assert isinstance(error, ConnectionError)


def test_last_words_have_a_bound():
    """A peer that never stops talking cannot hold the loop after a failed write."""

    class Endless:
        def recv(self, size):
            return b"x"

    loop, toy = IOLoop(), Toy()
    loop._lost(Channel(Endless(), toy), BrokenPipeError(), 0.0)
    loop.close()
    assert toy.got == b"x" * 64
    assert len(toy.ends) == 1


def test_last_words_may_fail_too():
    """An error while listening for them changes nothing: the write's is told."""

    class Broken:
        def recv(self, size):
            raise ConnectionResetError

    loop, toy, error = IOLoop(), Toy(), BrokenPipeError()
    loop._lost(Channel(Broken(), toy), error, 0.0)
    loop.close()
    assert toy.ends == [error]


def test_done_within_a_burst_ends_it(running, any_pair):
    """A driver that is done is told nothing more."""
    ours, theirs = any_pair()

    def done(toy, data):
        toy.done = True

    run = running(ours, on_data=done)
    with contextlib.suppress(OSError):
        theirs.sendall(b"x" * 100_000)
    run.join()
    assert run.toy.pieces == 1
    assert run.toy.ends == []
    assert run.toy.is_detached


def test_a_failing_driver_leaves_no_socket(running, pair):
    """A bug in a driver ends the loop, and no descriptor is left behind."""
    (ours, theirs), (bystander, _) = pair(), pair()

    def fail(toy, data):
        raise RuntimeError("a bug")

    run = running(ours, bystander, on_data=fail)
    run.error_is_expected = True
    theirs.sendall(b"x")
    run.join()
    assert str(run.error) == "a bug"
    assert ours.fileno() == bystander.fileno() == -1
    assert all(toy.is_detached for toy in run.toys)


# Time and other threads


def test_a_deadline_ticks_in_time(running, pair):
    """The driver's tick is called when its deadline has come, not before."""
    ours, _theirs = pair()

    def ticked(toy):
        toy.due = None

    run = running(ours)
    due = time.monotonic() + 0.05
    run.do(lambda toy: (setattr(toy, "due", due), setattr(toy, "ticks", [])))
    run.toy.until(lambda: any(t >= due for t in run.toy.ticks))
    assert run.toy.ticks[-1] < due + 1
    run.do(ticked)


def test_a_deadline_of_another_clock(running, pair):
    """It comes when that clock says so: at once where the clock jumps."""
    ours, _theirs = pair()
    clock = VirtualClock()
    run = running(ours, clock=clock)
    due = clock.now() + 3600
    run.do(lambda toy: (setattr(toy, "due", due), setattr(toy, "ticks", [])))
    clock.advance(3599)
    run.do(lambda toy: None)  # a step later
    assert max(run.toy.ticks) < due
    run.do(lambda toy: toy.ticks.clear())
    clock.advance(1)
    run.toy.until(lambda: any(t >= due for t in run.toy.ticks))
    run.do(lambda toy: setattr(toy, "due", None))
    assert clock._wakes
    run.stop()
    assert not clock._wakes


def test_a_faster_clock(running, pair):
    """An hour of it lasts as long as it lasts."""
    ours, _theirs = pair()
    clock = VirtualClock(speed=36000)
    run = running(ours, clock=clock)
    due = clock.now() + 3600
    run.do(lambda toy: setattr(toy, "due", due))
    run.toy.until(lambda: any(t >= due for t in run.toy.ticks))
    run.do(lambda toy: setattr(toy, "due", None))


def test_an_earlier_deadline_replaces_a_later_one(running, pair):
    """Only the latest word about a deadline counts, in both directions."""
    ours, _theirs = pair()
    clock = VirtualClock()
    plan = [8.0]  # behind the entry of 5.0, which is stale then

    class Planned(Toy):
        def tick(self, now):
            if self.due is not None and now >= self.due:
                self.due = plan.pop(0) if plan else None
            super().tick(now)

    run = running(ours, clock=clock)
    run.toy.__class__ = Planned
    run.do(lambda toy: setattr(toy, "due", 5.0))
    run.do(lambda toy: setattr(toy, "due", 2.0))
    clock.advance(2.0)
    run.toy.until(lambda: run.toy.due == 8.0)
    run.do(lambda toy: toy.ticks.clear())
    steps, gate = run.steps, threading.Event()
    clock.advance(4.0)
    end = time.monotonic() + PATIENCE
    while run.steps == steps and time.monotonic() < end:
        gate.wait(0.001)
    clock.advance(2.0)
    run.toy.until(lambda: run.toy.due is None)
    assert [t for t in run.toy.ticks if 2.0 < t < 8.0] == []


def test_a_notified_driver_may_be_gone(running, pair):
    """Who notifies too late, for one connection or for all, does no harm."""
    (first, _), (second, second_peer) = pair(), pair()
    run = running(first, second)
    run.do(lambda toy: setattr(toy, "done", True))
    run.toy.until(lambda: run.toy.is_detached)
    ticks = len(run.toy.ticks)
    run.loop.notify(run.channels[0])
    run.send(b"alive", 1)
    assert second_peer.recv(10) == b"alive"
    assert len(run.toy.ticks) == ticks
    run.stop()
    run.loop.notify(run.channels[1])


def test_notifying_from_many_threads(running, pair):
    """Nothing that was queued before a notify stays behind."""
    ours, theirs = pair()
    run = running(ours)
    threads, each = 8, 500
    start = threading.Barrier(threads)

    def work():
        start.wait()
        for _ in range(each):
            run.toy.todo.append(lambda toy: toy.out.extend(b"x"))
            run.loop.notify(run.channels[0])

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    assert read_all(theirs, threads * each) == b"x" * (threads * each)
    for worker in workers:
        worker.join()


def test_a_notify_before_the_loop_runs(running, pair):
    """Work may be announced before the loop has begun."""
    ours, theirs = pair()

    def early(toy):
        toy.todo.append(lambda toy: toy.out.extend(b"early"))

    run = running(ours, prepare=early)
    run.loop.notify(run.channels[0])
    assert theirs.recv(10) == b"early"


def test_two_notifies_are_one_call(pair):
    """A channel waits at most once in the queue of the notified."""
    ours, _theirs = pair()
    loop, toy = IOLoop(), Toy()
    ours.setblocking(False)
    channel = Channel(ours, toy)
    loop.add(channel)
    loop.notify(channel)
    loop.notify(channel)
    assert len(loop._notified) == 1
    assert loop._patience() == 0
    toy.done = True
    loop.run()


def test_an_empty_loop_ends_at_once():
    """Without connections there is nothing to wait for."""
    IOLoop().run()
