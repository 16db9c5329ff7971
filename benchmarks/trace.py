"""What recording a session costs: CPU with a trace and without, at the same time.

A server in a process of its own sends all messages back. Sessions of three services
send a tone in blocks of 20 ms and play what comes back, each block on time, as a call
does; one half of them is recorded, then the other, in one process and at the same time.
So whatever else the machine does weighs on both alike. Counted is the CPU time of all
threads of these sessions, those that write the traces included (Linux tells it of each
thread). Judged is the median of the ratios of the rounds; exits with 1 if a session
with a trace costs more than 1.1 of one without.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import threading

BAR = 1.10
RATE = 16000
SESSIONS = 3  # in each half
TURN = 5.0  # seconds
SERVICES = ("plain", "voximplant", "gemini")


def serve():
    """Send everything back; tell the port on the first line."""
    from voxsync.server import Listener

    prefix = '{"realtimeInput":{"audio":'

    def connected(_, session):
        def answer(event):
            data = event.data
            if not isinstance(data, str):
                session.send_binary(data)
            elif data.startswith('{"setup"'):
                session.send_binary(b'{"setupComplete":{}}')
            elif data.startswith(prefix):
                blob = json.loads(data)["realtimeInput"]["audio"]
                part = {"inlineData": blob}
                turn = {"role": "model", "parts": [part]}
                text = json.dumps({"serverContent": {"modelTurn": turn}})
                session.send_binary(text.encode())
            else:
                session.send_text(data)

        session.on_message = answer

    with Listener() as listener:
        listener.connection.connect(connected)
        print(listener.port, flush=True)
        sys.stdin.read()


def session_of(service, port):
    from voxsync.audio import AudioFormat
    from voxsync.gemini import LiveGenerativeModel
    from voxsync.plain import PlainSession
    from voxsync.voximplant import WebSocket

    url = f"ws://127.0.0.1:{port}"
    if service == "plain":
        return PlainSession(url, audio=AudioFormat("pcm16", RATE)).connect()
    if service == "voximplant":
        return WebSocket(url).connect()
    model = LiveGenerativeModel("models/none", api_key="none", base_url=url)
    return model.connect()


def cpu(threads):
    """CPU seconds of the threads so far."""
    total = 0
    for thread in threads:
        path = pathlib.Path("/proc/self/task", str(thread.native_id), "schedstat")
        total += int(path.read_text().split()[0])
    return total / 1e9


def call(service, port, stack, heard):
    """A session that sends and plays."""
    from voxsync.media import CallbackSink, ToneSource

    def hear(block):
        heard[0] += len(block)

    session = stack.enter_context(session_of(service, port))
    given = {"encoding": "PCM16"} if service == "voximplant" else {}
    session.send_media_to(CallbackSink(hear, sample_rate=RATE))
    tone = ToneSource(440, sample_rate=RATE)
    tone.send_media_to(session, **given)
    stack.callback(tone.stop_media_to, session)
    return session


def measure(service, port, rounds, folder):
    """CPU seconds per session and second: `(without, with)` of each round."""
    from voxsync.trace import read, record

    heard, found, wait = [0], [], threading.Event().wait
    with contextlib.ExitStack() as stack:
        groups = []
        for _ in range(2):
            before = set(threading.enumerate())
            sessions = [call(service, port, stack, heard) for _ in range(SESSIONS)]
            wait(0.5)  # by then all its threads are there
            groups.append((sessions, set(threading.enumerate()) - before))
        for _ in range(rounds):
            spent = [0.0, 0.0]
            for turn in (0, 1):
                sessions, threads = groups[turn]
                paths = [pathlib.Path(folder, f"{n}.trace") for n in range(SESSIONS)]
                before = set(threading.enumerate())
                recordings = [
                    record(*each) for each in zip(sessions, paths, strict=True)
                ]
                writers = set(threading.enumerate()) - before
                assert len(writers) == SESSIONS
                plain = groups[1 - turn][1]
                start = cpu(plain), cpu(threads)
                wait(TURN)
                spent[0] += cpu(plain) - start[0]
                spent[1] += cpu(threads | writers) - start[1]
                for recording in recordings:
                    recording.stop()
                    assert recording.error is None
                    assert not recording.lost
            found.append(tuple(value / 2 / TURN / SESSIONS for value in spent))
        blocks = sum(1 for entry in read(paths[0]) if entry.kind in ("text", "binary"))
        assert blocks > TURN * 80, f"{blocks} messages in the trace"
        assert heard[0] > SESSIONS * rounds * TURN * RATE, "nothing came back"
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="of each service (5)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve()
        return 0
    logging.getLogger("voxsync").setLevel(logging.ERROR)
    print(f"Python {platform.python_version()}, {2 * SESSIONS} sessions at a time")
    print(
        f"{'':12}{'without':>12}{'with':>12}{'ratio':>8}   CPU of one core per session"
    )
    missed = False
    server = subprocess.Popen(
        [sys.executable, pathlib.Path(__file__), "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with server, tempfile.TemporaryDirectory() as folder:
        port = int(server.stdout.readline())
        for service in SERVICES:
            found = measure(service, port, max(1, args.rounds), folder)
            ratio = statistics.median(high / low for low, high in found)
            missed = missed or ratio > BAR
            low, high = (
                statistics.median(values) for values in zip(*found, strict=True)
            )
            print(f"{service:12}{low:12.2%}{high:12.2%}{ratio:8.3f}", flush=True)
        server.stdin.close()
    if missed:
        print(f"MISSED: at most {BAR} was wanted")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
