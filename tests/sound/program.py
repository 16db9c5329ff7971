"""Runs sound devices in a child process, where a crash or a hang shows as such."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CONSOLE = Path(__file__).parent / "programs" / "console.py"
_WAIT = 20


class Failed(Exception):
    """What was asked raised this in the child.

    Attributes:
        type: Name of the exception's class.
        code: PortAudio's number, if there is one.
        seconds: How long it took, without what the machine kept it waiting.
    """

    def __init__(self, answer):
        error = answer["error"]
        super().__init__(f"{error['type']}: {error['message']}\n{answer['traceback']}")
        self.type = error["type"]
        self.message = error["message"]
        self.code = error["code"]
        self.seconds = answer["seconds"] - answer["stalled"]


class Program:
    """A child process that runs what it is asked to: `programs/console.py`.

        with Program(server.environment) as program:
            program.do("from voxsync.media import Speaker")
            program.do("speaker = watch(Speaker())")
            program.value("speaker.stats.frames")

    On leaving, it has to end by itself within 5 s, and well.
    """

    def __init__(self, environment=None, **more):
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        # That the last request took, without what the machine kept it waiting.
        self.seconds = 0.0
        self._begin = 0.0
        self._child = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "ignore", str(CONSOLE)],
            env={
                **(environment or os.environ),
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                **more,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.stderr = []
        self._answers = queue.Queue()
        self._threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, traceback):
        try:
            if exc_type is None:
                self.end()
        finally:
            self.kill()

    @property
    def pid(self):
        return self._child.pid

    def value(self, code, timeout=_WAIT):
        """What the expression is worth; what has no JSON comes as its repr."""
        self.begin(code)
        return self.finish(timeout)

    def do(self, *statements, timeout=_WAIT):
        """Run statements, one after the other."""
        for statement in statements:
            self.value(statement, timeout)

    def begin(self, code):
        """Ask without waiting; `finish` gets the answer."""
        self._child.stdin.write(json.dumps(code) + "\n")
        self._child.stdin.flush()

    def finish(self, timeout=_WAIT):
        try:
            answer = self._answers.get(timeout=timeout)
        except queue.Empty:
            self._child.send_signal(signal.SIGABRT)  # faulthandler says where
            self._child.wait(_WAIT)
            raise AssertionError(f"it hangs:\n{self._said()}") from None
        if answer is None:
            code = self._child.wait(_WAIT)
            raise AssertionError(f"it ended with {code}:\n{self._said()}")
        self.seconds = answer["seconds"] - answer["stalled"]
        if answer["error"]:
            raise Failed(answer)
        return answer["value"]

    def fails(self, code, timeout=_WAIT):
        """Run what has to raise; returns the `Failed`."""
        try:
            value = self.value(code, timeout)
        except Failed as exc:
            return exc
        raise AssertionError(f"{code} did not fail but returned {value!r}")

    def end(self, timeout=5):
        """Have it come to its end, which must be a good one."""
        self._child.stdin.close()
        try:
            code = self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            self._child.send_signal(signal.SIGABRT)
            self._child.wait(_WAIT)
            raise AssertionError(f"it does not end:\n{self._said()}") from None
        assert code == 0, f"it ended with {code}:\n{self._said()}"

    def kill(self):
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait(_WAIT)
        for thread in self._threads:
            thread.join(_WAIT)
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            pipe.close()

    def _said(self):
        self._threads[1].join(1)
        return "".join(self.stderr[-200:])

    def _read(self):
        for line in self._child.stdout:
            self._answers.put(json.loads(line))
        self._answers.put(None)

    def _read_errors(self):
        self.stderr.extend(self._child.stderr)
