import pytest

from tests.trace.written import APP, binary, end, event, stream, text, written
from voxsync.trace.drawing import Picture
from voxsync.trace.figures import figures
from voxsync.trace.lanes import LOST, count, trouble


def drawn(tmp_path, lines, **header):
    found = figures(written(tmp_path, lines, **header))
    return Picture(found, 1600, 900, ["DejaVu Sans"])


def local(t, kind, **more):
    return {"t": t, "dir": "local", "kind": kind, **more}


def words(picture):
    return [t.get_text().strip() for axes in picture.figure.axes for t in axes.texts]


def test_losses_are_red_and_say_how_much(tmp_path):
    """Of each kind in a row of its own; the sums stand beside the lane."""
    picture = drawn(
        tmp_path,
        [
            local(1.0, "lost", what="refused", count=3),
            local(4.0, "lost", what="refused", count=4),
            local(1.0, "lost", what="gated", seconds=0.5),
            local(7.0, "lost", what="news", count=1),
            end(10.0),
        ],
    )
    marks = [
        (line.get_xdata()[0], line.get_ydata()[0])
        for axes in picture.figure.axes
        for line in axes.lines
        if line.get_marker() == "x" and line.get_color() == LOST
    ]
    assert sorted(x for x, _ in marks) == [1.0, 1.0, 4.0, 7.0]
    assert len({y for _, y in marks}) == 3
    shown = words(picture)
    for each in ("refused 3", "refused 4", "gated 500 ms", "news 1"):
        assert each in shown
    assert any("refused 7\ngated 500 ms\nnews 1" in each for each in shown)
    tips = picture.tips.values()
    assert "lost at 1.00 s: refused 3: there was no room for it" in tips


def test_a_stall_is_seen_in_the_sound(tmp_path):
    """Its lane is shaded, and how long it was stands there."""
    lines = stream(0.02, "in", "a", seconds=1.0)
    lines += stream(2.5, "in", "a", seconds=1.0, start=50, every=0.0)[1:]
    picture = drawn(tmp_path, [*lines, end(5.0)], **APP)
    shaded = [
        (patch.get_x(), patch.get_width())
        for patch in picture.figure.axes[0].patches
        if patch.get_hatch()
    ]
    assert shaded == [(pytest.approx(1.02), pytest.approx(1.48))]
    assert "stalled 1.48 s" in words(picture)


def test_messages_have_a_row_for_each_kind(tmp_path):
    """With their number."""
    lines = [text(n, "in", "x") for n in range(5)]
    shown = words(drawn(tmp_path, [*lines, binary(6, "out", 1.0), end(9)]))
    assert {"5 in, messages", "1 out, audio"} <= set(shown)


def test_streams_and_errors(tmp_path):
    """Are there, and say what they are to who points at them."""
    picture = drawn(
        tmp_path,
        [
            event(1, "media-started", tag="a"),
            binary(1, "in", 1.0),
            event(2, "media-ended", tag="a"),
            event(3, "error", error="ProtocolError", message="odd"),
            end(9),
        ],
    )
    tips = list(picture.tips.values())
    assert "stream 'a': media-started 1.00 s, media-ended 2.00 s" in tips
    assert "error at 3.00 s: ProtocolError: odd" in tips


def test_of_many_latencies_the_longest_is_written(tmp_path):
    """Numbers on numbers help nobody."""
    lines = []
    for n in range(40):
        lines += [binary(10 * n + 1, "out", 1.0), binary(10 * n + 1.5, "in", 1.0)]
    lines += [binary(401, "out", 1.0), binary(403, "in", 1.0), end(500)]
    shown = words(drawn(tmp_path, lines))
    assert [each for each in shown if each.startswith("reply")] == [
        "reply 500 ms, max 2000 ms",
        "reply 2000 ms",
    ]


def test_sums(tmp_path):
    """In a line, or below one another."""
    assert (count([], "stall"), count([1], "stall")) == ("0 stalls", "1 stall")
    lines = [
        local(1.0, "lost", what="missing", count=2, seconds=0.04),
        local(1.0, "lost", what="gated", seconds=0.5),
        event(3, "error", error="ProtocolError", message="odd"),
    ]
    found = figures(written(tmp_path, lines))
    assert trouble(found, "; ") == "lost: missing 2 (40 ms), gated 500 ms; 1 error"
    assert trouble(figures(written(tmp_path, [])), "; ") == "no stall, nothing lost"
