import contextlib
import math
import struct
import threading
from pathlib import Path

import pytest

from voxsync.audio import AudioFormat
from voxsync.cli.recording import open_recording
from voxsync.cli.streaming import _Run, stream
from voxsync.errors import ConnectError, DeviceError, FormatError, SessionClosed
from voxsync.mimi import MimiSession, NictOptions
from voxsync.simulators.faults import fault


class Watcher:
    """Notes what it is told."""

    def __init__(self):
        self.texts, self.positions, self.said = [], [], []
        self.stopped = threading.Event()

    def heard(self, transcript):
        self.texts.append(transcript.text)

    def sent(self, seconds):
        self.positions.append(seconds)

    def say(self, words):
        self.said.append(words)
        self.stopped.set()


def play(service, path, watcher=None, *, realtime=False, rate=None):
    recording = open_recording(path, rate)
    session = MimiSession(
        None,
        process="nict-asr",
        language="en",
        url=service.url,
        audio=recording.audio,
        nict=NictOptions(progressive=True, temporary_interval=100),
    )
    watcher = watcher or Watcher()
    return stream(session, recording, watcher, language="en", realtime=realtime)


def test_a_recording_is_sent_whole_and_its_text_comes_back(service, make_wav):
    """All bytes arrive, results are told as they come, figures are taken."""
    watcher = Watcher()
    outcome = play(service, make_wav(seconds=1.0), watcher)
    assert outcome.transcript.text == "one two three four five"
    assert outcome.transcript.is_final
    assert not outcome.interrupted
    assert outcome.sent_s == 1.0
    assert 0 <= outcome.first_s <= outcome.wall_s
    assert 0 <= outcome.last_s <= outcome.wall_s
    assert watcher.positions == [pytest.approx(n / 10) for n in range(1, 11)]
    assert watcher.texts[0] == "one"
    assert watcher.texts[-1] == "one two three four five"
    assert service.wait_record(1).audio_bytes == 32000


def test_a_sender_that_was_stopped_sends_no_more(service, make_wav):
    """Also where it does not wait for the pace."""

    class Stopper(Watcher):
        def sent(self, seconds):
            super().sent(seconds)
            self.run.stop()

    recording, watcher = open_recording(make_wav()), Stopper()
    session = MimiSession(None, url=service.url)
    run = watcher.run = _Run(session, recording, watcher, "en", realtime=False)
    with session:
        run.send()
        session.wait_closed(10)
    assert watcher.positions == [pytest.approx(0.1)]
    assert service.wait_record(1).audio_bytes == 3200


def test_without_text_there_is_no_latency_to_tell(make_service, make_wav):
    """Quiet has a final result, but no first text."""
    outcome = play(make_service(sentences=()), make_wav(seconds=0.1))
    assert outcome.first_s is None
    assert outcome.last_s is not None


def test_real_time_takes_its_time(service, make_wav):
    """The last of three blocks of 0.1 s leaves when two have been heard."""
    outcome = play(service, make_wav(seconds=0.3), realtime=True)
    assert outcome.wall_s >= 0.2
    assert outcome.transcript.text == "one two three"


def test_flac_is_counted_by_its_share(service, tmp_path):
    """Compressed bytes say nothing of time: the file's own length does."""
    path = tmp_path / "x.flac"
    streaminfo = (16000 << 44 | 15 << 36 | 16000).to_bytes(8, "big")
    path.write_bytes(b"fLaC\x80\0\0\x22" + bytes(10) + streaminfo + bytes(9974))
    watcher = Watcher()
    # The embedded service decodes no FLAC; the client's side is meant here.
    with contextlib.suppress(SessionClosed):
        play(service, path, watcher)
    assert watcher.positions
    assert watcher.positions[-1] <= 1.0


def test_flac_of_unknown_length_cannot_be_paced(service, tmp_path):
    """That is an error before anything is sent."""
    path = tmp_path / "x.flac"
    streaminfo = (16000 << 44 | 15 << 36).to_bytes(8, "big")
    path.write_bytes(b"fLaC\x80\0\0\x22" + bytes(10) + streaminfo + bytes(9974))
    with pytest.raises(FormatError, match="how long"):
        play(service, path, realtime=True)
    assert service.records == []


def test_ctrl_c_ends_the_audio_and_keeps_the_text(
    make_service, make_tap, make_wav, interrupt
):
    """The first Ctrl-C sends recog-break; the final result of what was sent comes."""
    watcher = Watcher()

    def then():
        interrupt()
        watcher.stopped.wait(10)  # until then the service takes no more

    service = make_service(recogniser=make_tap(16000, then))
    outcome = play(service, make_wav(seconds=60.0), watcher)
    assert outcome.interrupted
    assert outcome.transcript.is_final
    assert outcome.transcript.text == "one two three four five"
    assert watcher.said == ["stopping; Ctrl-C again gives up"]
    record = service.wait_record(1)
    assert record.close_code == 1000
    assert 16000 <= record.audio_bytes < 60 * 32000
    assert len(record.texts) == 1  # exactly one recog-break


class Endless:
    """A feed that goes on until it is told to finish, and then has a second more."""

    audio = AudioFormat()
    seconds = None

    def __init__(self):
        self.told = threading.Event()

    def position(self, count):
        return self.audio.seconds(count)

    def blocks(self, say):
        while not self.told.wait(0.01):
            yield bytes(640)
        for _ in range(10):
            yield bytes(3200)


def test_a_feed_that_finishes_by_itself_is_sent_to_its_end(
    make_service, make_tap, interrupt
):
    """At the first Ctrl-C it is told; what it still has goes out before the end."""
    feed, watcher = Endless(), Watcher()
    service = make_service(recogniser=make_tap(6400, interrupt))
    session = MimiSession(None, process="nict-asr", language="en", url=service.url)
    outcome = stream(session, feed, watcher, language="en", finish=feed.told.set)
    assert outcome.interrupted
    assert outcome.transcript.text == "one two three four five"
    assert outcome.transcript.is_final
    assert watcher.said == ["stopping; Ctrl-C again gives up"]
    record = service.wait_record(1)
    assert record.audio_bytes >= 6400 + 32000
    assert record.audio_bytes == round(outcome.sent_s * 32000)
    assert len(record.texts) == 1


def test_a_second_ctrl_c_does_not_wait_for_its_end(make_service, make_tap, interrupt):
    """A device or a network may hang."""
    feed, watcher = Endless(), Watcher()
    watcher.say = lambda words: interrupt()
    session = MimiSession(
        None, url=make_service(recogniser=make_tap(640, interrupt)).url
    )
    with pytest.raises(KeyboardInterrupt):
        stream(session, feed, watcher, language="en", finish=lambda: None)
    assert not feed.told.is_set()


def test_a_second_ctrl_c_gives_up(make_service, make_tap, make_wav, interrupt):
    """No final result is waited for any more; nothing is left behind."""
    watcher = Watcher()
    watcher.say = lambda words: interrupt()  # as soon as the first was understood
    service = make_service(
        recogniser=make_tap(3200, interrupt), faults=[fault("no_final")]
    )
    with pytest.raises(KeyboardInterrupt):
        play(service, make_wav(seconds=1.0), watcher)


def test_ctrl_c_before_the_session_is_open(make_service, make_wav, interrupt):
    """A service that never answers can be left."""
    service = make_service(faults=[fault("no_answer")])
    timer = threading.Thread(
        target=lambda: (service_has_connection(service), interrupt())
    )
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        play(service, make_wav())
    timer.join()


def service_has_connection(service):
    gate = threading.Event()
    while not service.records:
        gate.wait(0.005)


@pytest.mark.parametrize("what", ["fin", "close"])
def test_a_service_that_fails_is_an_error_with_the_text_so_far(
    make_service, make_wav, what
):
    """A session without a final result is none."""
    service = make_service(faults=[fault(what, at="break")])
    with pytest.raises(SessionClosed) as caught:
        play(service, make_wav(seconds=1.0))
    assert caught.value.text == "one two three four five"


def test_a_service_that_is_not_there_is_an_error(make_service, make_wav):
    """Nothing listens at the port."""
    service = make_service()
    service.close()
    with pytest.raises(ConnectError):
        play(service, make_wav())


def test_half_a_sample_is_left_out(service, tmp_path):
    """That is said, and the rest is worth its text."""
    path = tmp_path / "x.raw"
    path.write_bytes(bytes(16001))
    watcher = Watcher()
    outcome = play(service, path, watcher, rate=16000)
    assert outcome.transcript.text == "one two three four five"
    assert watcher.stopped.wait(10)
    assert "its last frame is incomplete" in watcher.said[0]
    assert service.wait_record(1).audio_bytes == 16000


def test_audio_that_is_none_is_an_error(service, tmp_path):
    """Noticed in the midst of the file; the session does not go on without."""
    path = tmp_path / "x.wav"
    layout = struct.pack("<HHIIHH", 3, 1, 16000, 64000, 4, 32)
    samples = struct.pack("<f", 0.0) * 1600 + struct.pack("<f", math.nan) * 1600
    head = struct.pack("<4sI4s4sI", b"RIFF", 12836, b"WAVE", b"fmt ", 16) + layout
    path.write_bytes(head + struct.pack("<4sI", b"data", 12800) + samples)
    with pytest.raises(FormatError, match="NaN"):
        play(service, path)


class Failing:
    """A feed whose device fails after 0.5 s."""

    audio = AudioFormat()
    seconds = None
    closed = False

    def position(self, count):
        return self.audio.seconds(count)

    def blocks(self, say):
        try:
            say("listening")
            yield bytes(16000)
            raise DeviceError("unplugged")
        finally:
            self.closed = True


def test_a_device_that_fails_leaves_the_text_of_what_came(service):
    """The audio ends; the results still come, and why it ended is with them."""
    feed, watcher = Failing(), Watcher()
    session = MimiSession(None, process="nict-asr", language="en", url=service.url)
    outcome = stream(session, feed, watcher, language="en")
    assert outcome.transcript.text == "one two three four five"
    assert outcome.transcript.is_final
    assert str(outcome.error) == "unplugged"
    assert outcome.sent_s == 0.5
    assert watcher.said == ["listening"]
    assert feed.closed


def test_a_file_that_vanishes_is_an_error(service, make_wav, monkeypatch):
    """Between the look at the header and the reading."""
    path = make_wav()
    watcher = Watcher()
    recording = open_recording(path)
    session = MimiSession(None, url=service.url)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        stream(session, recording, watcher, language="en")
    assert not Path(path).exists()


def test_output_that_nobody_reads_ends_the_session(service, make_wav):
    """A watcher that cannot write is not ignored like a listener that fails."""
    watcher = Watcher()

    def broken(_):
        raise BrokenPipeError

    watcher.heard = broken
    with pytest.raises(BrokenPipeError):
        play(service, make_wav(seconds=1.0), watcher)
