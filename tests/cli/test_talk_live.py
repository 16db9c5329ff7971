"""`voxsync talk` by microphone and speaker; on a sound card in test_talk.py."""

import os
import signal
import threading

import numpy as np
import pytest

from voxsync.cli.main import main
from voxsync.errors import DeviceError
from voxsync.media import BufferSink, WavReader
from voxsync.simulators.gemini_faults import fault
from voxsync.simulators.voice import ToneVoice

LONG = "this answer is long " * 20


@pytest.fixture
def card(question, monkeypatch):
    """A card: its microphone hears a question, and then silence for a long time.

    `card.speaker.frames` is what was heard; `card.then` is called when that was half a
    second.
    """
    path = question(silence=50.0)

    class Card:
        name = "the\ncard"
        then = None

    class Microphone(WavReader):
        device = Card

        def __init__(self, device, *, name, sample_rate=None):
            super().__init__(path, name=name)

    class Speaker(BufferSink):
        device = Card

        def __init__(self, device, *, name, sample_rate=None):
            super().__init__(60, 24000, name=name)
            Card.speaker = self

        def _put(self, block, wanted):
            if Card.then is not None and self._frames > 12000:
                then, Card.then = Card.then, None
                then()
            return super()._put(block, wanted)

    monkeypatch.setattr("voxsync.media.Microphone", Microphone, raising=False)
    monkeypatch.setattr("voxsync.media.Speaker", Speaker, raising=False)
    return Card


@pytest.fixture
def talk(make_live, capsys):
    """Talk; return exit code, output, error output and the service."""

    def run(*args, **settings):
        service = make_live(**settings)
        code = main(["talk", "--url", service.url, *args])
        out, err = capsys.readouterr()
        return code, out, err, service

    return run


def spoken(text):
    return np.concatenate(list(ToneVoice().say(text)))


def test_ctrl_c_lets_the_model_finish(talk, card, interrupt):
    """What it says is heard to its end; the exit code is 0."""
    card.then = interrupt
    code, out, err, service = talk(answers=["one two three four five"])
    assert (code, out) == (0, "model: one two three four five\n")
    assert err.splitlines()[0] == "listening to the card; Ctrl-C ends"
    said = spoken("one two three four five")
    heard = card.speaker.frames
    assert np.array_equal(heard[: len(said)], said)
    record = service.wait_record(1)
    assert record.close_code == 1000
    assert [each.interrupted for each in record.answers] == [False]


def test_sigterm_is_as_ctrl_c(talk, card):
    """It lets the model finish, too, and the exit code is the same."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        card.then = lambda: os.kill(os.getpid(), signal.SIGTERM)
        code, out, _, service = talk(answers=["one two three four five"])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (code, out) == (0, "model: one two three four five\n")
    assert service.wait_record(1).close_code == 1000


def test_a_second_ctrl_c_ends_it_at_once(
    card, make_live, capsys, interrupt, monkeypatch
):
    """In the middle of an answer; what it had said is printed."""
    service = make_live([LONG])
    card.then = interrupt
    said = []

    def write(self, words):
        said.append(words)
        if "Ctrl-C again" in words:
            interrupt()

    monkeypatch.setattr("voxsync.cli.progress.LiveLine.say", write)
    assert main(["talk", "--url", service.url]) == 130
    assert said == [
        "listening to the card; Ctrl-C ends",
        "ending with this answer; Ctrl-C again ends at once",
    ]
    out, err = capsys.readouterr()
    assert err == "voxsync: interrupted\n"
    assert len(out) < len(LONG)
    assert len(card.speaker.frames) < len(spoken(LONG)) / 2


def test_nobody_speaks(card, make_live, interrupt, monkeypatch):
    """Then Ctrl-C ends it at once, and in good order."""
    service = make_live()
    listening, look = threading.Event(), threading.Event()

    def watch():
        assert listening.wait(30)
        while not service.records or not service.records[0].audio_bytes:
            look.wait(0.01)
        interrupt()

    monkeypatch.setattr(
        "voxsync.cli.progress.LiveLine.say", lambda self, words: listening.set()
    )
    watcher = threading.Thread(target=watch)
    watcher.start()
    code = main(["talk", "--url", service.url])
    watcher.join()
    assert code == 0
    record = service.wait_record(1)
    assert (record.close_code, list(record.turns)) == (1000, [])


def test_a_service_that_ends_it(talk, card):
    """Properly: that is told, and no failure."""
    end = fault("close", code=1000, reason="enough", at="turn")
    code, out, err, _ = talk(faults=[end], answers=["one two"])
    assert (code, out) == (0, "model: one two\n")
    assert err.splitlines()[-1] == "the service ended the conversation"


def test_a_service_that_fails(talk, card):
    """Code and reason on one line, once; what was said is printed before."""
    end = fault("close", code=1011, reason="overloaded", at="turn")
    code, out, err, _ = talk(faults=[end], answers=["one two"])
    assert (code, out) == (1, "model: one two\n")
    last = [line for line in err.splitlines() if "1011" in line]
    assert len(last) == 1
    assert last[0].startswith(
        "voxsync: the session ended with close code 1011: overloaded"
    )


def test_a_speaker_that_fails(talk, card):
    """Is told once, as what ended it."""

    def fail():
        raise DeviceError("unplugged")

    card.then = fail
    code, _, err, service = talk(answers=[LONG])
    assert code == 1
    assert err.count("unplugged") == 1
    assert service.wait_record(1).close_code is not None


def test_what_ends_nothing_is_told(talk, card, interrupt):
    """As audio that cannot be played."""
    card.then = interrupt
    code, _, err, _ = talk(answers=["one two three four"], faults=[fault("odd_bytes")])
    assert code == 0
    assert "voxsync: an audio part has " in err


def test_a_connection_that_reaches_its_age(card, make_live, capsys, interrupt):
    """Is left in time: the conversation goes on by another one."""
    going = fault("go_away", seconds=60, at="turn", connections=1)
    service = make_live(["one two"], faults=[going])
    look = threading.Event()

    def watch():
        while len(service.records) < 2 or service.records[1].setup is None:
            look.wait(0.01)
        interrupt()

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = main(["talk", "--url", service.url])
    watcher.join()
    assert (code, capsys.readouterr().out) == (0, "model: one two\n")
    assert service.wait_record(2).resumed == service.wait_record(1).session_id


def test_half_duplex(talk, card, interrupt, monkeypatch):
    """Is what the conversation is told."""
    given = []
    import voxsync.cli.talk_live as module

    class Conversation(module.AudioConversation):
        def __init__(self, *args, **settings):
            given.append(settings["half_duplex"])
            super().__init__(*args, **settings)

    monkeypatch.setattr(module, "AudioConversation", Conversation)
    card.then = interrupt
    assert talk("--half-duplex", answers=["one two three four"])[0] == 0
    assert given == [True]
