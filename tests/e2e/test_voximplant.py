"""Calls of a simulated VoxEngine with `voxsync serve`, a process of its own."""

import contextlib
import json
import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from voxsync.audio import AudioFormat, Decoder, Encoder
from voxsync.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from voxsync.audio.opus import OpusEncoder
from voxsync.audio.resample import Resampler
from voxsync.media import BufferSink
from voxsync.simulators.voximplant import Scenario, VoxEngine

DATA = Path(__file__).resolve().parents[2] / "voxsync" / "simulators" / "data"
SENTENCES = (DATA / "sense_and_sensibility.txt").read_text("utf-8").split("\n")
SECONDS = 20
RATES = {"PCM8": 8000, "PCM16": 16000, "ULAW": 8000, "ALAW": 8000, "OPUS": 48000}
# Of one call; they say different things.
TAGS = {"caller": "PCM8", "music": "ULAW", "": "PCM16"}


@contextlib.contextmanager
def served(*args):
    """`voxsync serve ...` as a process; gives its URL. Ctrl-C ends it with 0."""
    command = [sys.executable, "-m", "voxsync.cli", "serve", *args]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            yield child.stdout.readline().strip()
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=20)
        finally:
            child.kill()
    assert child.returncode == 0, err
    assert "Traceback" not in err


def speech(rate, start=0.0, seconds=SECONDS):
    """So much of the shipped recording at this rate."""
    with wave.open(str(DATA / "sense_and_sensibility.wav")) as file:
        assert file.getframerate() == 16000
        file.setpos(round(start * 16000))
        found = np.frombuffer(file.readframes(round(seconds * 16000)), "<i2")
    if rate != 16000:
        resampler = Resampler(16000, rate)
        found = np.concatenate([resampler.process(found), resampler.flush()])
    return found[: round(seconds * rate)]


def write(path, samples, rate):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def opus_trip(samples):
    """What Opus makes of it, as it is sent: in packets, the codec's rest behind."""
    form = AudioFormat("opus", 48000)
    encoder, decoder = Encoder(form), Decoder(form)
    packets = [*encoder.packets(samples), *encoder.last_packets()]
    return np.concatenate([decoder.decode(packet) for packet in packets])


def as_heard(encoding, samples):
    """What comes back of it: coded on the way there, and again on the way back."""
    match encoding:
        case "ULAW":
            return ulaw_decode(ulaw_encode(samples))
        case "ALAW":
            return alaw_decode(alaw_encode(samples))
        case "OPUS":
            return opus_trip(opus_trip(samples))
    return samples


def signal_to_noise(said, heard, lag):
    """In dB, of what can be heard (above 20 Hz: below that the codec filters)."""
    said, heard = said[: len(heard) - lag], heard[lag : lag + len(said)]
    signal, noise = (
        np.abs(np.fft.rfft(wave)) ** 2
        for wave in (said.astype(float), said.astype(float) - heard)
    )
    audible = np.fft.rfftfreq(len(said), 1 / RATES["OPUS"]) >= 20
    return 10 * np.log10(signal[audible].sum() / noise[audible].sum())


class Talk:
    """A socket with a call for each tag, until all of them have heard themselves.

    Attributes:
        said, heard: By tag.
    """

    def __init__(self, url, streams, folder):
        self._url, self._streams, self._folder = url, streams, folder
        self.said, self.heard = {}, {}

    def __call__(self, engine):
        ws = engine.create_web_socket(self._url)
        calls = {}
        for number, (tag, encoding) in enumerate(self._streams.items()):
            rate = RATES[encoding]
            self.said[tag] = speech(rate, number * 3.0)
            self.heard[tag] = BufferSink(SECONDS + 5, rate)
            path = self._folder / f"{len(self._streams)}-{tag}-{encoding}.wav"
            write(path, self.said[tag], rate)
            calls[tag] = engine.call(path, record=self.heard[tag])
            ws.send_media_to(calls[tag], tag=tag)

        def opened(_):
            for tag, encoding in self._streams.items():
                calls[tag].send_media_to(ws, tag=tag, encoding=encoding)

        def look():
            if all(len(self.said[t]) <= self.heard[t].stats.frames for t in calls):
                engine.terminate()
            else:
                engine.after(0.5, look)

        ws.on_open = opened
        look()
        engine.after(60, engine.terminate)


@pytest.fixture(scope="module")
def echoed(tmp_path_factory):
    """20 s of speech and back: every encoding in a call, all calls at a time.

    By encoding, and by tag of the call that has three: what was said and heard.
    """
    folder = tmp_path_factory.mktemp("speech")
    with served("echo") as url, contextlib.ExitStack() as stack:
        talks = [Talk(url, {name: name}, folder) for name in RATES]
        talks.append(Talk(url, TAGS, folder))
        engines = [stack.enter_context(VoxEngine(talk)) for talk in talks]
        for engine in engines:
            engine.wait(90)
        events = [entry.name for engine in engines for entry in engine.events]
    assert "error" not in events
    return {
        tag: (said, talk.heard[tag].frames)
        for talk in talks
        for tag, said in talk.said.items()
    }


@pytest.mark.timeout(150)
@pytest.mark.parametrize("encoding", RATES)
def test_an_echo_of_speech(echoed, encoding):
    """Bit by bit, but for what the encoding itself does."""
    said, heard = echoed[encoding]
    expected = as_heard(encoding, said)
    assert len(heard) >= SECONDS * RATES[encoding]
    np.testing.assert_array_equal(heard, expected[: len(heard)])


@pytest.mark.timeout(150)
def test_an_echo_in_opus_is_good(echoed):
    """It went through the codec twice, and is more than 20 dB above the difference."""
    said, heard = echoed["OPUS"]
    assert signal_to_noise(said, heard, 2 * OpusEncoder().look_ahead) > 20


@pytest.mark.timeout(150)
@pytest.mark.parametrize("tag", TAGS)
def test_streams_of_one_call_stay_apart(echoed, tag):
    """Three tags at once: each hears itself, and nothing of the others."""
    said, heard = echoed[tag]
    np.testing.assert_array_equal(heard, as_heard(TAGS[tag], said))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("encoding", ["PCM16", "ULAW"])
def test_speech_comes_back_as_text(tmp_path, encoding):
    """The right words, temporary ones before; at a telephone's rate, too."""
    rate = RATES[encoding]
    path = write(tmp_path / "speech.wav", speech(rate, 7.7, 3.9), rate)
    with served("transcribe") as url:
        scenario = Scenario(url=url, play=path, tag="caller", encoding=encoding)
        with VoxEngine(scenario) as engine:
            engine.wait(60)
    texts = [json.loads(e.fields["text"]) for e in engine.events if e.name == "message"]
    assert {text["customEvent"] for text in texts} == {"transcript"}
    assert {text["payload"]["tag"] for text in texts} == {"caller"}
    finals = [t["payload"]["text"] for t in texts if t["payload"]["isFinal"]]
    assert finals == [SENTENCES[1]]
    assert len(texts) > len(finals)
