"""Sound devices and the process they are in: its end, its children, its threads."""

import os
import signal

import pytest

from tests.sound.program import Program
from tests.sound.server import SoundServer

IMPORT = "from voxsync.media import BufferSink, Microphone, Speaker, ToneSource"
OPEN = [
    IMPORT,
    "speaker = watch(Speaker(sample_rate=16000))",
    "microphone = watch(Microphone(sample_rate=16000))",
    "play = ToneSource(440).send_media_to(speaker)",
    "hear = microphone.send_media_to(BufferSink())",
    "microphone.read(1600)",
]


@pytest.fixture
def server():
    with SoundServer() as server:
        yield server


def test_end_with_open_devices(server):
    """A program that forgets its devices ends well, and nothing is printed."""
    with Program(server.environment) as program:
        program.do(*OPEN)
        program.end()
        assert program.stderr == []


def test_end_while_the_server_hangs(server):
    """A hung server holds up no program, also when it was closing."""
    with Program(server.environment) as still, Program(server.environment) as closing:
        for program in (still, closing):
            program.do(*OPEN)
        server.freeze()
        closing.do("speaker.close()")
        still.end()
        closing.end()
        server.thaw()


def test_nothing_is_printed(server):
    """Neither ALSA nor JACK prints anything; with the switch they do, as ever."""
    with Program(server.environment) as program:
        program.do(*OPEN, "microphone.close()", "speaker.close()")
        program.end()
        assert program.stderr == []
    with Program(server.environment, VOXSYNC_SOUND_CHATTER="1") as program:
        program.do(IMPORT, "Speaker()")
        program.end()
        assert len(program.stderr) > 10


def test_forked_child(server):
    """A child that was forked is told; it disturbs nothing and ends."""
    with Program(server.environment) as program:
        program.do(*OPEN)
        program.do(
            """
import os
receive, send = os.pipe()
child = os.fork()
if not child:
    told = []
    for use in (
        Speaker,
        speaker.open,
        lambda: speaker.write(bytes(64000)),
        lambda: microphone.read(10),
        lambda: microphone.send_media_to(BufferSink()),
        speaker.close,
        microphone.close,
    ):
        try:
            told.append(str(use()))
        except Exception as exc:
            told.append(type(exc).__name__)
    os.write(send, json.dumps(told).encode())
    raise SystemExit  # the usual end, not os._exit
os.close(send)
"""
        )
        told = program.value("json.loads(os.read(receive, 10000))")
        assert told == ["InvalidState"] * 5 + ["None"] * 2
        assert program.value("os.waitpid(child, 0)[1]") == 0
        # The parent's devices play on.
        program.do("before = speaker.stats.frames", "microphone.read(8000)")
        assert program.value("speaker.stats.frames > before")
        program.do("microphone.close()", "speaker.close()")
        assert "DeviceError" not in str(program.value("errors"))


def test_process_that_was_stopped(server):
    """Ctrl-Z, a debugger, a laptop's lid: the devices are not taken for dead."""
    with Program(server.environment) as program, server.record() as recording:
        program.do(*OPEN)
        os.kill(program.pid, signal.SIGSTOP)
        recording.wait_for(1.5)
        os.kill(program.pid, signal.SIGCONT)
        program.do("[microphone.read(1600) for _ in range(20)]")
        assert program.value("[speaker.is_open, microphone.is_open]") == [True, True]
        assert "DeviceError" not in str(program.value("errors"))
        program.do("microphone.close()", "speaker.close()")


def test_threads_of_the_sound_system(server):
    """Python knows them from one callback to the next, and forgets them at the end."""
    with Program(server.environment) as program:
        program.do(
            IMPORT,
            """
local = threading.local()
seen = []
class Counted(Microphone):
    def take(self, data):
        local.count = getattr(local, "count", 0) + 1
        seen.append(local.count)
        super().take(data)
microphone = watch(Counted(sample_rate=16000))
""",
        )
        for _ in range(3):
            program.do("seen.clear()", "microphone.open()", "microphone.read(1600)")
            assert program.value("max(seen)") >= 9
            program.do("pin = microphone._port._stream._pin")
            assert program.value("pin.is_held")
            program.do("microphone.close()")
            assert program.value("pin.is_held") is False
        assert "DeviceError" not in str(program.value("errors"))


def test_four_threads_do_as_they_like(server):
    """Two hundred random calls from four threads: no crash, no hang, no leftover."""
    with Program(server.environment) as program:
        program.do(
            IMPORT,
            """
import random
from voxsync.errors import InvalidState
from voxsync.media import EndOfStream
units = [Speaker(sample_rate=16000), Speaker(sample_rate=8000, buffer_ms=20),
         Microphone(sample_rate=16000), Microphone(sample_rate=8000, buffer_ms=5)]
for unit in units:
    watch(unit)
wrong = []
done = []
def act(seed):
    pick = random.Random(seed)
    for _ in range(50):
        unit = pick.choice(units)
        call = pick.choice(["open", "open", "close", "clear", "write"])
        try:
            if call == "clear" and unit in units[:2]:
                unit.clear()
            elif call == "clear":
                unit.clear_media_buffer()
            elif call == "write" and unit in units[:2]:
                unit.write(bytes(640))
            elif call == "write":
                unit.read(80, 0.05)
            else:
                getattr(unit, call)()
            done.append(call)
        except (InvalidState, EndOfStream):
            done.append(call)  # another thread closed it meanwhile
        except BaseException as exc:
            wrong.append(repr(exc))
""",
        )
        program.do(
            "threads = [threading.Thread(target=act, args=(n,)) for n in range(4)]",
            "[thread.start() for thread in threads]",
            "[thread.join() for thread in threads]",
            timeout=60,
        )
        assert program.value("wrong") == []
        assert program.value("len(done)") == 200
        program.do("[unit.close() for unit in units]")
        # Threads end when their work is done, soon but not at once.
        program.do(
            "gate = threading.Event(); end = time.monotonic() + 5\n"
            "while time.monotonic() < end and threading.active_count() > 2:"
            " gate.wait(0.01)"
        )
        assert program.value("[t.name for t in threading.enumerate()]") == [
            "MainThread",
            "gauge",
        ]
        assert server.pactl("list", "short", "sink-inputs") == ""
        (remap,) = server.pactl("list", "short", "source-outputs").splitlines()
        assert "module-remap-source" in remap  # the microphone's own
