"""Decode and encode 640-byte frames against websocket-client, without a kernel.

Both sides run in turns in one process, so that a busy machine slows both; the
ratios of the medians are judged. Exits with 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time

import websocket

from voxsync.wire import Role, Wire

FRAME = 640  # bytes: 20 ms of 16 kHz audio
PIECE = 64 * 1024  # bytes handed over at a time, as by recv(65536)
BARS = {"decode": 0.2, "encode": 0.6}


class MemorySocket:
    """A socket without a kernel: gives out one buffer, swallows all else."""

    def __init__(self, incoming=b""):
        self.view, self.at = memoryview(incoming), 0

    def recv(self, size):
        """Give up to `size` of the bytes."""
        piece = bytes(self.view[self.at : self.at + size])
        self.at += len(piece)
        return piece

    def send(self, data):
        """Take all of it."""
        return len(data)

    def gettimeout(self):
        """Blocking, as by default."""

    def settimeout(self, timeout):
        """Nothing here waits."""

    def fileno(self):
        """There is none."""
        return -1


def theirs(sock):
    ws = websocket.WebSocket(skip_utf8_validation=True)
    ws.sock = sock
    ws.connected = True
    return ws


def frames_of_a_server(count):
    wire = Wire(Role.SERVER)
    for _ in range(count):
        wire.send_binary(bytes(FRAME))
    return bytes(wire.out)


def their_decode(stream, count):
    ws = theirs(MemorySocket(stream))
    recv = ws.recv
    start = time.perf_counter()
    for _ in range(count):
        recv()
    return time.perf_counter() - start


def our_decode(stream, count):
    sock = MemorySocket(stream)
    wire = Wire(Role.CLIENT)
    got = 0
    start = time.perf_counter()
    while piece := sock.recv(PIECE):
        wire.receive(piece)
        while True:
            for message in wire.messages(64):
                assert message.data is not None
                got += 1
            if not wire.has_more:
                break
    elapsed = time.perf_counter() - start
    assert got == count
    return elapsed


def their_encode(payload, count):
    send = theirs(MemorySocket()).send_binary
    start = time.perf_counter()
    for _ in range(count):
        send(payload)
    return time.perf_counter() - start


def our_encode(payload, count):
    wire = Wire(Role.CLIENT)
    send, out, sock_send = wire.send_binary, wire.out, MemorySocket().send
    start = time.perf_counter()
    for _ in range(count):
        send(payload)
        del out[: sock_send(out)]
    return time.perf_counter() - start


def measure(rounds, count):
    stream, payload = frames_of_a_server(count), bytes(range(256)) * 2 + bytes(128)
    jobs = {
        ("decode", "websocket-client"): (their_decode, stream),
        ("decode", "voxsync"): (our_decode, stream),
        ("encode", "websocket-client"): (their_encode, payload),
        ("encode", "voxsync"): (our_encode, payload),
    }
    times = {key: [] for key in jobs}
    for turn in range(rounds + 1):
        for key, (job, data) in jobs.items():
            elapsed = job(data, count)
            if turn:  # the first turn warms up
                times[key].append(elapsed / count * 1e6)
    return {key: statistics.median(values) for key, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, help="turns (default 21)")
    parser.add_argument(
        "--count", type=int, default=4000, help="frames per turn (default 4000)"
    )
    options = parser.parse_args()
    medians = measure(options.rounds, options.count)
    print(
        f"{FRAME}-byte binary frames, client role, medians of {options.rounds} turns;"
        f" Python {platform.python_version()},"
        f" websocket-client {websocket.__version__}\n"
    )
    print("          websocket-client   voxsync    ratio   bar")
    missed = False
    for what, bar in BARS.items():
        base, own = medians[what, "websocket-client"], medians[what, "voxsync"]
        missed |= own > bar * base
        verdict = "missed" if own > bar * base else "ok"
        print(
            f"{what:8} {base:12.2f} us {own:10.2f} us {own / base:8.3f}"
            f"   <= {bar}  {verdict}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
