"""What a Live session costs from socket to samples, against Google's own package.

A scripted server in a process of its own says what was encoded before: audio messages
of 40 ms at 24 kHz. Two clients in turns, each in a fresh process, over TLS on loopback
(google-genai speaks nothing else), without compression: google-genai (async) and
voxsync. What is measured is the CPU time of the client's whole process, all threads:

    received   a message, until its samples are an int16 array in the program's hands
    played     ours alone: the same, by `session.send_media_to(sink)`
    sent       a microphone's block of 20 ms at 16 kHz, until the socket has it

"burst": one behind the other without a pause. That is what the code costs, and it is
judged by the ratio of the medians; exits with 1 if a bar is missed. "alone": one by one
with pauses of 2 ms, which are measured apart and taken off. Most of that is what it
costs the machine to wake a thread, with none of its code in the caches any more; it is
printed for honesty, and so is "played", which has one thread more to wake. Needs
google-genai, websockets and trustme, which voxsync itself does not.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import math
import pathlib
import platform
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode

import numpy as np

BAR = 0.4
JUDGED = ("received, burst", "sent, burst")
RATE_IN, RATE_OUT = 16000, 24000
MESSAGE = RATE_OUT * 40 // 1000  # samples
BLOCK = RATE_IN * 20 // 1000
PAUSES = {"burst": 0.0, "alone": 0.002}  # seconds
PATIENCE = 60.0
CLIENTS = ("google-genai", "voxsync")
# What Firebase's helper in JavaScript does at a device's rate of 48 kHz (Gemini notes,
# 3.3): one message for each 128 samples of it.
FIREBASE = {"rate": 48000, "quantum": 128}


def speech(frames):
    """Something that is no silence."""
    noise = np.random.default_rng(1).standard_normal(frames)
    return (noise * 3000).astype("<i2")


# The server: in its own process, it encodes nothing while it is measured


def content(**fields):
    return json.dumps({"serverContent": fields}).encode()


def audio_message():
    data = b64encode(speech(MESSAGE).tobytes()).decode()
    blob = {"mimeType": f"audio/pcm;rate={RATE_OUT}", "data": data}
    return content(modelTurn={"role": "model", "parts": [{"inlineData": blob}]})


async def talk(websocket):
    """Answer the setup; then each turn with as much audio as its text says."""
    from websockets.exceptions import ConnectionClosed

    with contextlib.suppress(ConnectionClosed):  # who played all does not wait
        await answer(websocket)


async def answer(websocket):
    message, over = audio_message(), content(turnComplete=True)
    await websocket.recv()
    await websocket.send(b'{"setupComplete":{}}')
    async for text in websocket:
        if not text.startswith(('{"clientContent', '{"client_content')):
            continue
        (said,) = json.loads(text).values()
        wanted = said["turns"][0]["parts"][0]["text"]
        count, pause = json.loads(wanted)
        for _ in range(count):
            await websocket.send(message)
            if pause:
                await asyncio.sleep(pause)
        await websocket.send(over)


async def serve(certificate):
    """Tell the port on the first line of stdout, then serve until killed."""
    from websockets.asyncio.server import serve as listen

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    options = {"compression": None, "ping_interval": None, "max_queue": 1024}
    async with listen(talk, "127.0.0.1", 0, ssl=context, **options) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


def wanted(count, pause):
    """The text of a turn that asks for so many messages."""
    return json.dumps([count, pause])


# The clients: each of them measures all it can in its process


async def measure_google(port, context, count):
    """Microseconds a message, by row."""
    from google import genai
    from google.genai import types

    client = genai.Client(
        api_key="none",
        vertexai=False,
        http_options=types.HttpOptions(
            base_url=f"https://localhost:{port}", async_client_args={"ssl": context}
        ),
    )
    block = speech(BLOCK)
    mime_type = f"audio/pcm;rate={RATE_IN}"

    async def turn(session, number, pause):
        heard = 0
        text = types.Content(
            role="user", parts=[types.Part(text=wanted(number, pause))]
        )
        await session.send_client_content(turns=text, turn_complete=True)
        async for message in session.receive():
            if message.data is not None:
                heard += len(np.frombuffer(message.data, "<i2"))
        assert heard == number * MESSAGE

    async def send(session, pause):
        for _ in range(count):
            blob = types.Blob(data=block.tobytes(), mime_type=mime_type)
            await session.send_realtime_input(audio=blob)
            if pause:
                await asyncio.sleep(pause)
        await turn(session, 0, 0)  # its answer says that all was taken

    async def idle(pause):
        for _ in range(count):
            if pause:
                await asyncio.sleep(pause)

    found = {}
    config = {"response_modalities": ["AUDIO"]}
    async with client.aio.live.connect(model="none", config=config) as session:
        for name, pause in PAUSES.items():
            await turn(session, count // 4, pause)
            start = time.process_time()
            await turn(session, count, pause)
            found[f"received, {name}"] = time.process_time() - start
        for name, pause in PAUSES.items():
            await send(session, pause)
            start = time.process_time()
            await send(session, pause)
            middle = time.process_time()
            await idle(pause)
            spent = middle - start - (time.process_time() - middle)
            found[f"sent, {name}"] = spent
    return found


def measure_ours(port, context, count):
    """Microseconds a message, by row."""
    from voxsync.gemini import LiveGenerativeModel
    from voxsync.media import CallbackSink
    from voxsync.session import SessionOptions

    model = LiveGenerativeModel(
        "none",
        api_key="none",
        base_url=f"wss://localhost:{port}",
        config={"response_modalities": ["AUDIO"]},
        options=SessionOptions(ssl_context=context),
    )
    # Who only plays is told once that messages beside the audio are dropped.
    logging.getLogger("voxsync").setLevel(logging.ERROR)
    block = speech(BLOCK)
    sleep = threading.Event().wait

    def turn(session, number, pause):
        heard = 0
        session.send(wanted(number, pause))
        for message in session.receive_turn(PATIENCE):
            samples = message.audio
            if samples is not None:
                heard += len(samples)
        assert heard == number * MESSAGE

    def send(session, pause):
        for _ in range(count):
            session.send_audio_realtime(block)
            if pause:
                sleep(pause)
        turn(session, 0, 0)

    def idle(pause):
        for _ in range(count):
            if pause:
                sleep(pause)

    def play(session, ear, number, pause):
        ear.await_more(number * MESSAGE)
        session.send(wanted(number, pause))
        assert ear.enough.wait(PATIENCE)

    found = {}
    with model.connect() as session:
        for name, pause in PAUSES.items():
            turn(session, count // 4, pause)
            start = time.process_time()
            turn(session, count, pause)
            found[f"received, {name}"] = time.process_time() - start
        for name, pause in PAUSES.items():
            send(session, pause)
            start = time.process_time()
            send(session, pause)
            middle = time.process_time()
            idle(pause)
            spent = middle - start - (time.process_time() - middle)
            found[f"sent, {name}"] = spent
    with model.connect() as session:
        ear = Ear()
        # Not at the pace of the speaker: what is measured is what comes.
        session.send_media_to(CallbackSink(ear.take, RATE_OUT), paced=False)
        for name, pause in PAUSES.items():
            play(session, ear, count // 4, pause)
            start = time.process_time()
            play(session, ear, count, pause)
            found[f"played, {name}"] = time.process_time() - start
    return found


class Ear:
    """Counts what is played."""

    def __init__(self):
        self.left = 0
        self.enough = threading.Event()

    def await_more(self, samples):
        """From now on so many are to come."""
        self.enough.clear()
        self.left = samples

    def take(self, block):
        """Some have come."""
        self.left -= len(block)
        if self.left <= 0:
            self.enough.set()


def play_client(name, port, authority, count):
    """Be one of the clients; print microseconds a message, by row."""
    context = ssl.create_default_context(cafile=authority)
    if name == "voxsync":
        found = measure_ours(port, context, count)
    else:
        found = asyncio.run(measure_google(port, context, count))
    print(json.dumps({row: spent / count * 1e6 for row, spent in found.items()}))


# Who starts them all


def measure(rounds, count):
    """What was found, by client and row, a list each."""
    import trustme

    program = [sys.executable, __file__]
    found = {name: {} for name in CLIENTS}
    with tempfile.TemporaryDirectory() as folder:
        authority, certificate = (
            str(pathlib.Path(folder) / name) for name in ("ca.pem", "server.pem")
        )
        ca = trustme.CA()
        ca.cert_pem.write_to_path(authority)
        issued = ca.issue_cert("localhost", "127.0.0.1")
        issued.private_key_and_cert_chain_pem.write_to_path(certificate)
        with subprocess.Popen(
            [*program, "--serve", certificate], stdout=subprocess.PIPE, text=True
        ) as server:
            try:
                port = server.stdout.readline().strip()
                given = ["--count", str(count), "--authority", authority]
                for _ in range(rounds):
                    for name in CLIENTS:
                        one = subprocess.run(
                            [*program, "--client", name, *given, "--port", port],
                            stdout=subprocess.PIPE,
                            check=True,
                            timeout=PATIENCE * 4,
                        )
                        for row, spent in json.loads(one.stdout).items():
                            found[name].setdefault(row, []).append(spent)
            finally:
                server.kill()
    return found


def report(found):
    """Print the table; whether a bar was missed."""
    missed = False
    columns = f"{'google-genai':30}{'voxsync':30}ratio   bar"
    print(f"{'':20}{columns}")
    for row, ours in found["voxsync"].items():
        # What is played has the same way behind it as what is received.
        theirs = found["google-genai"][row.replace("played", "received")]
        ratio = statistics.median(ours) / statistics.median(theirs)
        bar = ""
        if row in JUDGED:
            missed |= ratio > BAR
            bar = f"<= {BAR}  {'missed' if ratio > BAR else 'ok'}"
        print(f"{row:18}{spread(theirs)}{spread(ours)}{ratio:9.2f}   {bar}")
    return missed


def spread(found):
    """Median and range."""
    return (
        f"{statistics.median(found):7.1f} us ({min(found):5.1f} .. {max(found):5.1f})"
    )


def report_rates():
    """Messages of a microphone: a figure of their rules, not a measurement."""
    device, quantum = FIREBASE["rate"], FIREBASE["quantum"]
    samples = math.ceil(quantum * RATE_IN / device)
    print(
        f"\nMicrophone of {device} Hz: Firebase's own helper sends "
        f"{device / quantum:.0f} messages/s of {samples} samples, voxsync "
        f"{RATE_IN // BLOCK} of {BLOCK}:\n"
        f"{device / quantum / (RATE_IN // BLOCK):.1f} times fewer (by their rules; "
        "not measured)"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns (default 5)")
    parser.add_argument(
        "--count", type=int, default=500, help="messages per row (default 500)"
    )
    for hidden in ("--serve", "--client", "--port", "--authority"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
    if options.client:
        play_client(options.client, options.port, options.authority, options.count)
        return 0
    try:
        import trustme  # noqa: F401
        import websockets
        from google.genai import __version__ as their_version
    except ImportError as exc:
        parser.error(f"{exc.name} is missing: pip install google-genai trustme")
    found = measure(options.rounds, options.count)
    print(
        f"CPU of the client's process per message, medians (and range) of "
        f"{options.rounds} fresh processes,\n{options.count} messages each, Python "
        f"{platform.python_version()}, numpy {np.__version__}, google-genai "
        f"{their_version}, websockets {websockets.__version__}\n"
    )
    missed = report(found)
    report_rates()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
