"""Every way in which a sound device fails, for real (the contract's B6)."""

import contextlib
import socket
import time

import pytest

from tests.sound.card import Card
from tests.sound.program import Program
from tests.sound.server import SoundServer

# Within which a failure is told, and `close` returns; but for the time in which the
# machine was too busy for the program.
SOON = 1.0
IMPORT = (
    "from voxsync.media import (BufferSink, Microphone, SilenceSource, Speaker, "
    "ToneSource, audio_devices)"
)
OPEN = [
    IMPORT,
    "speaker = watch(Speaker(sample_rate=16000))",
    "microphone = watch(Microphone(sample_rate=16000))",
]
LINK = [
    "play = ToneSource(440).send_media_to(speaker)",
    "sink = BufferSink(5)",
    "hear = microphone.send_media_to(sink)",
]
# Both devices at work: audio came in, and went out.
WORKS = "len(sink.frames) > 1600 and speaker.stats.frames > 1600"


def until(program, condition, timeout=10):
    """Wait until the expression is true in the child."""
    program.do(
        f"import threading, time; gate = threading.Event(); "
        f"end = time.monotonic() + {timeout}\n"
        f"while not ({condition}) and time.monotonic() < end: gate.wait(0.01)"
    )
    assert program.value(f"bool({condition})"), condition


def check_loss(program, fault):
    """Both units tell of it in time, their links end by it, closing is quick."""
    program.do(*OPEN, *LINK)
    until(program, WORKS)
    stalled = program.value("gauge.stalled")
    fault()
    begin = time.monotonic()
    errors = program.value("device_errors(2)")
    assert {error["unit"] for error in errors} == {
        program.value("speaker.name"),
        program.value("microphone.name"),
    }
    for error in errors:
        assert error["at"] - begin - (error["stalled"] - stalled) < SOON, errors
        assert "lost the sound device" in error["message"]
        assert "it can be opened again" in error["message"]
    for unit, link in (("speaker", "play"), ("microphone", "hear")):
        assert program.fails(f"{link}.wait(1)").type == "DeviceError"
        assert program.value(f"{unit}.error is {link}.error")
        assert not program.value(f"{unit}.is_open")
        program.do(f"{unit}.close()", f"{unit}.close()")
        assert program.seconds < SOON


def check_recovery(program):
    """The same units of the same process work again."""
    program.do(*LINK)
    until(program, WORKS)
    program.do("microphone.close()", "speaker.close()")
    assert program.value("[play.is_active, hear.is_active]") == [False, False]
    assert not program.value("play.error or hear.error")


def test_killed_server():
    """A sound server that crashes is told; while it is gone no device is there."""
    with SoundServer() as server, Program(server.environment) as program:
        check_loss(program, server.kill)
        gone = program.fails("speaker.open()")
        assert gone.type == "DeviceError"
        assert "there is no sound output device" in gone.message
        assert program.value("audio_devices()") == []
        assert program.fails("Microphone()").type == "DeviceError"
        server.start()
        assert program.value("len(audio_devices())") > 0
        check_recovery(program)


def test_hung_server():
    """A server that hangs is told; opening gives up, and the rest is made good."""
    with SoundServer() as server, Program(server.environment) as program:
        check_loss(program, server.freeze)
        begin = time.monotonic()
        hung = program.fails("speaker.open()")
        assert time.monotonic() - begin > 4.9
        assert hung.type == "DeviceError"
        assert "does not answer" in hung.message
        assert hung.seconds < 5.0 + SOON
        assert not program.value("speaker.is_open")
        server.thaw()
        check_recovery(program)
        # What was begun while it hung is closed, not left playing.
        until(program, "not [t for t in threading.enumerate() if 'voxsync' in t.name]")
        assert server.pactl("list", "short", "sink-inputs") == ""


def test_closing_while_the_server_hangs():
    """close() returns within a second, before the loss is noticed, too."""
    with SoundServer() as server, Program(server.environment) as program:
        program.do(*OPEN, *LINK)
        until(program, WORKS)
        server.freeze()
        program.do("speaker.close()")
        assert program.seconds < SOON
        program.do("microphone.close()")
        assert program.seconds < SOON
        server.thaw()
        check_recovery(program)


def test_suspended_devices():
    """Devices that fall asleep are lost; they work once they are awake."""
    both = {"speaker": True, "microphone": True}
    with SoundServer() as server, Program(server.environment) as program:
        check_loss(program, lambda: server.suspend(**both))
        server.suspend(**both, resume=True)
        check_recovery(program)


def test_unplugged_devices():
    """Devices that are pulled out, the last ones, are lost; put back, they work."""
    with SoundServer() as server, Program(server.environment) as program:
        names = ("vs_speaker", "vs_voice", "vs_mic")
        check_loss(program, lambda: server.unload(*names))
        gone = program.fails("speaker.open()")
        assert gone.type == "DeviceError"
        assert gone.code == -9999
        server.load("module-null-sink", "sink_name=new", "norewinds=1")
        check_recovery(program)


def test_default_device_removed():
    """PulseAudio moves a stream to another device, if there is one: it goes on.

    No sign of that reaches a program; what the new device hears and plays does.
    """
    with SoundServer() as server, Program(server.environment) as program:
        server.load("module-null-sink", "sink_name=spare", "norewinds=1")
        program.do(*OPEN, *LINK)
        until(program, WORKS)
        with server.record("spare.monitor") as recording:
            server.unload("vs_speaker", "vs_mic")
            server.pactl("set-default-sink", "spare")
            recording.wait_for(1.5)
            heard = recording.samples
        assert abs(heard[-4800:]).max() > 3000  # the tone, on the other device
        before = program.value("microphone.stats.frames")
        until(program, f"microphone.stats.frames > {before} + 1600")
        assert program.value("[speaker.is_open, microphone.is_open]") == [True, True]
        assert program.value("device_errors()") == []
        program.do("microphone.close()", "speaker.close()")


def test_wrong_device():
    """An index or name that there is not lists those that there are."""
    with SoundServer() as server, Program(server.environment) as program:
        program.do(IMPORT)
        for unit in ("Speaker", "Microphone"):
            for wrong in ("99", "'no such thing'"):
                failed = program.fails(f"{unit}({wrong})")
                assert failed.type == "DeviceError"
                assert "0: pulse; 1: default" in failed.message
            several = program.fails(f"{unit}('L')")  # pulse and default
            assert "2" in several.message
            assert "0: pulse; 1: default" in several.message
            assert program.value(f"{unit}('PULSE').device.name") == "pulse"
            assert program.value(f"{unit}(1).device.name") == "default"


def test_refused_rate():
    """A rate that the device does not offer names one that it does."""
    with SoundServer() as server, Program(server.environment) as program:
        program.do(IMPORT, "speaker = Speaker(sample_rate=500_000)")
        failed = program.fails("speaker.open()")
        assert failed.type == "DeviceError"
        assert failed.code == -9997
        assert "500000 frames per second" in failed.message
        assert "sample_rate=44100" in failed.message
        program.do("Speaker(sample_rate=44100).open().close()")


def test_busy_device(tmp_path):
    """A device that another unit, or another program, holds says so; then it works."""
    card = Card(tmp_path, headset="")
    with (
        Program(**card.environment) as program,
        Program(**card.environment) as other,
    ):
        for child in (program, other):
            child.do(IMPORT, "unit = watch(Speaker('headset', sample_rate=16000))")
        other.do("unit.open()")
        busy = program.fails("unit.open()")
        assert busy.type == "DeviceError"
        assert busy.code == -9985
        assert "another program" in busy.message
        other.do("unit.close()")
        program.do("unit.open()", "second = Speaker('headset', sample_rate=16000)")
        assert program.fails("second.open()").code == -9985
        # A microphone is another direction; the link that fails leaves nothing.
        program.do("unit.close()", "second.open()", "source = SilenceSource()")
        assert program.fails("source.send_media_to(unit)").code == -9985
        assert program.value("source.links") == []
        program.do("second.close()", "source.send_media_to(unit)", "unit.close()")


def test_forbidden_device(tmp_path):
    """Without permission, opening says so; with it, the same unit opens."""
    card = Card(tmp_path, headset="")
    with Program(**card.environment) as program:
        program.do(IMPORT)
        for unit in ("Speaker", "Microphone"):
            program.do(f"unit = watch({unit}('headset'))")
            card.deny()
            denied = program.fails("unit.open()")
            assert denied.type == "DeviceError"
            assert denied.code == -9993
            assert "that this user may use it" in denied.message
            card.deny(denied=False)
            program.do("unit.open()", "unit.close()")


def test_forbidden_server():
    """A server that refuses us is no device, and a hint at the permission."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp:127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(SoundServer())
        server.load(
            "module-native-protocol-tcp", "listen=127.0.0.1", f"port={port}",
            f"auth-cookie={server.folder}/cookie",
        )  # fmt: skip
        strange = server.folder / "strange"
        strange.write_bytes(bytes(256))
        program = stack.enter_context(
            Program(PULSE_SERVER=address, PULSE_COOKIE=str(strange))
        )
        program.do(IMPORT)
        denied = program.fails("Speaker()")
        assert denied.type == "DeviceError"
        assert "that this user may use it (PULSE_SERVER, its cookie)" in denied.message
        # The right cookie shows that it was the cookie.
        right = {"PULSE_COOKIE": str(server.folder / "cookie")}
        friend = stack.enter_context(Program(PULSE_SERVER=address, **right))
        friend.do(IMPORT, "Speaker().open().close()")


@pytest.mark.parametrize("kind", ["Speaker", "Microphone"])
def test_lone_device(tmp_path, kind):
    """Real hardware's one mono or stereo, at its one rate, works by default."""
    card = Card(tmp_path, mono="channels 1 rate 48000", stereo="channels 2 rate 44100")
    with Program(**card.environment) as program:
        program.do(IMPORT)
        for name, rate in (("mono", 48_000), ("stereo", 44_100)):
            program.do(f"unit = watch({kind}('{name}')).open()")
            assert program.value("unit.sample_rate") == rate
            until(program, "unit._port._stream.calls > 10")
            program.do("unit.close()")
        assert program.value("device_errors()") == []
