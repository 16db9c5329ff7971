import io

import pytest

from voxsync.audio import Level
from voxsync.cli.progress import (
    LiveLine,
    Progress,
    clock_text,
    fit,
    tail,
    width_of,
)
from voxsync.mimi import Transcript


class Terminal(io.StringIO):
    """A terminal without a size."""

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1)]
)
def test_width(text, columns):
    """Wide characters take two columns, combining ones none."""
    assert width_of(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "end"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "…cd"),
        ("日本語", 5, "…本語"),
        ("日本語", 4, "…語"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_tail(text, columns, end):
    """The newest words are the ones to see."""
    assert tail(text, columns) == end


def test_fit():
    """A long name gives way."""
    assert fit("abc", 5) == "abc"
    assert fit("日本語", 5) == "日本"


def test_clock():
    """As a player shows it."""
    assert [clock_text(s) for s in (0, 59.9, 61, 3600)] == [
        "0:00",
        "0:59",
        "1:01",
        "60:00",
    ]


def test_the_live_line_replaces_itself_and_never_wraps():
    """77 columns at most, where the size is not known, control characters gone."""
    out = Terminal()
    line = LiveLine(out)
    line.show("head ", "x" * 100)
    line.show("head ", "x" * 100)  # the same: nothing is written
    line.show("\x1b[2Jbad", "")
    line.clear()
    line.clear()
    assert out.getvalue() == (
        "\r\x1b[Khead …" + "x" * 71 + "\r\x1b[K [2Jbad" + "\r\x1b[K"
    )


def test_lines_that_stay_come_above_the_live_one():
    """And the live one is drawn again below."""
    out = Terminal()
    line = LiveLine(out)
    line.show("live")
    line.say("stays")
    assert out.getvalue() == "\r\x1b[Klive\r\x1b[Kstays\nlive"


def test_without_a_terminal_only_lines_that_stay_are_written():
    """A file or a pipe gets no live line."""
    out = io.StringIO()
    line = LiveLine(out)
    line.show("live")
    line.say("stays")
    line.clear()
    assert out.getvalue() == "stays\n"


def test_minor_changes_wait():
    """`at_once=False` is drawn at most every tenth of a second."""
    out, now = Terminal(), [0.0]
    line = LiveLine(out, clock=lambda: now[0])
    line.show("a", at_once=False)
    line.show("b", at_once=False)
    now[0] = 0.2
    line.show("c", at_once=False)
    assert out.getvalue() == "\r\x1b[Ka\r\x1b[Kc"


def test_progress_of_a_file():
    """Name, position, length, and the end of the text."""
    out = Terminal()
    progress = Progress(LiveLine(out), "a.wav", 65.0)
    progress.sent(12.3)
    transcript = Transcript()
    progress.heard(transcript)
    progress.say("stopping; Ctrl-C again gives up")
    shown = out.getvalue()
    assert "a.wav 0:00/1:05 " in shown
    assert "a.wav 0:12/1:05 " in shown
    assert "stopping; Ctrl-C again gives up\n" in shown
    out = Terminal()
    Progress(LiveLine(out), "a.flac", None)
    assert out.getvalue() == "\r\x1b[Ka.flac 0:00 "


def test_progress_with_a_level():
    """The meter stands between the clock and the text."""
    out = Terminal()
    Progress(LiveLine(out), "mic", None, lambda: Level(peak=-20.0, rms=-40.0))
    assert out.getvalue() == "\r\x1b[Kmic 0:00 [#####----|     ] -20 dB "


def test_without_a_terminal_no_level_is_asked_for():
    """Nobody would see it."""
    progress = Progress(LiveLine(io.StringIO()), "mic", None, pytest.fail)
    progress.sent(1.0)
