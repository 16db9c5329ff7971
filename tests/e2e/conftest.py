"""A voice app for strangers to talk to, and its log; see `test_hostile*.py`.

And a minute that runs beside all tests; see `test_node.py`.
"""

import logging
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.server.conftest import head, until
from voxsync.errors import MediaError, ProtocolError, SessionClosed
from voxsync.voximplant import WebSocketServer

TOKEN = "s3cr3t-t0k3n-0123456789"
GREETING = head(
    f"/voice?token={TOKEN}", f"Authorization: Bearer {TOKEN}", f"X-Api-Key: {TOKEN}"
)
MOST = 1024 * 1024  # bytes of a message that the server takes


MINUTE = pytest.StashKey[subprocess.Popen]()


def pytest_collection_finish(session):
    """Begin the minute with Node now, if it is to be tested: it mostly waits."""
    wanted = any(
        "minute" in getattr(item, "fixturenames", ()) for item in session.items
    )
    if wanted and not session.config.option.collectonly:
        session.config.stash[MINUTE] = subprocess.Popen(
            [sys.executable, "-m", "tests.node.minute"],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def pytest_sessionfinish(session):
    """Whoever did not wait for it does not want it any more."""
    process = session.config.stash.get(MINUTE, None)
    if process is not None:
        process.kill()
        process.communicate()


@pytest.fixture
def minute(pytestconfig):
    """The process of tests/node/minute.py, which began before the first test."""
    return pytestconfig.stash[MINUTE]


class App:
    """A voice app: answers probes, echoes the stream "voice", remembers the rest."""

    def __init__(self):
        self.server = WebSocketServer(
            max_connections=500, authenticate=self.authenticate
        )
        self.server.connection.connect(self.connected)
        self.heard = {}  # the far end's port: texts that came
        self.errors = Counter()
        self.shown = []
        self.failures = []
        self.listener_errors = 0

    def authenticate(self, request):
        if len(self.shown) < 100:
            self.shown.append(repr(request))

    def connected(self, server, websocket):
        texts = self.heard[websocket.request.address[1]] = []
        echoing = []

        def message(event):
            if event.text.startswith("probe "):
                websocket.send(event.text)
            else:
                texts.append(event.text)

        def started(event):
            if event.tag == "voice" and not echoing:
                echoing.append(websocket.send_media_to(websocket, tag="voice"))

        def close(event):
            self.listener_errors += websocket.stats.listener_errors
            kept = websocket.media_statistics
            if max(len(kept.received), len(kept.sent)) > 128:
                self.failures.append(f"{len(kept.received)} tags are kept")
            self.see(websocket, event)
            del self.heard[websocket.request.address[1]]

        websocket.add_event_listener("message", message)
        websocket.add_event_listener("media-started", started)
        websocket.add_event_listener("error", self.error)
        websocket.add_event_listener("close", close)

    def error(self, event):
        error = event.error
        self.errors[type(error).__name__] += 1
        if not isinstance(error, ProtocolError | MediaError | SessionClosed):
            self.failures.append(repr(error))
        if TOKEN in str(error) + repr(error) + repr(event):
            self.failures.append(f"a token is shown by a {type(error).__name__}")

    def see(self, websocket, event):
        if TOKEN in f"{websocket!r} {websocket.request!r} {event!r} {event.error!r}":
            self.failures.append("a token is shown by a socket or its end")

    def check(self):
        """Nothing failed, and nothing of those that were here is left."""
        until(lambda: not self.server.websockets and not self.heard)
        until(lambda: len(ours()) == 1)
        assert self.failures == []
        assert self.listener_errors == 0
        assert self.server.stats.pending == 0


def ours():
    return [t.name for t in threading.enumerate() if t.name.startswith("voxsync-")]


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class Log:
    """Reads all that is logged, and keeps only what should not have been."""

    def __init__(self):
        self.bad, self.leaks = [], []
        self.form = logging.Formatter()

    def read(self, record):
        text = self.form.format(record)
        if record.levelno >= logging.ERROR:
            self.bad.append(text)
        if TOKEN in text:
            self.leaks.append(text)


@pytest.fixture
def log(monkeypatch):
    """The log at DEBUG. Not by a handler: pytest's own would keep every record."""
    found = Log()
    monkeypatch.setattr(logging.Logger, "callHandlers", found.read)
    logger = logging.getLogger("voxsync")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    yield found
    logger.setLevel(level)


@pytest.fixture
def app(log, capfd):
    """The app; at its end, all that it did or said wrong is a failure."""
    made = App()
    with made.server:
        yield made
        made.check()
    assert (log.bad, log.leaks) == ([], [])
    said = "\n".join([*made.shown, *capfd.readouterr(), repr(made.server)])
    assert TOKEN not in said
