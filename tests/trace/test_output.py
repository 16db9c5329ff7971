"""The file of a trace: what is replaced, who may read it, who writes it."""

import os
import stat

import pytest

from voxsync.errors import TraceError
from voxsync.trace.output import Output, is_foreign


@pytest.mark.parametrize(
    ("content", "foreign"),
    [
        (b"RIFF....WAVE", True),
        (b'{"a":1}', True),
        (b"\n", True),
        (b"", False),
        (b'{"voxs', False),
        (b'{"voxsync_trace":1,"t":0.0}\n', False),
        (b'{"voxsync_trace": 2}\n', False),
    ],
)
def test_what_is_replaced(tmp_path, content, foreign):
    """A trace, whole or cut, and what is empty; all else stays as it is."""
    path = tmp_path / "a"
    path.write_bytes(content)
    assert is_foreign(str(path)) is foreign
    output = Output(str(path))
    if foreign:
        with pytest.raises(TraceError, match="is no trace") as caught:
            output.check()
        assert caught.value.path == str(path)
        with pytest.raises(FileExistsError):
            output.open(append=False)
        assert path.read_bytes() == content
    forced = Output(str(path), force=foreign)
    forced.check()
    forced.open(append=False).close()
    assert path.read_bytes() == b""


def test_what_is_no_file(tmp_path):
    """Is not looked into: a pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "none", "/dev/full"):
        assert not is_foreign(str(path))
        Output(str(path)).check()


def test_who_may_read_it(tmp_path):
    """Its owner; a file that was there keeps its mode."""
    new, old = tmp_path / "new", tmp_path / "old"
    old.touch()
    old.chmod(0o640)
    before = os.umask(0)
    try:
        for path in (new, old):
            Output(str(path)).open(append=False).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


def test_one_at_a_time(tmp_path):
    """Under whatever name; until it is released."""
    (tmp_path / "link").symlink_to(tmp_path / "a")
    one, two = Output(str(tmp_path / "a")), Output(str(tmp_path / "link"))
    one.claim()
    with pytest.raises(TraceError, match="another recording"):
        two.claim()
    two.release()
    with pytest.raises(TraceError, match="another recording"):
        two.claim()
    one.release()
    two.claim()
    two.release()
