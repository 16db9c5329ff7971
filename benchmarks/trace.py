"""What recording a session costs: CPU of the whole process, with and without a trace.

A server in a process of its own sends all messages back. Sessions of three services
send a tone in blocks of 20 ms and play what comes back, each block on time, as a call
does. They are recorded and not recorded in turns of two seconds, in one run of one
process; a turn's CPU time is that of all threads. Judged is the median of the ratios of
neighbours; exits with 1 if a session with a trace costs more than 1.1 of one without.
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
import time

BAR = 1.10
RATE = 16000
SESSIONS = 4  # at the same time: one alone is lost in the noise of the machine
TURN = 2.0  # seconds
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


def measure(service, port, turns, folder):
    """CPU seconds of the turns without a trace, and of those with one."""
    from voxsync.media import CallbackSink, ToneSource
    from voxsync.trace import read, record

    heard = [0]

    def hear(block):
        heard[0] += len(block)

    found = ([], [])
    with contextlib.ExitStack() as stack:
        sessions, paths = [], []
        for number in range(SESSIONS):
            session = stack.enter_context(session_of(service, port))
            given = {"encoding": "PCM16"} if service == "voximplant" else {}
            session.send_media_to(CallbackSink(hear, sample_rate=RATE))
            tone = ToneSource(440, sample_rate=RATE)
            tone.send_media_to(session, **given)
            stack.callback(tone.stop_media_to, session)
            sessions.append(session)
            paths.append(pathlib.Path(folder, f"{service}{number}.trace"))
        time_out = threading.Event()
        time_out.wait(1.0)
        recordings = [record(*pair) for pair in zip(sessions, paths, strict=True)]
        for recording in recordings:
            recording.stop()
        for turn in range(2 * turns):
            with_trace = (turn + turn // 2) % 2  # as often before as after the other
            for recording in recordings if with_trace else ():
                recording.start()
            before = time.process_time()
            time_out.wait(TURN)
            found[with_trace].append(time.process_time() - before)
            for recording in recordings if with_trace else ():
                recording.stop()
        assert heard[0] > SESSIONS * turns * RATE, "nothing came back"
        for recording in recordings:
            assert recording.error is None
            assert not recording.lost
        blocks = sum(1 for entry in read(paths[0]) if entry.kind in ("text", "binary"))
        assert blocks > turns * TURN * 80, f"{blocks} messages in the trace"
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=10, help="of each kind (10)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve()
        return 0
    logging.getLogger("voxsync").setLevel(logging.ERROR)
    print(f"Python {platform.python_version()}, {SESSIONS} sessions at a time")
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
            without, recorded = measure(service, port, max(2, args.turns), folder)
            low, high = statistics.median(without), statistics.median(recorded)
            pairs = zip(recorded, without, strict=True)
            ratio = statistics.median(a / b for a, b in pairs)
            missed = missed or ratio > BAR
            shares = [f"{value / TURN / SESSIONS:11.2%}" for value in (low, high)]
            print(f"{service:12} {' '.join(shares)}{ratio:8.3f}", flush=True)
        server.stdin.close()
    if missed:
        print(f"MISSED: at most {BAR} was wanted")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
