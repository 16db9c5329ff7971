"""The sample for Qt, run as a program, without a screen, and used as a person would.

Its screenshots are in the folder of the environment variable VOXSYNC_SCREENSHOTS, as
qt_idle.png, qt_partial.png and qt_error.png; without that, in pytest's temporary one.
"""

import os
import socket
import wave
from pathlib import Path

import numpy as np
import pytest

import voxsync
from tests.gui.window import Window
from tests.sound.gauge import Gauge
from tests.sound.server import SoundServer, without_stalls, write_wav
from voxsync.simulators.faults import fault
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.voice import FliteVoice

NOISE = "This plugin does not support propagateSizeHints()\n"
"""Qt says so of every window that it shows without a screen."""

HANGING = "Thread-", "voxsync-portaudio-"
"""Threads that a sound server keeps which hangs; the first is the sample's."""

CONNECT, STOP, MUTE, DISCONNECT = (f"app.buttons[{at}]" for at in range(4))
SAID = "he was not an ill disposed young man"
TEXT = "app.text.toPlainText()"


@pytest.fixture(scope="module")
def sound():
    with SoundServer() as server:
        yield server


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """A recording of `SAID`."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    data = Path(voxsync.__file__).parent / "simulators" / "data"
    with wave.open(str(data / "sense_and_sensibility.wav")) as file:
        file.setpos(round(7.7 * 16000))
        samples = np.frombuffer(file.readframes(round(3.9 * 16000)), "<i2")
    write_wav(path, samples, 16000)
    return path


@pytest.fixture
def picture(tmp_path):
    """Save a screenshot by this name."""
    folder = Path(os.environ.get("VOXSYNC_SCREENSHOTS", tmp_path)).resolve()
    folder.mkdir(parents=True, exist_ok=True)

    def save(window, name):
        assert window.do(f"app.grab().save({str(folder / name)!r})")

    return save


def start(sound, **environment):
    """The app, as soon as it knows what devices there are."""
    environment = {**sound.environment, "QT_QPA_PLATFORM": "offscreen", **environment}
    window = Window("samples/qt_app.py", environment, "tests.gui.qt_child")
    try:
        in_state(window, "Ready")
    except BaseException:
        window.__exit__()
        raise
    return window


def in_state(window, name):
    window.wait(f"app.state.text() == {name!r}")


def close(window, code="app.close()", left=()):
    """It is gone within 2 s, without a complaint, and without threads but these."""
    with Gauge() as gauge:
        seconds, threads, stderr = window.end(code)
        assert seconds - gauge.stalled < 2.0
    assert [each for each in threads if not each.startswith(left or "none")] == []
    lines = without_stalls(stderr).replace(NOISE, "").splitlines()
    assert [each for each in lines if not (left and "system hangs" in each)] == []


def test_transcribe(sound, speech, picture):
    """What is said appears in grey, then for good; mute, stop; an idle one closes."""
    with start(sound) as window:
        # Letters are drawn, not one box for each.
        widths = "[app.fontMetrics().horizontalAdvance(each) for each in 'iW']"
        thin, wide = window.do(widths)
        assert 0 < thin < wide
        assert "default" in window.do("names(app.boxes[2])")
        assert "default" in window.do("names(app.boxes[3])")
        picture(window, "qt_idle.png")
        window.do(f"click({CONNECT})")
        in_state(window, "Connected")
        sound.speak(speech)
        window.wait(f"len({TEXT}) > 8")
        ((partial, ink),) = window.do("inks(app.text)")
        assert ink == "grey"
        assert SAID.startswith(partial)
        assert window.wait("app.meters[0].value() > 20")
        assert window.do("len(app.units)") == 1  # nothing is played
        picture(window, "qt_partial.png")
        window.wait(f"'young man\\n' in {TEXT}")
        assert window.do("inks(app.text)") == [[SAID, "normal"]]
        sound.speak(speech)
        window.wait("app.meters[0].value() > 20")
        window.do(f"click({MUTE})")
        window.wait("app.meters[0].value() == 0")
        window.do(f"click({MUTE})")
        window.wait("app.meters[0].value() > 20")  # it is still being said
        window.do(f"click({STOP})")
        in_state(window, "Ready")
        assert window.do("app.trouble.isVisible()") is False
        assert window.do(TEXT).splitlines()[0] == SAID
        close(window)


def test_talk(sound, tmp_path):
    """By keyboard: a model answers by voice; a listener closes the window meanwhile."""
    said = np.concatenate(list(FliteVoice().say("good morning")))
    write_wav(tmp_path / "said.wav", said, 24000)
    with start(sound) as window, sound.record() as recording:
        widgets = "*app.boxes[:2], app.token, *app.boxes[2:], *app.buttons, app.text"
        usable = f"[each for each in ({widgets}) if each.isEnabled()]"
        assert window.do(f"tab_order(app.boxes[0]) == {usable}")
        window.do("write(app.boxes[0], 'Live')")
        window.do("press('Return')")
        in_state(window, "Connected")
        for _ in range(3):  # a busy machine leaves gaps in what is said
            sound.speak(tmp_path / "said.wav").wait(20)
            window.wait(f"'model: ' in {TEXT}")
            if "user: good morning" in window.do(TEXT):
                break
        lines = ["user: good morning", "model: good morning"]
        assert {line.strip() for line in window.do(TEXT).splitlines()} <= set(lines)
        recording.wait_loud()
        assert window.wait("app.meters[1].value() > 20")
        closing = "setattr(app.session, 'on_message', lambda _: app.close())"
        sound.speak(tmp_path / "said.wav")
        close(window, closing)


def test_trouble(sound, picture):
    """It is told in words; the token is not; while connecting, the window closes."""
    with (
        MimiService(token="right", faults=[fault("status", connections=1)]) as service,
        socket.create_server(("127.0.0.1", 0)) as blackhole,
        start(sound, MIMI_TOKEN="right") as window,
    ):
        window.do(f"write(app.boxes[1], {service.url!r})")
        window.do("write(app.token, 'wrong')")
        assert window.do("app.token.displayText()") != "wrong"
        window.do("press('Return')")
        window.wait("app.trouble.isVisible()")
        assert "503 Service Unavailable" in window.do("app.trouble.text()")
        in_state(window, "Ready")
        window.do("press('Return')")
        window.wait("'401' in app.trouble.text()")
        trouble = window.do("app.trouble.text()")
        assert "check the token" in trouble
        assert "wrong" not in trouble.replace("wrong scope", "")
        in_state(window, "Ready")
        picture(window, "qt_error.png")
        window.do("app.token.clear()")  # the environment has the right one
        window.do("press('Alt+C')")
        in_state(window, "Connected")
        assert window.do("app.trouble.isVisible()") is False
        window.do("press('Escape')")
        in_state(window, "Ready")
        assert window.do("app.trouble.isVisible()") is False
        window.do("write(app.boxes[1], 'nonsense')")
        window.do("press('Return')")
        window.wait("'ws:// or wss://' in app.trouble.text()")
        in_state(window, "Ready")
        port = blackhole.getsockname()[1]
        window.do(f"write(app.boxes[1], 'ws://127.0.0.1:{port}/')")
        window.do("press('Return')")
        in_state(window, "Connecting")
        close(window)


def test_echo(sound, speech):
    """It is heard; with a sound server that hangs the window lives, and closes."""
    with start(sound) as window, sound.record() as recording:
        window.do("write(app.boxes[0], 'Echo')")
        window.do(f"click({CONNECT})")
        in_state(window, "Connected")
        sound.speak(speech)
        recording.wait_loud()
        assert window.wait("app.meters[1].value() > 20")
        window.do(f"click({DISCONNECT})")
        in_state(window, "Ready")
        window.do(f"click({CONNECT})")
        in_state(window, "Connected")
        sound.freeze()
        try:
            close(window, left=HANGING)
        finally:
            sound.thaw()
