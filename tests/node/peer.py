"""The Node.js peer as a process: how a test starts it, leads it and hears of it.

Node comes from the PATH. The npm package `ws` is the one that package-lock.json pins,
brought once by `npm ci` into a folder beside this file; where there is no npm, or no
registry, Debian's package node-ws does.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "package-lock.json"
DEBIAN = Path("/usr/share/nodejs")
NEEDED = (
    "the tests need Node.js 18 or later and its package ws: on Debian `apt-get install "
    "nodejs node-ws`, elsewhere Node.js with npm"
)


def noise(seed, size):
    """The same bytes as audio.cjs makes of this seed."""
    return hashlib.shake_256(seed.encode()).digest(size)


def node():
    """The program `node`."""
    found = shutil.which("node") or shutil.which("nodejs")
    if found is None:
        raise FileNotFoundError(f"no node on the PATH: {NEEDED}")
    return found


def modules():
    """The folder in which Node finds `ws`."""
    version = json.loads(LOCK.read_text())["packages"]["node_modules/ws"]["version"]
    pinned = HERE / f".ws-{version}"
    if (pinned / "ws").is_dir():
        return pinned
    why = fetch(pinned)
    if (pinned / "ws").is_dir():
        return pinned
    if (DEBIAN / "ws").is_dir():
        return DEBIAN
    raise FileNotFoundError(f"no npm package ws ({why}): {NEEDED}")


def fetch(target):
    """Bring what package-lock.json names; return why that failed, or None."""
    npm = shutil.which("npm")
    if npm is None:
        return "there is no npm"
    # Made elsewhere and moved as a whole: two test runs may come here at once.
    with tempfile.TemporaryDirectory(dir=HERE, prefix=".npm-") as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0"]
        try:
            done = subprocess.run(
                [npm, "ci", *options],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=40,
                check=False,  # the caller knows what else would do
            )
        except subprocess.TimeoutExpired:
            return "npm ci took more than 40 s"
        if done.returncode != 0:
            return f"npm ci: {done.stderr.strip()}"
        try:
            (Path(folder) / "node_modules").rename(target)
        except OSError:
            assert (target / "ws").is_dir()  # the other run was faster
    return None


class NodePeer:
    """One Node process that serves or dials; use it as a context manager.

    `seen` holds all that it told so far, oldest first. Leaving the context ends it,
    and fails if it told of an error of its own.
    """

    def __init__(self, mode, url=None, **settings):
        arguments = [mode] if url is None else [mode, url]
        self.seen = []
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            [node(), str(HERE / "peer.cjs"), *arguments, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"NODE_PATH": str(modules())},
        )
        self._errors = ""
        self._threads = [
            threading.Thread(target=self._read, name="node-peer", daemon=True),
            threading.Thread(target=self._read_errors, name="node-peer", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        if mode == "serve":
            try:
                self.url = f"ws://127.0.0.1:{self.wait('ready')['port']}/media"
            except BaseException:
                self._process.kill()
                self._end()
                raise

    def _read(self):
        for line in self._process.stdout:
            with self._news:
                self.seen.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self.seen.append({"what": "exit"})
            self._news.notify_all()

    def _read_errors(self):
        self._errors = self._process.stderr.read()

    def all(self, what, **fields):
        """All it told of this kind so far, with these values in their fields."""
        wanted = {"what": what, **fields}
        with self._news:
            return [each for each in self.seen if wanted.items() <= each.items()]

    def wait(self, what, *, count=1, timeout=30, **fields):
        """The last of the first `count` of this kind, as soon as it has come."""
        end = time.monotonic() + timeout
        with self._news:
            while True:
                found = self.all(what, **fields)
                if len(found) >= count:
                    return found[count - 1]
                if self.all("exit"):
                    self._threads[1].join(5)
                    raise AssertionError(f"node ended: {self._errors}")
                left = end - time.monotonic()
                assert left > 0, f"no {what} {fields} among {self.seen}"
                self._news.wait(left)

    def do(self, command, **options):
        """Give a command of peer.cjs: play, text, binary, close, terminate."""
        self._process.stdin.write(json.dumps({"do": command, **options}) + "\n")
        self._process.stdin.flush()

    def play(self, tag="", **options):
        """Send a stream of noise; see sender.cjs for the options."""
        self.do("play", tag=tag, **options)

    def close(self):
        """End the process."""
        self._end()
        assert self._process.returncode == 0, self._errors

    def _end(self):
        with self._process:  # closes the pipes, and waits
            with contextlib.suppress(BrokenPipeError):  # it is gone already
                self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
            for thread in self._threads:
                thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
