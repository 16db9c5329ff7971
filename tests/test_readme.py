"""Every python block of the README runs; every command in it exists."""

import re
import shlex
import signal
import subprocess
import sys
import threading
import wave
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.sound.server import SoundServer
from voxsync.cli.exits import Exit
from voxsync.mimi import MimiSession
from voxsync.simulators.mimi import MimiService

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
EXPECTED = [
    "True",
    "1000 hello True",
    "が",
    "2.0",
    "s recorded",
    "hung up: 1000",
    "4000 bye True",
    "serverContent UsageMetadata(",
    "Good morning.",
    "4003",
]


def without_stalls(stderr):
    """Without what sound devices say of a machine that was too busy for a moment."""
    lines = stderr.splitlines(keepends=True)
    return "".join(line for line in lines if "this is told once" not in line)


def test_there_are_programs_to_run():
    """The expression above still finds them."""
    assert len(BLOCKS) == len(EXPECTED)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_python_blocks_run(number, tmp_path):
    """Each as a program of its own, with a sound card, and prints what it is about."""
    with SoundServer(loop=True) as server:
        done = subprocess.run(
            [sys.executable, "-c", BLOCKS[number]],
            cwd=tmp_path,
            env=server.environment,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
    assert (done.returncode, without_stalls(done.stderr)) == (0, "")
    assert EXPECTED[number] in done.stdout


@pytest.mark.parametrize("name", ["demo-command", "test-command"])
def test_set_up_is_one_command(name):
    """One line behind its marker: what CI and newcomers copy."""
    block = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    assert block[1].count("\n") == 1
    assert "pip install" in block[1]


def shell_examples():
    """The arguments of each `voxsync ...` line."""
    lines = [line for line in README.splitlines() if line.startswith("voxsync ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


@contextmanager
def service(command, arguments):
    """A service of the examples on a free port: its URL as written, and as it is."""
    port = arguments[arguments.index("--port") + 1]
    words = ["0" if word == port else word for word in arguments]
    with subprocess.Popen(
        [*command, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        try:
            yield f"ws://127.0.0.1:{port}/", child.stdout.readline().strip()
        finally:
            child.send_signal(signal.SIGINT)
        assert child.wait(20) == 0


def test_shell_examples_run(tmp_path):
    """Each `voxsync ...` line does what it says, as a process, on a free port."""
    with wave.open(str(tmp_path / "talk.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(32000))
    command = [sys.executable, "-m", "voxsync.cli"]
    examples = shell_examples()
    served = [example for example in examples if "--port" in example]
    assert len(served) == 4
    with ExitStack() as stack:
        sound = stack.enter_context(SoundServer(loop=True))
        urls = dict(stack.enter_context(service(command, words)) for words in served)
        for example in examples:
            if example in served:
                continue
            done = subprocess.run(
                [*command, *(urls.get(word, word) for word in example)],
                cwd=tmp_path,
                env=sound.environment,
                capture_output=True,
                text=True,
                timeout=50,
                check=False,
            )
            assert done.returncode == 0, (example, done.stderr)
            # What a microphone hears is silence here, which `record` warns of.
            said = without_stalls(done.stderr)
            said = said.replace("voxsync: the recording is silent", "")
            assert "voxsync: " not in said, (example, done.stderr)
    assert (tmp_path / "subs" / "talk.srt").exists()
    with wave.open(str(tmp_path / "echo.wav")) as file:
        assert file.getnframes() == file.getframerate()  # the second that was said


def test_exit_codes_are_those_of_the_program():
    """The README's table and the enumeration agree."""
    table = README.partition("| exit code |")[2].partition("\n\n")[0]
    numbers = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    found = {int(number) for row in numbers for number in row.split(",")}
    assert found == set(Exit)


def test_the_readme_names_no_thread_that_does_not_exist():
    """The thread model's names are those of a real session's threads."""
    named = set(re.findall(r"(voxsync-[a-z]+)-<id>", README))
    with MimiService() as service:
        session = MimiSession(None, url=service.url)
        session.on_open = lambda event: None  # somebody listens: the thread is there
        with session:
            seen = {thread.name for thread in threading.enumerate()}
    kinds = {f"voxsync-{kind}" for kind in ("io", "events")}
    assert named == kinds
    assert {f"{kind}-{session.id}" for kind in kinds} <= seen
