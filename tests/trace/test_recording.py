"""Recordings: of sessions on real sockets, onto disks that are slow, full or closed."""

import gc
import json
import logging
import os
import re
import subprocess
import sys
import threading

import pytest

from voxsync.errors import InvalidState, TraceError
from voxsync.plain import PlainSession
from voxsync.server import Listener
from voxsync.session import SessionOptions
from voxsync.trace import read, record
from voxsync.trace.recording import Recording

SOON = 10


def echo(listener, session):
    def answer(event):
        if isinstance(event.data, str):
            session.send_text(event.data)
        else:
            session.send_binary(event.data)

    session.on_message = answer


@pytest.fixture
def url():
    with Listener() as listener:
        listener.connection.connect(echo)
        yield listener.url


def said(path):
    return [r.payload for r in read(path) if r.kind in ("text", "binary")]


def exchange(session, *texts):
    for text in texts:
        session.send_text(text)
        assert next(session.receive(SOON)) == text


class Errors:
    """Waits for what a session's `error` events tell."""

    def __init__(self, session):
        self.found, self.came = [], threading.Event()
        session.on_error = self.note

    def note(self, event):
        self.found.append(event.error)
        self.came.set()

    def the_one(self):
        assert self.came.wait(SOON)
        (error,) = self.found
        return error


def test_a_session(url, tmp_path):
    """From before `connect` to its end; the recording ends by itself."""
    path = tmp_path / "a.trace"
    options = SessionOptions(headers={"Authorization": "Bearer planted-token"})
    session = PlainSession(f"{url}?key=planted-key", options=options)
    recording = record(session, path)
    assert recording.is_recording
    with session:
        exchange(session, "hello", '{"echo":"planted-token"}')
        session.send_binary(b"\0\1\2")
        assert next(session.receive(SOON)) == b"\0\1\2"
    recording._thread.join(SOON)
    assert not recording.is_recording
    recording.stop()
    trace = read(path)
    masked = '{"echo":"***"}'
    assert said(path) == ["hello"] * 2 + [masked] * 2 + [b"\0\1\2"] * 2
    assert trace.is_whole
    assert trace.header["door"] == "PlainSession"
    assert trace.header["dialect"] == "plain"
    assert trace.header["role"] == "client"
    assert trace.header["session"] == session.id
    assert trace.stats["messages_sent"] == 3
    assert [r.type for r in trace if r.type] == ["created", "open", "close"]
    assert "planted" not in path.read_text()
    assert recording.error is None
    assert recording.lost == 0
    assert str(path) in repr(recording)


def test_one_that_goes_on_already(url, tmp_path):
    """From there on; its secrets are known all the same."""
    path = tmp_path / "a.trace"
    options = SessionOptions(headers={"Authorization": "Bearer planted-token"})
    with PlainSession(url, options=options) as session:
        exchange(session, "before")
        with record(session, path):
            exchange(session, "planted-token")
        exchange(session, "after")
    assert said(path) == ["***", "***"]
    assert read(path).is_whole
    assert all(r.kind != "upgrade" for r in read(path))


def test_stop_and_start(url, tmp_path):
    """One file; what was in between is not in it, and the times count on."""
    path = tmp_path / "a.trace"
    with PlainSession(url) as session:
        recording = record(session, path)
        exchange(session, "one")
        recording.stop()
        recording.stop()
        exchange(session, "two")
        assert recording.start() is recording
        recording.start()
        exchange(session, "three")
        recording.stop()
        assert not session._taps
    assert said(path) == ["one", "one", "three", "three"]
    trace = read(path)
    assert [r.t for r in trace] == sorted(r.t for r in trace)
    assert [r.kind for r in trace].count("end") == 2
    assert trace.damaged == 0


def test_several_at_once(url, tmp_path):
    """Two files of one session, and a tap of the application's own."""
    seen = []
    session = PlainSession(url, options=SessionOptions(tap=seen.append))
    with record(session, tmp_path / "a"), record(session, tmp_path / "b"), session:
        exchange(session, "hello")
    assert said(tmp_path / "a") == said(tmp_path / "b") == ["hello", "hello"]
    assert [r.kind for r in seen].count("text") == 2


def test_own_secrets(url, tmp_path):
    """Whatever the caller names."""
    path = tmp_path / "a.trace"
    session = PlainSession(url)
    with record(session, path, secrets=["+81 90 1234"]), session:
        exchange(session, "call +81 90 1234")
    assert said(path) == ["call ***"] * 2


def test_own_secrets_of_the_request(url, tmp_path):
    """In the first line, the URL and the headers, too."""
    path = tmp_path / "a.trace"
    options = SessionOptions(headers={"X-Customer": "no. SECRETmine"})
    session = PlainSession(f"{url}rooms/SECRETmine?a=SECRETmine", options=options)
    with record(session, path, secrets=["SECRETmine"]), session:
        exchange(session, "hello")
    assert "SECRETmine" not in path.read_text()
    trace = read(path)
    upgrade = next(r for r in trace if r.kind == "upgrade" and r.dir == "out")
    assert trace.header["url"].endswith("rooms/***?a=***")
    assert upgrade.fields["url"].endswith("rooms/***?a=***")
    assert upgrade.fields["headers"]["X-Customer"] == "no. ***"


def test_a_session_that_is_never_connected(tmp_path):
    """Its trace says no more than that; nothing keeps it alive."""
    path = tmp_path / "a.trace"
    session = PlainSession("ws://127.0.0.1:9/")
    recording = record(session, path)
    recording.stop()
    assert [r.kind for r in read(path)] == ["end"]
    recording = record(session, path)
    del session
    gc.collect()
    recording._thread.join(SOON)
    assert not recording._thread.is_alive()
    assert read(path).header["session"] == ""


def test_wrong_arguments(tmp_path):
    """Are told at once."""
    session = PlainSession("ws://127.0.0.1:9/")
    with pytest.raises(TypeError, match="session"):
        record("a session", tmp_path / "a")
    with pytest.raises(TypeError, match="several"):
        record(session, tmp_path / "a", secrets="one")
    with pytest.raises(TypeError):
        record(session, None)


# Files that are there


def test_a_file_that_is_no_trace(url, tmp_path):
    """Is left alone, also where it comes up after the first look."""
    path = tmp_path / "talk.wav"
    path.write_bytes(b"RIFF")
    session = PlainSession(url)
    with pytest.raises(TraceError, match=r"talk\.wav.*no trace"):
        record(session, path)
    assert not session._taps
    recording = Recording(session, path).start()
    recording._thread.join(SOON)
    assert "no trace" in str(recording.error)
    assert path.read_bytes() == b"RIFF"


def test_two_at_once_to_one_file(url, tmp_path):
    """The second is refused, as long as the first one runs."""
    path = tmp_path / "a.trace"
    with PlainSession(url) as session, PlainSession(url) as other:
        with record(session, path):
            for each in (session, other):
                with pytest.raises(TraceError, match="another recording"):
                    record(each, path)
            exchange(session, "one")
        assert said(path) == ["one", "one"]
        with record(other, path):
            exchange(other, "two")
    assert said(path) == ["two", "two"]
    assert path.stat().st_mode & 0o777 == 0o600


# Disks


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("/dev/full", "No space left"),
        ("{tmp}/no/such/folder/a.trace", "No such file"),
        ("{tmp}", "directory"),
        ("/proc/version", "denied|not permitted|Input/output|Read-only"),
    ],
)
def test_a_disk_that_takes_nothing(url, tmp_path, where, why):
    """Is an `error` event that names the file; the session goes on."""
    path = where.format(tmp=tmp_path)
    session = PlainSession(url)
    errors = Errors(session)
    with session:
        recording = record(session, path)
        exchange(session, "one")
        recording._wanted.set()  # now, not in half a second
        error = errors.the_one()
        exchange(session, "two", "three")
        assert not recording.is_recording
        assert not session._taps
    assert isinstance(error, TraceError)
    assert error is recording.error
    assert path in str(error)
    assert error.path == path
    assert isinstance(error.__cause__, OSError)
    assert session.close_code == 1000
    assert re.search(why, str(error))


def test_another_try(url, tmp_path):
    """Once the folder is there, it is a whole trace from its first line."""
    path = tmp_path / "later" / "a.trace"
    with PlainSession(url) as session:
        errors = Errors(session)
        recording = record(session, path)
        errors.the_one()
        path.parent.mkdir()
        with recording.start():
            assert recording.error is None
            exchange(session, "hello")
    assert said(path) == ["hello", "hello"]
    assert len(errors.found) == 1


def test_before_there_is_a_session(url, tmp_path):
    """It is told once there is one to tell it."""
    session = PlainSession(url)
    errors = Errors(session)
    recording = record(session, tmp_path)
    recording._thread.join(SOON)
    assert recording.error is not None
    with session:
        assert errors.the_one() is recording.error


def test_after_the_session(url, tmp_path, caplog):
    """Then nobody is left but the log."""
    session = PlainSession(url)
    with session:
        exchange(session, "one")
    with pytest.raises(InvalidState, match="ended"):
        record(session, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    recording = Recording(session, tmp_path).start()
    recording._thread.join(SOON)
    assert recording.error is not None
    assert str(tmp_path) in caplog.text


LIMITED = """
import resource, signal, sys, threading
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
from voxsync.plain import PlainSession
from voxsync.trace import record
came = threading.Event()
session = PlainSession(sys.argv[1])
session.on_error = lambda event: (print(type(event.error).__name__), came.set())
with session:
    recording = record(session, sys.argv[2])
    while not came.is_set():
        session.send_text("x" * 500)
        next(session.receive(10))
    session.send_text("still here")
    print(next(session.receive(10)))
"""


def test_a_disk_that_fills_up(url, tmp_path):
    """The trace is readable up to there."""
    path = tmp_path / "a.trace"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, url, path],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert done.stdout == "TraceError\nstill here\n"
    assert path.stat().st_size == 4000
    trace = read(path)
    assert len(trace) > 3
    assert not trace.is_whole


def test_a_slow_disk(url, tmp_path, caplog):
    """Holds up nobody; what finds no room is left out, counted, and in the trace."""
    path = tmp_path / "pipe"
    os.mkfifo(path)  # to open it takes until somebody reads
    with PlainSession(url) as session:
        recording = Recording(session, path, room=2000).start()
        exchange(session, *[f"{number:0500}" for number in range(20)])
        assert recording.lost > 30
        recording.stop(timeout=0.01)
        assert "slow" in caplog.text
        with pytest.raises(TraceError, match="still being written"):
            recording._end_thread = lambda timeout: False
            recording.start()
        del recording._end_thread
        with path.open("rb") as file:
            lines = [json.loads(line) for line in file]
        recording._thread.join(SOON)
        exchange(session, "go on")
    assert recording.error is None
    kinds = [line.get("kind") for line in lines]
    assert kinds.count("text") + recording.lost == 40
    (lost,) = [line for line in lines if line.get("kind") == "lost"]
    assert (lost["what"], lost["count"]) == ("trace", recording.lost)
    assert kinds[-1] == "end"


def test_a_bug_of_ours(url, tmp_path, monkeypatch, caplog):
    """Ends the recording, not the session."""
    session = PlainSession(url)
    errors = Errors(session)

    def fail(*_):
        raise RuntimeError("planted")

    with session:
        recording = record(session, tmp_path / "a.trace")
        monkeypatch.setattr(recording._lines, "of", fail)
        exchange(session, "one")
        recording._wanted.set()
        assert "planted" in str(errors.the_one())
        exchange(session, "two")
    assert any(r.exc_info for r in caplog.records if r.levelno == logging.ERROR)


def test_losses_are_told(tmp_path):
    """Those of this recording, not earlier ones."""
    with Listener() as listener:
        listener.connection.connect(lambda _, session: session.stop_reading())
        session = PlainSession(
            listener.url, options=SessionOptions(send_queue=1, close_timeout=0.2)
        )

        def fill():
            for _ in range(2000):
                try:
                    session.send_binary(bytes(100_000), block=False)
                except Exception:
                    return True
            return False

        with session:
            assert fill()
            with record(session, tmp_path / "a.trace"):
                assert fill()
                assert fill()
            session.cancel()
    losses = [
        loss for loss in read(tmp_path / "a.trace").lost if loss.what == "refused"
    ]
    assert sum(loss.count for loss in losses) == 2
