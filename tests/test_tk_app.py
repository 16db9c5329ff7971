"""The sample for Tk, run as a program on a private screen, and used as a person would.

Its screenshots are in the folder of the environment variable VOXSYNC_SCREENSHOTS, as
tk_idle.png, tk_partial.png and tk_error.png; without that, in pytest's temporary one.
"""

import contextlib
import os
import socket
import wave
from pathlib import Path

import numpy as np
import pytest

import voxsync
from tests.events.screen import Screen
from tests.gui.screenshot import screenshot
from tests.gui.window import ROOT, Window
from tests.sound.gauge import Gauge
from tests.sound.server import SoundServer, without_stalls, write_wav
from voxsync.simulators.faults import fault
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.voice import FliteVoice

HANGING = "Thread-", "voxsync-portaudio-"
"""Threads that a sound server keeps which hangs; the first is the sample's."""

SAID = "he was not an ill disposed young man"
TEXT = "app.text.get('1.0', 'end')"
GREY = "app.text.get('grey.first', 'grey.last').strip()"
HEARD = "app.meters[0]['value']"
PLAYED = "app.meters[1]['value']"
TROUBLE = "app.trouble.winfo_ismapped() and app.trouble['text']"


@pytest.fixture(scope="module")
def screen():
    with Screen() as screen:
        yield screen


@pytest.fixture(scope="module")
def sound():
    with SoundServer() as server:
        yield server


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """A recording of `SAID`, beside one that goes on."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    data = Path(voxsync.__file__).parent / "simulators" / "data"
    with wave.open(str(data / "sense_and_sensibility.wav")) as file:
        file.setpos(round(7.7 * 16000))
        samples = np.frombuffer(file.readframes(round(3.9 * 16000)), "<i2")
    write_wav(path, samples, 16000)
    write_wav(path.with_name("long.wav"), np.tile(samples, 8), 16000)
    return path


@pytest.fixture
def picture(screen, tmp_path):
    """Save a screenshot by this name."""
    folder = Path(os.environ.get("VOXSYNC_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def save(window, name):
        window.do("app.update()")  # all is drawn
        screenshot(screen.display, folder / name)

    return save


@pytest.fixture
def start(screen, sound):
    """Start the app; it is in the state that is given, soon."""

    def start(state="Ready", **environment):
        environment = {**sound.environment, "DISPLAY": screen.display, **environment}
        window = Window("samples/tk_app.py", environment)
        try:
            in_state(window, state)
        except BaseException:
            window.__exit__()
            raise
        return window

    return start


def in_state(window, name):
    try:
        window.wait(f"app.status['text'] == '● {name}'")
    except AssertionError as exc:
        raise AssertionError(f"not {name}: {shown(window)}") from exc


def shown(window):
    """What the person sees of the session."""
    return window.do(f"[app.status['text'], {TROUBLE}, {TEXT}]")


def press(window, key):
    window.do(f"app.event_generate('<{key}>')")


def click(window, name):
    """Press a button with the mouse, in its middle."""
    button = f"next(b for b in [*app.buttons, app.mute] if b['text'] == {name!r})"
    place = f"x={button}.winfo_width() // 2, y={button}.winfo_height() // 2"
    window.wait(f"not {button}.instate(['disabled'])")
    for event in ("<Enter>", "<ButtonPress-1>", "<ButtonRelease-1>", "<Leave>"):
        window.do(f"{button}.event_generate('{event}', {place})")


def say(sound, path, window, done):
    """Speak until this is true: a busy machine may have left gaps in what was said."""
    for _ in range(4):
        with contextlib.suppress(AssertionError):
            return window.wait(done, 6)
        sound.speak(path).wait(20)
    raise AssertionError(f"never {done}: {shown(window)}")


def close(window, code="app.destroy()", left=()):
    """It is gone within 2 s, without a complaint, and without threads but these."""
    with Gauge() as gauge:
        seconds, threads, stderr = window.end(code)
        assert seconds - gauge.stalled < 2.0
    assert [each for each in threads if not each.startswith(left or "none")] == []
    lines = without_stalls(stderr).splitlines()
    hanging = "lost the sound device", "the sound system hangs"  # what is logged then
    told = [line for line in lines if left and any(each in line for each in hanging)]
    assert lines == told


def test_transcribe(start, sound, speech, picture):
    """What is said appears in grey, then for good; mute, stop; an idle one closes."""
    with start() as window:
        assert "default" in window.do("app.boxes[2]['values']")
        assert "default" in window.do("app.boxes[3]['values']")
        picture(window, "tk_idle.png")
        click(window, "Connect")
        in_state(window, "Connected")
        speaking = sound.speak(speech)
        window.wait(f"len({GREY}) > 4 and not {GREY}.startswith('Press')")
        window.wait(f"{HEARD} > 20")
        assert window.do("[*app.units]") == ["microphone"]  # nothing is played
        picture(window, "tk_partial.png")
        assert window.do("app.text.tag_cget('grey', 'foreground')") == "gray60"
        speaking.wait(20)
        say(sound, speech, window, f"{SAID!r} in {TEXT} and not {GREY}")
        speaking = sound.speak(speech.with_name("long.wav"))
        window.wait(f"{HEARD} > 20")
        click(window, "Mute")
        window.wait(f"{HEARD} == 0")
        press(window, "Alt-m")
        window.wait(f"{HEARD} > 20")  # it is still being said
        speaking.kill()
        press(window, "Alt-s")
        in_state(window, "Ready")
        assert window.do(TROUBLE) == 0
        assert SAID in window.do(TEXT)
        height = window.do("app.text.winfo_height()")
        window.do("app.geometry('800x900')")
        window.wait(f"app.text.winfo_height() > {height + 200}")  # it takes the room
        close(window)


def test_talk(start, sound, tmp_path):
    """By keyboard: a model answers by voice; a listener closes the window meanwhile."""
    said = np.concatenate(list(FliteVoice().say("good morning")))
    write_wav(tmp_path / "said.wav", said, 24000)
    with start() as window, sound.record() as recording:
        window.do("app.boxes[0].focus_force()")
        ways = "[*app.boxes[1:], app.buttons[0]]"
        for at in range(5):  # those that can be used, in the order that they are seen
            window.do("app.focus_get().event_generate('<<NextWindow>>')")
            window.wait(f"app.focus_get() is {ways}[{at}]")
        window.do("app.boxes[0].current(1)")
        press(window, "Return")
        in_state(window, "Connected")
        sound.speak(tmp_path / "said.wav").wait(20)
        answered = "'user: good morning' in {0} and 'model: good morning' in {0}"
        say(sound, tmp_path / "said.wav", window, answered.format(TEXT))
        recording.wait_loud()
        assert window.wait(f"{PLAYED} > 20")
        closing = "setattr(app.session, 'on_message', lambda _: app.destroy())"
        sound.speak(tmp_path / "said.wav")
        close(window, closing)


def test_trouble(start, picture):
    """It is told in words; the token is not; while connecting, the window closes."""
    with (
        MimiService(token="right", faults=[fault("status", connections=1)]) as service,
        socket.create_server(("127.0.0.1", 0)) as blackhole,
        start(MIMI_TOKEN="right") as window,
    ):
        window.do(f"app.boxes[1].set({service.url!r})")
        window.do("app.boxes[4].insert(0, 'wrong')")
        assert window.do("app.boxes[4]['show']") == "•"
        press(window, "Return")
        assert "503 Service Unavailable" in window.wait(TROUBLE)
        in_state(window, "Ready")
        press(window, "Return")
        assert window.do(TROUBLE) == 0
        trouble = window.wait(TROUBLE)
        assert "401" in trouble
        assert "check the token" in trouble
        assert "wrong" not in trouble.replace("wrong scope", "")
        in_state(window, "Ready")
        picture(window, "tk_error.png")
        window.do("app.boxes[4].delete(0, 'end')")  # the environment has the right one
        press(window, "Alt-c")
        in_state(window, "Connected")
        assert window.do(TROUBLE) == 0
        press(window, "Escape")
        in_state(window, "Ready")
        assert window.do(TROUBLE) == 0
        window.do("app.boxes[1].set('nonsense')")
        press(window, "Return")
        assert "ws:// or wss://" in window.wait(TROUBLE)
        in_state(window, "Ready")
        port = blackhole.getsockname()[1]
        window.do(f"app.boxes[1].set('ws://127.0.0.1:{port}/')")
        press(window, "Return")
        in_state(window, "Connecting")
        close(window)


def test_echo(start, sound, speech):
    """It is heard; with a sound server that hangs the window lives, and closes."""
    with start() as window, sound.record() as recording:
        window.do("app.boxes[0].set('Echo')")
        click(window, "Connect")
        in_state(window, "Connected")
        sound.speak(speech)
        recording.wait_loud()
        assert window.wait(f"{PLAYED} > 20")
        click(window, "Disconnect")
        in_state(window, "Ready")
        press(window, "Return")
        in_state(window, "Connected")
        sound.freeze()
        try:
            assert "lost the sound device" in window.wait(TROUBLE)
            close(window, left=HANGING)
            with start("Starting") as other:  # nobody tells it of devices
                close(other, left=HANGING)
        finally:
            sound.thaw()


def test_it_stays_short():
    """It is there to be read."""
    assert len((ROOT / "samples/tk_app.py").read_text().splitlines()) < 200
