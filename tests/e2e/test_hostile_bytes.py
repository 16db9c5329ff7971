"""C6: whatever bytes strangers send, each gets the answer that its fault deserves.

Streams from a seeded generator, a connection each: noise, requests that are nearly
right or too large, frames that break one rule, frames with any byte wrong, and legal
oddities after which the connection must still be in use.
"""

import contextlib
import gc
import random
import socket
import struct
import sys
import threading
from collections import Counter

import pytest

from tests.e2e.conftest import GREETING, MOST, descriptors
from tests.server.conftest import head
from voxsync.wire import Close, Fault, Pong, Role, Text, Wire

STREAMS = 10_000
WORKERS = 4
ROUNDS = 5
BYE = b"\x88\x82\x00\x00\x00\x00" + struct.pack("!H", 1000)
PROBE = "probe 1"
END = object()  # the stream ends without a word
REFUSED = frozenset({400, 405, 426, 431, 505})
NOT_UTF_8 = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82")


class Stranger:
    """Makes what comes before the upgrade and after it, and says what it deserves."""

    def __init__(self, rng):
        self.rng = rng

    # Requests: bytes, and the status or statuses that may answer; END = none

    def noise(self):
        return self.rng.randbytes(self.rng.randrange(2000)), {END, *REFUSED}

    def half_a_head(self):
        return GREETING[: self.rng.randrange(len(GREETING))], {END}

    def hello(self):
        """TLS where none is spoken."""
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        return hello + self.rng.randbytes(500), {END, *REFUSED}

    def too_large(self):
        rng = self.rng
        return rng.choice(
            [
                head("/", "X-Long: " + "x" * rng.randrange(8200, 20_000)),
                head("/", *(f"X-{n}: y" for n in range(rng.randrange(100, 500)))),
                head("/" + "y" * 9000),
                b"GET / HTTP/1.1\r\nX: " + b"z" * rng.randrange(33_000, 60_000),
                b"\x00" * 40_000,
            ]
        ), {431}

    def wrong(self):
        drop = self.rng.choice(
            ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"]
        )
        return self.rng.choice(
            [
                head("/", method="POST"),
                head("/", version="HTTP/1.0"),
                head("/", version="HTTP/9"),
                head("ftp:"),
                head("/\x00"),
                head("/", "Nonsense"),
                head("/", ": empty"),
                head("/", "X: a\x00b"),
                head("/", drop=[drop]),
                head("/", f"{drop}: wrong", drop=[drop]),
                head("/", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
                b"\r\n\r\n",
                b"GET\r\n\r\n",
                b"hello\r\n\r\n",
            ]
        ), REFUSED

    def scribbled_head(self):
        return self._scribbled(head("/voice?x=y", "X-Z: 1")), {END, 101, *REFUSED}

    # Frames: bytes, and what must follow: a close code, or that it is in use

    def frame(
        self, opcode, payload=b"", *, fin=True, rsv=0, masked=True, size=None, form=None
    ):
        """One frame; `size` is what it declares, in `form` length bytes."""
        size = len(payload) if size is None else size
        if form is None:
            form = 0 if size < 126 else 2 if size < 65536 else 8
        key = self.rng.choice([self.rng.randbytes(4), bytes(4)]) if masked else b""
        first = (0x80 if fin else 0) | rsv | opcode
        mark = 0x80 if masked else 0
        second = {0: size, 2: 126, 8: 127}[form] | mark
        length = b"" if not form else struct.pack("!H" if form == 2 else "!Q", size)
        if masked:
            payload = bytes(b ^ key[n % 4] for n, b in enumerate(payload))
        return bytes([first, second]) + length + key + payload

    def breach(self):
        """A rule of RFC 6455 broken: 1002."""
        rng, frame = self.rng, self.frame
        bad_code = rng.choice([0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
        return rng.choice(
            [
                frame(1, b"hello", masked=False),
                frame(rng.choice([1, 2, 8, 9]), rsv=rng.choice([0x10, 0x20, 0x40])),
                frame(rng.choice([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), b"x"),
                frame(rng.choice([8, 9, 10]), b"xx", fin=False),
                frame(rng.choice([8, 9, 10]), bytes(126)),
                frame(9, bytes(9), form=2),
                frame(0, b"nothing before"),
                frame(1, b"a", fin=False) + frame(1, b"b"),
                frame(2, b"a", fin=False) + frame(9) + frame(2, b"b", fin=False),
                frame(1, b"short", form=2),
                frame(1, bytes(200), form=8),
                frame(2, size=1 << 63 | rng.getrandbits(40), form=8),
                frame(8, b"x"),
                frame(8, struct.pack("!H", bad_code)),
            ]
        ), 1002

    def not_utf_8(self):
        frame, bad = self.frame, self.rng.choice(NOT_UTF_8)
        return self.rng.choice(
            [
                frame(1, b"text " + bad),
                frame(1, bad[:1], fin=False) + frame(9) + frame(0, bad[1:]),
                frame(1, b'{"event":"media","media":{"payload":"' + bad + b'"}}'),
                frame(8, struct.pack("!H", 1000) + bad),
            ]
        ), 1007

    def too_long(self):
        """Refused as soon as it is declared: not one byte of it is there."""
        frame, rng = self.frame, self.rng
        size = rng.choice([MOST + 1, 2**32, 2**62, rng.randrange(MOST + 1, 2**63)])
        return rng.choice(
            [
                frame(rng.choice([1, 2]), size=size, form=8),
                frame(1, b"a", fin=False) + frame(0, size=MOST, form=8),
            ]
        ), 1009

    def goodbye(self):
        code = self.rng.choice([1000, 1001, 1002, 1003, 1011, 3000, 4001, 4999])
        words = "bye 💬".encode()[: self.rng.choice([0, 4, 8])]
        return self.frame(8, struct.pack("!H", code) + words), code

    def oddities(self):
        """Legal, all of it."""
        frame, rng = self.frame, self.rng
        text = rng.choice(["", "x" * 300, "💬" * 40, '{"event":"media"}', "{" * 99])
        data = text.encode()
        cuts = sorted(rng.choices(range(len(data) + 1), k=rng.randrange(20)))
        parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        split = b"".join(
            frame(0 if n else 1, part, fin=n == len(parts) - 1)
            + rng.choice([b"", frame(9, rng.randbytes(rng.randrange(126))), frame(10)])
            for n, part in enumerate(parts)
        )
        return split + rng.choice(
            [
                b"",
                frame(2, rng.randbytes(rng.randrange(3000))),
                frame(2, fin=False) + frame(0, fin=False) * 50 + frame(0),
                frame(9, b"ping") * 30,
                frame(10, b"nobody asked") * 30,
            ]
        ), Text(PROBE)

    def noise_after(self):
        data = self.rng.randbytes(self.rng.randrange(1, 400))
        return data, judged(data)

    def scribbled_frames(self):
        good, _ = self.rng.choice([self.oddities, self.goodbye])()
        data = self._scribbled(good)
        return data, judged(data)

    def _scribbled(self, data):
        found, rng = bytearray(data), self.rng
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(found) or 1)
            what = rng.randrange(4)
            if what == 0:
                found[at : at + 1] = rng.randbytes(1)
            elif what == 1:
                del found[at : at + rng.randrange(9)]
            elif what == 2:
                found[at:at] = rng.randbytes(rng.randrange(9))
            else:
                found[at:at] = found[: rng.randrange(99)]
        return bytes(found)


def judged(data):
    """The close code that these frames deserve; END where they just end."""
    wire = Wire(Role.SERVER, max_message_size=MOST)
    wire.receive(data)
    last = wire.messages(1 << 20)[-1:]
    return last[0].code if last and isinstance(last[0], Close | Fault) else END


BEFORE = ("noise", "half_a_head", "hello", "too_large", "wrong", "scribbled_head")
AFTER = ("breach", "not_utf_8", "too_long", "goodbye", "oddities")
AFTER_AND_END = ("noise_after", "scribbled_frames")


class Call:
    """One connection of a stranger, to its end."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 30)
        self.wire = Wire(Role.CLIENT)

    def send(self, data):
        with contextlib.suppress(ConnectionError):  # it may have heard enough
            self.sock.sendall(data)

    def end(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def status(self):
        """Of the answer; END if there is none. What follows goes to the wire."""
        data = b""
        with contextlib.suppress(ConnectionError):
            while b"\r\n\r\n" not in data:
                more = self.sock.recv(65536)
                if not more:
                    break
                data += more
        if not data:
            return END
        found, _, rest = data.partition(b"\r\n\r\n")
        assert found.startswith(b"HTTP/1.1 "), found
        self.wire.receive(rest)
        return int(found[9:12])

    def verdict(self):
        """What ends the connection, or the first message that is no echo of media."""
        while True:
            while found := self.wire.messages(1):
                if isinstance(found[0], Close):
                    return found[0].code
                if not isinstance(found[0], Pong):
                    return found[0]
            try:
                data = self.sock.recv(65536)
            except ConnectionError:
                return END
            if not data:
                return END
            self.wire.receive(data)


def visit(port, stranger, name):
    """Play one stream; says what was not as it should be, or None."""
    data, expected = getattr(stranger, name)()
    call = Call(port)
    with call.sock:
        if name in BEFORE:
            call.send(data)
            call.end()
            got = call.status()
            call.verdict()
            fine = got in expected
        else:
            in_use = isinstance(expected, Text)
            if in_use:
                data += stranger.frame(1, PROBE.encode())
            call.send(GREETING)
            cut = stranger.rng.randrange(len(data) + 1)
            call.send(data[:cut])
            call.send(data[cut:])
            if name in AFTER_AND_END:
                call.end()
            assert call.status() == 101
            got = call.verdict()
            fine = got == expected
            if in_use and fine:
                call.send(BYE)
                fine = call.verdict() == 1000
    return None if fine else f"{name} {data[:300]!r}: {got} and not {expected}"


class Crowd:
    """Strangers that come one after another, some at a time."""

    def __init__(self, port):
        self.port = port
        self.strangers = [Stranger(random.Random(f"{n}")) for n in range(WORKERS)]
        self.failures, self.count = [], Counter()

    def come(self, streams):
        threads = [
            threading.Thread(target=self.visits, args=(stranger, streams // WORKERS))
            for stranger in self.strangers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def visits(self, stranger, streams):
        kinds = BEFORE + BEFORE + AFTER + AFTER_AND_END
        for _ in range(streams):
            name = stranger.rng.choice(kinds)
            try:
                failure = visit(self.port, stranger, name)
            except Exception as exc:
                failure = f"{name}: {exc!r}"
            self.count[name] += 1
            if failure is not None:
                self.failures.append(failure)


@pytest.mark.timeout(240)  # twenty seconds where nothing else is to do
def test_hostile_bytes(app):
    """Each stream has its answer; the server is as it was, and others are served."""
    crowd, before, grown = Crowd(app.server.port), descriptors(), []
    for _ in range(ROUNDS):
        crowd.come(STREAMS // ROUNDS)
        assert crowd.failures == []
        app.check()
        gc.collect()
        grown.append(sys.getallocatedblocks())
    assert crowd.count.total() == STREAMS
    assert descriptors() <= before + 1
    assert grown[-1] - grown[0] < 5000, grown
    stats = app.server.stats
    assert stats.accepted + stats.failed_handshakes == STREAMS
