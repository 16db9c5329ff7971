from pathlib import Path

import pytest

from voxsync.cli.exits import (
    HELP,
    Exit,
    Usage,
    about,
    code_for,
    explain,
    plain,
    worst,
)
from voxsync.errors import ConnectError, FormatError, HandshakeError, SessionClosed


def refusal(status, body=b""):
    return HandshakeError("no", status=status, headers={}, body=body)


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (refusal(401), Exit.REFUSED),
        (refusal(403), Exit.REFUSED),
        (refusal(503), Exit.FAILED),
        (ConnectError("x"), Exit.FAILED),
        (OSError("x"), Exit.FAILED),
    ],
)
def test_only_refused_credentials_have_a_code_of_their_own(exc, code):
    """401 and 403 end with 3, everything else with 1."""
    assert code_for(exc) is code


def test_the_worst_of_several_files_decides():
    """A refusal says more than a failure, Ctrl-C more than both."""
    assert worst([]) is Exit.OK
    assert worst([Exit.OK, Exit.FAILED]) is Exit.FAILED
    assert worst([Exit.REFUSED, Exit.FAILED, Exit.OK]) is Exit.REFUSED
    assert worst([Exit.REFUSED, Exit.INTERRUPTED]) is Exit.INTERRUPTED


def test_every_code_is_documented():
    """The help lists each code."""
    for code in Exit:
        assert f"\n  {int(code)} " in HELP


def test_a_refusal_is_explained_with_what_the_service_said():
    """Status and body are shown, on one line; 401 names the command's variable."""
    words = explain(refusal(401, b"bad\ntoken\x1b[31m"), "MIMI_TOKEN")
    assert 'status 401 and said "bad token [31m"' in words
    assert words.endswith("; the token comes from the environment variable MIMI_TOKEN")
    words = explain(refusal(403), "GEMINI_API_KEY")
    assert words.endswith(
        "; the key comes from the environment variable GEMINI_API_KEY"
    )
    for words in (explain(refusal(503), "MIMI_TOKEN"), explain(refusal(503))):
        assert words == "the service refused with status 503"
    assert explain(refusal(401)) == "the service refused with status 401"


def test_what_was_heard_until_then_is_not_lost():
    """A session that ended too early tells its text."""
    words = explain(SessionClosed("ended", text="so far"))
    assert words == 'ended (heard until then: "so far")'
    assert explain(SessionClosed("ended")) == "ended"


def test_errors_of_the_system_come_without_their_number():
    """The reason in words is enough for people, and the file where there is one."""
    assert explain(FileNotFoundError(2, "No such file", "x")) == "x: No such file"
    assert explain(OSError(28, "Disk full")) == "Disk full"
    assert explain(Usage("say what")) == "say what"
    assert explain(ValueError()) == "ValueError"


def test_what_is_wrong_with_a_file_begins_with_its_name():
    """Once, whether the words have it already or not."""
    path = Path("a\n.wav")
    assert about(path, FormatError("empty")) == "a .wav: empty"
    assert about(path, refusal(401), "MIMI_TOKEN").endswith(" MIMI_TOKEN")
    assert about(path, FormatError("a\n.wav: empty")) == "a .wav: empty"
    assert about(path, FileNotFoundError(2, "Gone", "a\n.wav")) == "a .wav: Gone"


def test_plain_text_steers_no_terminal():
    """Control characters and line separators become spaces."""
    assert plain("a\x1b[2Jb\r\nc\u2028d\x9b") == "a [2Jb  c d "
    assert plain("日本語 é") == "日本語 é"
