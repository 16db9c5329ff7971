"""A trace, read back; also one that is broken."""

import json
import os

import numpy as np
import pytest

from voxsync.errors import TraceError
from voxsync.trace import Loss, read

HEADER = {"voxsync_trace": 1, "t": 0.0, "door": "PlainSession", "dialect": "plain",
          "audio": {"encoding": "pcm16", "sample_rate": 8000}}  # fmt: skip
LINES = [
    {"t": 0.1, "dir": "out", "kind": "text", "text": "hé\n"},
    {"t": 0.2, "dir": "in", "kind": "binary", "base64": "AAEAAg=="},
    {"t": 0.3, "dir": "in", "kind": "binary", "text": '{"a":1}', "conn": 2},
    {"t": 0.4, "dir": "local", "kind": "event", "type": "open"},
    {"t": 0.5, "dir": "local", "kind": "lost", "what": "gated", "seconds": 0.5},
    {"t": 0.6, "dir": "local", "kind": "lost", "what": "trace", "count": 7},
    {"t": 0.7, "dir": "local", "kind": "end", "stats": {"bytes_sent": 3}},
]


@pytest.fixture
def write(tmp_path):
    def write_(*lines, raw=b""):
        path = tmp_path / "a.trace"
        path.write_bytes(
            "".join(f"{json.dumps(each)}\n" for each in lines).encode() + raw
        )
        return path

    return write_


def test_records(write):
    """Payloads as they were on the wire; events by their type."""
    trace = read(write(HEADER, *LINES))
    assert trace.header["door"] == "PlainSession"
    assert [r.payload for r in trace][:4] == ["hé\n", b"\0\1\0\2", b'{"a":1}', None]
    assert [r.text for r in trace][:3] == ["hé\n", None, '{"a":1}']
    assert [r.conn for r in trace][:3] == [1, 1, 2]
    assert [r.type for r in trace][2:5] == ["", "open", ""]
    assert len(trace) == 7
    assert trace.duration == 0.7
    assert trace.is_whole
    assert trace.stats == {"bytes_sent": 3}
    assert trace.damaged == 0
    assert trace.lost == [Loss(0.5, "gated", 0, 0.5), Loss(0.6, "trace", 7, 0.0)]


def test_audio(write):
    """By the way it took."""
    trace = read(write(HEADER, *LINES[:2]))
    ((t, samples, rate),) = trace.audio("in")
    assert (t, rate) == (0.2, 8000)
    assert np.array_equal(samples, np.array([256, 512], np.int16))
    assert samples.dtype == np.int16
    assert trace.audio("out") == []
    with pytest.raises(ValueError, match="sideways"):
        trace.audio("sideways")


def test_cut_anywhere(tmp_path, write):
    """Up to its last whole line; only without its first line it is no trace."""
    whole = write(HEADER, *LINES).read_bytes()
    first = whole.index(b"\n")
    path = tmp_path / "cut.trace"
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        if size < first:
            with pytest.raises(TraceError, match=r"cut\.trace"):
                read(path)
            continue
        trace = read(path)
        lines = whole[:size].count(b"\n")
        # Without its newline the last line may be whole all the same.
        assert len(trace) - max(0, lines - 1) in (0, 1)
        assert trace.is_whole is (size >= len(whole) - 1)
        assert trace.duration <= 0.7


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"t":true,"dir":"in","kind":"text"}',
        b'{"t":1e400,"dir":"in","kind":"text"}',
        b'{"t":1' + b"0" * 400 + b',"dir":"in","kind":"text"}',
        b'{"t":-1,"dir":"in","kind":"text"}',
        b'{"t":NaN,"dir":"in","kind":"text"}',
        b'{"t":1,"x":' + b"[" * 100_000,
        b'{"t":1,"dir":null,"kind":"text"}',
        b'{"t":1,"dir":"in","kind":5}',
        b'{"t":1,"dir":"in","kind":"text","conn":"x"}',
    ],
    ids=lambda line: line[:30].decode("ascii", "replace"),
)
def test_damaged_lines(write, line):
    """Are left out and counted; the others are read."""
    path = write(HEADER, LINES[0], raw=line + b"\n\n" + json.dumps(LINES[1]).encode())
    trace = read(path)
    assert [r.t for r in trace] == [0.1, 0.2]
    assert trace.damaged == 1
    assert not trace.is_whole
    assert trace.stats is None


def test_a_pipe(tmp_path):
    """Is refused at once: nobody may ever write to it."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    for where in (path, "/dev/zero"):
        with pytest.raises(TraceError, match="not a regular file"):
            read(where)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"hello\n", "first line"),
        (b"\x89PNG\r\n" + bytes(100_000), "first line"),
        (b"{}\n", "first line"),
        (b'{"voxsync_trace":2}\n', "format 2"),
    ],
)
def test_what_is_no_trace(tmp_path, content, why):
    """Says so, with its name."""
    path = tmp_path / "x.bin"
    path.write_bytes(content)
    with pytest.raises(TraceError, match=rf"x\.bin.*{why}") as caught:
        read(path)
    assert caught.value.path == str(path)


def test_no_file(tmp_path):
    """In the system's words."""
    with pytest.raises(TraceError, match=r"gone.*No such file"):
        read(tmp_path / "gone")
    with pytest.raises(TraceError, match="directory"):
        read(tmp_path)


def test_an_empty_session(write):
    """Nothing has happened yet."""
    trace = read(write(HEADER))
    assert (len(trace), trace.duration, trace.lost) == (0, 0.0, [])
