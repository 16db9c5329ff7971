"""Sessions of a program that knows nothing of traces."""

from voxsync.plain import PlainSession
from voxsync.server import Listener
from voxsync.trace import read
from voxsync.trace.sessions import SessionRecorder


def texts(path):
    return [r.payload for r in read(path) if r.kind == "text"]


def say(url, text):
    with PlainSession(url) as session:
        session.send_text(text)
        assert next(session.receive(10)) == "yes"


def run(recorder):
    """Two sessions to a service of this process, and one that is not connected."""

    def connected(listener, session):
        session.on_message = lambda _: session.send_text("yes")

    with Listener() as listener:
        listener.connection.connect(connected)
        with recorder:
            say(listener.url, "one")
            PlainSession(listener.url)
            say(listener.url, "two")
        say(listener.url, "three")


def test_what_goes_out(tmp_path):
    """Each session a file, from its beginning; none of those that came in."""
    recorder = SessionRecorder(tmp_path / "call.trace")
    run(recorder)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "call-2.trace",
        "call.trace",
    ]
    assert texts(tmp_path / "call.trace") == ["one", "yes"]
    assert texts(tmp_path / "call-2.trace") == ["two", "yes"]
    first = read(tmp_path / "call.trace")
    assert next(r.type for r in first if r.type) == "created"
    assert [r.kind for r in first][1] == "upgrade"
    assert first.is_whole
    paths = [recording.path for recording in recorder.recordings]
    assert paths == [str(tmp_path / name) for name in ("call.trace", "call-2.trace")]


def test_a_file_that_is_no_trace(tmp_path):
    """Stays; the sessions go on, and the others are recorded."""
    dear = tmp_path / "call-2.trace"
    dear.write_text("dear to someone")
    recorder = SessionRecorder(tmp_path / "call.trace")
    run(recorder)
    assert dear.read_text() == "dear to someone"
    assert texts(tmp_path / "call.trace") == ["one", "yes"]
    first, second = recorder.recordings
    assert first.error is None
    assert "no trace" in str(second.error)
    run(SessionRecorder(tmp_path / "call.trace", force=True))
    assert texts(dear) == ["two", "yes"]


def test_a_file_that_is_being_written(tmp_path):
    """Likewise."""
    one, two = (SessionRecorder(tmp_path / "call.trace") for _ in range(2))
    with one:
        run(two)
    assert texts(tmp_path / "call.trace") == ["one", "yes"]
    errors = [r.error for each in (one, two) for r in each.recordings]
    assert "another recording" in str(errors)


def test_what_comes_in(tmp_path):
    """The other end's."""
    recorder = SessionRecorder(tmp_path / "in.trace", incoming=True)
    run(recorder)
    assert texts(tmp_path / "in.trace") == ["one", "yes"]
    assert read(tmp_path / "in.trace").header["role"] == "server"
    assert len(recorder.recordings) == 2
