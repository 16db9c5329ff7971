"""A sample with a window, run as a program of its own and told what to do."""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_WAIT = 20


class Window:
    """The running sample.

        with Window("samples/tk_app.py", {**screen.environment, ...}) as window:
            window.do("app.event_generate('<Return>')")
            window.wait("'Connected' in app.status['text']")

    Args:
        path: Of the sample, from the root of the tree.
        environment: That has a screen and a sound server.
        child: The module that runs it.
    """

    def __init__(self, path, environment, child="tests.gui.child"):
        self._process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error", "-m", child, str(ROOT / path)],
            cwd=ROOT,
            env={**environment, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._read = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self):
        return self._process.pid

    def ask(self, **task):
        """Send a task without waiting for its answer."""
        self._process.stdin.write(json.dumps(task).encode() + b"\n")
        self._process.stdin.flush()

    def do(self, code):
        """Evaluate it in the main loop; returns the value."""
        self.ask(code=code)
        return self._answer(_WAIT)

    def wait(self, code, seconds=_WAIT):
        """Wait until it is true; returns the value."""
        self.ask(code=code, until=True, seconds=seconds)
        return self._answer(seconds + _WAIT)

    def _answer(self, seconds):
        answer = self._line(seconds)
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def _line(self, seconds):
        end = time.monotonic() + seconds
        out = self._process.stdout
        while b"\n" not in self._read:
            left = end - time.monotonic()
            assert left > 0, f"no answer within {seconds} s"
            if select.select([out], [], [], left)[0]:
                data = os.read(out.fileno(), 65536)
                assert data, f"it has ended: {self._process.stderr.read().decode()}"
                self._read += data
        line, self._read = self._read.split(b"\n", 1)
        return json.loads(line)

    def end(self, code):
        """Do what ends the program.

        Returns:
            Seconds until its process was gone (or, where it says when its last line was
            run, until then: to end Python takes a busy machine its time), the threads
            it left, and its standard error.
        """
        began = time.monotonic()
        self.ask(code=code)
        out, err = self._process.communicate(timeout=_WAIT)
        gone = time.monotonic()
        assert self._process.returncode == 0, err.decode()
        last = json.loads((self._read + out).splitlines()[-1])
        return last.get("at", gone) - began, last["threads"], err.decode()
