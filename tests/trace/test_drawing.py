import pytest

from tests.trace.written import (
    APP,
    LIVE,
    binary,
    content,
    end,
    event,
    said,
    spoken,
    stream,
    written,
)
from voxsync.trace.drawing import Picture
from voxsync.trace.figures import figures


def drawn(tmp_path, lines, start=0.0, over=None, **header):
    found = figures(written(tmp_path, lines, **header), start, over)
    return Picture(found, 1600, 900, ["DejaVu Sans"])


def words(picture):
    texts = [t for axes in picture.figure.axes for t in axes.texts]
    return [t.get_text().strip() for t in (*picture.figure.texts, *texts)]


def test_the_size_is_what_was_asked_for(tmp_path):
    """In pixels."""
    picture = drawn(tmp_path, [])
    assert (picture.figure.get_size_inches() * picture.figure.dpi).tolist() == [
        1600,
        900,
    ]


def test_lanes_are_those_of_who_was_heard(tmp_path):
    """The person above; who made no sound has no lane; there is always one."""

    def left(picture):
        names = (axes.texts[0].get_text() for axes in picture.figure.axes)
        return [name.replace("\n", " ") for name in names]

    rest = ["waited for", "network, losses", "messages"]
    nobody = drawn(tmp_path, [])
    assert left(nobody) == ["person audio out", *rest]
    assert "no audio in this trace" in words(nobody)
    one = drawn(tmp_path, [binary(1, "in", 1.0), end(3)])
    assert left(one) == ["service audio in", "says", *rest]
    app = drawn(
        tmp_path,
        [*stream(1, "out", "a", seconds=1), *stream(2, "in", "b", seconds=1), end(4)],
        **APP,
    )
    names = ["caller audio in", "says", "app audio out", "says", *rest]
    assert left(app) == names


def test_all_lanes_have_one_axis_of_time(tmp_path):
    """A little is left at the end, so that this is not under the border."""
    picture = drawn(tmp_path, [binary(1, "in", 1.0), end(10)])
    (limits,) = {axes.get_xlim() for axes in picture.figure.axes}
    assert limits == pytest.approx((0.0, 10.12))
    part = drawn(tmp_path, [binary(1, "in", 1.0), end(10)], 2.0, 4.0)
    assert {axes.get_xlim() for axes in part.figure.axes} == {(2.0, 4.0)}


def test_the_head_says_what_it_is(tmp_path):
    """Door, masked URL, date, length, and in one line what happened."""
    lines = [
        *(said(n / 10, 0.1) for n in range(1, 11)),
        spoken(2.0, 1.0),
        content(2.5, interrupted=True),
        event(3.0, "close", code=1000, was_clean=True),
        end(4.0),
    ]
    shown = words(drawn(tmp_path, lines, **LIVE))
    assert "LiveSession   ws://127.0.0.1/?token=***" in shown
    assert "2026-01-02 03:04:05 UTC    lasted 4.00 s" in shown
    (headline,) = [each for each in shown if each.startswith("person:")]
    assert headline.split("   |   ") == [
        "person: 1 utterance, model: 1 utterance",
        "1 interruption",
        "reply after 1000 ms, max 1000 ms",
        "no stall, nothing lost",
    ]
    assert {"interrupted 2.50 s", "closed 1000"} <= set(shown)
    cut = words(drawn(tmp_path, [], url="ws://a/" + "b" * 400))
    assert any(each.startswith("Note: the trace was cut short") for each in cut)
    assert max(map(len, cut)) <= 191


def test_marks_go_across_all_lanes(tmp_path):
    """Interruptions and the end; each says what it is."""
    lines = [
        binary(1, "in", 3.0),
        {"t": 2.0, "dir": "local", "kind": "interrupted", "tag": None},
        event(3.0, "close", code=1011, reason="no more", was_clean=True),
        end(4.0),
    ]
    picture = drawn(tmp_path, lines)
    for axes in picture.figure.axes:
        vertical = [
            line.get_xdata()[0]
            for line in axes.lines
            if list(line.get_ydata()) == [0, 1]
        ]
        assert vertical == [2.0, 3.0]
    tips = set(picture.tips.values())
    wanted = "interrupted at 2.00 s by the application; 2.00 s of audio were not heard"
    assert {wanted, "closed 1011 at 3.00 s no more"} <= tips
