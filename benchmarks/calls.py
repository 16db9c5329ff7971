"""Many calls at once in one process: is any chunk lost, and how late are they?

Two processes of the same program speak VoxEngine's protocol with each other. Half of
the calls come in through a server of ours, half go out; on each, audio of 20 ms chunks
flows both ways at once. It is noise of which no two chunks are alike, so every chunk
that is heard is known by its samples: lost, repeated or strayed ones are counted.

Printed for each process:

    sent     how late the link's clock let a chunk go
    heard    how late a chunk was in the program's hands, against the schedule that the
             earliest one of its stream sets: scheduling, queues and wire of both
             processes are in it
    CPU, memory (RSS) and threads of a call

Exits with 1 if anything was lost, or a 99th percentile is 20 ms or more. That is of
use on a machine that does nothing else: what others took of it is printed, too.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import threading
import time
from array import array

import numpy as np

from voxsync.media import CallbackSink, CallbackSource, EndOfStream
from voxsync.session import SessionOptions
from voxsync.transport import IOThread
from voxsync.voximplant import WebSocket, WebSocketServer

BAR = 0.02
RATES = {"PCM8": 8000, "PCM16": 16000}
APART = 997  # samples between where two streams begin in the noise
PATIENCE = 30.0  # seconds, for what should be there at once
SIDES = ("ours", "peers")


class Ear:
    """Hears one stream and knows every sample that should come."""

    def __init__(self, expected: np.ndarray, rate: int) -> None:
        self.expected = expected
        self.rate = rate
        self.at = self.lost = self.repeated = self.strayed = 0
        self.arrived = array("d")  # when a chunk came, less where it belongs
        self.over = threading.Event()

    def take(self, block: np.ndarray) -> None:
        """What came; it belongs at `at`, if all is well."""
        now = time.monotonic()
        if not np.array_equal(block, self.expected[self.at : self.at + len(block)]):
            self.jump(block)
        self.arrived.append(now - self.at / self.rate)
        self.at += len(block)
        if self.at >= len(self.expected):
            self.over.set()

    def jump(self, block: np.ndarray) -> None:
        """It belongs somewhere else: where?"""
        found = self.expected.tobytes().find(block.tobytes())
        if found < 0:
            self.strayed += len(block)
            return
        self.lost += max(0, found // 2 - self.at)
        self.repeated += max(0, self.at - found // 2)
        self.at = found // 2

    def late(self) -> list[float]:
        """Seconds, of each chunk, behind the schedule of the earliest."""
        first = min(self.arrived, default=0.0)
        return [moment - first for moment in self.arrived]


class Mouth:
    """Speaks one stream, and notes after each chunk how late it went."""

    def __init__(self, pcm: np.ndarray, rate: int) -> None:
        self.pcm = pcm
        self.at = 0
        self.late = array("d")
        self.link = None
        self.source = CallbackSource(self.make, rate)

    def make(self, frames: int) -> np.ndarray:
        """The next chunk; the one before has gone by now."""
        if self.link is not None:
            # Not `link.stats`, which costs a tenth of what it looks at.
            self.late.append(self.link._clock.late)
        block = self.pcm[self.at : self.at + frames]
        if not len(block):
            raise EndOfStream
        self.at += len(block)
        return block

    def begin(self, ws: WebSocket, tag: str, encoding: str) -> None:
        """Speak from now on."""
        self.link = self.source.send_media_to(ws, tag=tag, encoding=encoding)


class Party:
    """One of the two processes: its calls, and what became of them."""

    def __init__(
        self, side: str, calls: int, seconds: float, encoding: str, *, own: bool
    ) -> None:
        self.options = SessionOptions(io=None if own else IOThread())
        self.side = side
        self.calls = calls
        self.encoding = encoding
        self.rate = RATES[encoding]
        self.chunks = round(seconds * 50)
        samples = self.chunks * self.rate // 50
        rng = np.random.default_rng(20261121)
        size = samples + 2 * calls * APART
        self.noise = rng.integers(-20000, 20000, size, np.int16)
        self.samples = samples
        self.sockets: list[WebSocket] = []
        self.ears: dict[str, Ear] = {}
        self.errors: list[str] = []
        self.gaps = 0  # silences of a second: somebody was as late as that
        self.changed = threading.Condition()
        self.threads = threading.active_count()
        self.memory = resident()
        self.server = WebSocketServer(max_connections=calls, options=self.options)
        self.server.connection.connect(self.connected)

    def signal(self, tag: str) -> np.ndarray:
        """What is spoken on the stream of that tag, which is a number."""
        start = int(tag) * APART
        return self.noise[start : start + self.samples]

    def connected(self, _: WebSocketServer, websocket: WebSocket) -> None:
        """One more call is there."""
        websocket.add_event_listener("media-started", self.media_started)
        websocket.add_event_listener("error", lambda e: self.errors.append(repr(e)))
        with self.changed:
            self.sockets.append(websocket)
            self.changed.notify_all()

    def media_started(self, event) -> None:
        """The far end speaks: listen, from the first chunk on."""
        if event.tag in self.ears:
            self.gaps += 1
            return
        ear = Ear(self.signal(event.tag), self.rate)
        # Not paced again: what is measured is when it comes.
        sink = CallbackSink(ear.take, self.rate)
        event.target.send_media_to(sink, tag=event.tag, paced=False)
        with self.changed:
            self.ears[event.tag] = ear
            self.changed.notify_all()

    def dial(self, url: str) -> None:
        """Open our half of the calls, and wait for the other's."""
        for _ in range(half(self.side, self.calls)):
            ws = WebSocket(url, options=self.options)
            self.connected(self.server, ws)
            ws.connect()
        self.await_(lambda: len(self.sockets) == self.calls, "calls")

    def await_(self, there, what: str) -> None:
        """Wait until all are there."""
        with self.changed:
            if not self.changed.wait_for(there, PATIENCE):
                raise TimeoutError(f"{self.side}: not all {what} were there in time")

    def talk(self) -> dict:
        """Speak and listen on all calls until all is said; what was found."""
        cpu, wall, machine = time.process_time(), time.monotonic(), machine_busy()
        mouths = []
        for number, ws in enumerate(self.sockets):
            tag = str(2 * number + SIDES.index(self.side))
            mouths.append(Mouth(self.signal(tag), self.rate))
            mouths[-1].begin(ws, tag, self.encoding)
        self.await_(lambda: len(self.ears) == self.calls, "streams")
        threads = threading.active_count() - self.threads - 1  # the server's own
        for mouth in mouths:
            mouth.link.wait(PATIENCE + self.chunks / 50)
        memory = resident() - self.memory
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        machine = (machine_busy() - machine) / wall
        for ear in self.ears.values():
            ear.over.wait(PATIENCE if ear.at else 0)
        return self.report(mouths) | {
            "busy": cpu / wall,
            "machine": machine,
            "memory": memory / self.calls,
            "threads": threads / self.calls,
        }

    def report(self, mouths: list[Mouth]) -> dict:
        """What was counted."""
        ears = self.ears.values()
        late = {"sent": [x for m in mouths for x in m.late], "heard": []}
        for ear in ears:
            late["heard"] += ear.late()
        received = [s for ws in self.sockets for s in statistics(ws)]
        return {
            "side": self.side,
            "chunks": sum(len(ear.arrived) for ear in ears),
            "expected": self.calls * self.chunks,
            "lost": sum(e.lost + len(e.expected) - e.at for e in ears),
            "repeated": sum(ear.repeated for ear in ears),
            "strayed": sum(ear.strayed for ear in ears),
            "counted": sum(s.lost + s.late + s.concealed for s in received),
            "refused": sum(ws.stats.audio_refused for ws in self.sockets),
            "errors": self.errors,
            "gaps": self.gaps,
            "late": {name: quantiles(found) for name, found in late.items()},
        }

    def close(self) -> None:
        """End the calls."""
        for ws in self.sockets:
            ws.close(wait=False)
        for ws in self.sockets:
            ws.wait_closed(PATIENCE)
        self.server.close()


def half(side: str, calls: int) -> int:
    """How many of the calls a side dials."""
    return calls // 2 if side == "ours" else calls - calls // 2


def statistics(ws: WebSocket):
    return ws.media_statistics.received.values()


def quantiles(found: list[float]) -> dict[str, float]:
    values = np.array(found or [np.inf])
    p50, p99 = np.quantile(values, [0.5, 0.99])
    return {"p50": float(p50), "p99": float(p99), "max": float(values.max())}


def resident() -> int:
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def machine_busy() -> float:
    """CPU seconds that the whole machine has worked since it started."""
    first = pathlib.Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, _idle, _wait, *others = map(int, first.split()[1:8])
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


def play_peers(calls: int, seconds: float, encoding: str, *, own: bool) -> None:
    """The second process: told by lines on stdin, answers in lines of JSON."""
    party = Party("peers", calls, seconds, encoding, own=own)
    with party.server:
        say({"url": party.server.url})
        party.dial(hear(sys.stdin)["url"])
        say({"ready": True})
        hear(sys.stdin)
        say(party.talk())
        hear(sys.stdin)
        party.close()


def pin(side: str) -> None:
    """Keep this process on one CPU, so that its lock does not wander between two."""
    usable = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {usable[SIDES.index(side) % len(usable)]})


def compare(
    calls: int,
    seconds: float,
    encoding: str = "PCM8",
    *,
    pinned: bool = False,
    own: bool = False,
) -> list[dict]:
    """Hold the calls, half of them incoming; what this and the other process found."""
    child = subprocess.Popen(
        [
            *(sys.executable, __file__, "--peers", "--calls", str(calls)),
            *("--seconds", str(seconds), "--encoding", encoding),
            *(["--pin"] if pinned else []),
            *(["--own"] if own else []),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        try:
            if pinned:
                pin("ours")
            party = Party("ours", calls, seconds, encoding, own=own)
            with party.server:
                url = hear(child.stdout)["url"]
                say({"url": party.server.url}, child.stdin)
                party.dial(url)
                hear(child.stdout)
                say({"begin": True}, child.stdin)
                ours = party.talk()
                theirs = hear(child.stdout)
                say({"end": True}, child.stdin)
                party.close()
        except BaseException:
            child.kill()
            raise
    return [ours, theirs]


def say(what: dict, where=None) -> None:
    print(json.dumps(what), file=where or sys.stdout, flush=True)


def hear(where) -> dict:
    line = where.readline()
    if not line:
        raise EOFError("the other process has ended")
    return json.loads(line)


def sound(found: dict) -> bool:
    """Whether everything came, once and in order."""
    bad = ("lost", "repeated", "strayed", "counted", "refused", "errors")
    return found["chunks"] == found["expected"] and not any(map(found.get, bad))


def show(found: list[dict], calls: int, width: int = 11) -> None:
    rows = [("", *(f["side"] for f in found))]
    rows.append(("chunks heard", *(f"{f['chunks']}" for f in found)))
    rows += [
        (f"{name}, samples", *(f"{f[name]}" for f in found))
        for name in ("lost", "repeated", "strayed")
    ]
    rows.append(("gaps of 1 s", *(f"{f['gaps']}" for f in found)))
    for name in ("sent", "heard"):
        for key in ("p50", "p99", "max"):
            values = [f["late"][name][key] for f in found]
            rows.append((f"{name} late, {key}", *(f"{1e3 * v:.2f} ms" for v in values)))
    rows.append(("CPU of a call", *(f"{100 * f['busy'] / calls:.2f} %" for f in found)))
    rows.append(("memory", *(f"{f['memory'] / 1024:.0f} KiB" for f in found)))
    rows.append(("threads", *(f"{f['threads']:.1f}" for f in found)))
    for first, *others in rows:
        print(f"{first:18}" + "".join(f"{other:>{width}}" for other in others))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=50, help="at once (default 50)")
    parser.add_argument("--seconds", type=float, default=30.0, help="default 30")
    parser.add_argument("--encoding", choices=RATES, default="PCM8")
    parser.add_argument("--pin", action="store_true", help="each process to one CPU")
    parser.add_argument(
        "--own", action="store_true", help="an I/O thread of its own for each call"
    )
    parser.add_argument("--peers", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peers:
        if args.pin:
            pin("peers")
        play_peers(args.calls, args.seconds, args.encoding, own=args.own)
        return 0
    found = compare(
        args.calls, args.seconds, args.encoding, pinned=args.pin, own=args.own
    )
    print(
        f"{args.calls} calls of {args.seconds:g} s, {args.encoding} both ways, half "
        f"of them incoming; Python {platform.python_version()}, {os.cpu_count()} CPUs\n"
    )
    show(found, args.calls)
    for one in found:
        for error in one["errors"][:5]:
            print(f"{one['side']}: {error}")
    others = found[0]["machine"] - sum(one["busy"] for one in found)
    print(f"the rest of the machine's work: {100 * others:.0f} % of one CPU")
    late = [one["late"][name]["p99"] for one in found for name in ("sent", "heard")]
    whole, quick = all(map(sound, found)), max(late) < BAR
    print(
        f"\nnothing lost or repeated: {'ok' if whole else 'missed'}; 99th percentiles "
        f"under {1e3 * BAR:g} ms: {'ok' if quick else 'missed'}"
    )
    return 0 if whole and quick else 1


if __name__ == "__main__":
    sys.exit(main())
