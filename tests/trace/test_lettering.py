import pytest
from matplotlib.figure import Figure

from voxsync.trace.lettering import Lettering, clock, moment, seconds, wait


class Lane:
    """A lane of 1000 pixels for ten seconds, and its letters."""

    def __init__(self, families=("DejaVu Sans",)):
        self.figure = Figure(figsize=(10, 2), dpi=100)
        self.axes = self.figure.add_axes((0, 0, 1, 0.8))
        self.axes.set_xlim(0, 10)
        self.letters = Lettering(list(families), 0.0, 100.0)

    @property
    def texts(self):
        return [each.get_text().strip() for each in self.axes.texts]


def test_a_text_beside_another_does_not_stand_on_it():
    """It is left out, or stands left of what it is about."""
    lane = Lane()
    for start, until in ((1.0, 1.2), (1.2, 1.4), (5.0, 10.0)):
        span = (start, start)
        lane.letters.beside(lane.axes, span, 0.5, "missing 1", "red", until=until)
    first, last = lane.axes.texts
    assert (first.get_ha(), last.get_ha()) == ("right", "left")
    lane.letters.beside(lane.axes, (9.9, 9.9), 0.5, "refused 2", "red", until=10.0)
    assert lane.axes.texts[-1].get_ha() == "right"


def test_a_long_text_is_cut():
    """Where enough of it is left to be read."""
    lane = Lane()
    words = "an error whose words are much longer than there is room for them " * 3
    lane.letters.beside(lane.axes, (0.1, 0.1), 0.5, words, "red", until=6.0)
    (shown,) = lane.texts
    assert shown.endswith("…")
    assert words.startswith(shown[:-1])
    assert len(shown) > 50


def test_an_utterance_in_lines():
    """As many as there is room for; what does not fit ends in an ellipsis."""
    lane = Lane()
    text = "one two three four five six seven eight nine ten " * 4
    lane.letters.lines(lane.axes, (1.0, 3.0), 0.5, text, "black")
    (shown,) = lane.texts
    rows = shown.split("\n")
    assert len(rows) == 5  # of 14 pixels, in half of 160
    assert text.startswith(" ".join(rows)[:-1])
    assert rows[-1].endswith("…")
    lane.letters.lines(lane.axes, (5.0, 5.1), 0.5, text, "black")
    lane.letters.lines(lane.axes, (6.0, 9.0), 0.5, "", "black")
    assert len(lane.texts) == 1


def test_wide_letters_take_more_room():
    """Of Japanese there is less in a line."""
    lane = Lane()
    lane.letters.lines(lane.axes, (1.0, 2.0), 0.5, "a" * 30, "black")
    lane.letters.lines(lane.axes, (3.0, 4.0), 0.5, "鳥" * 30, "black")
    latin, wide = (text.partition("\n")[0] for text in lane.texts)
    assert len(wide) < 0.7 * len(latin)


def test_nothing_is_a_formula():
    """Who says "$x$ costs $5" is quoted."""
    lane = Lane()
    lane.letters.lines(lane.axes, (1.0, 9.0), 0.5, "$x$ costs $5_", "black")
    lane.letters.put(lane.axes, (0.1, 0.1), r"$\frac", "black", ha="left")
    lane.letters.write(lane.figure, (0.1, 0.9), r"$\frac$", "black")
    lane.letters.above(lane.axes, 9.9, "$a$ closed", "black")
    lane.figure.canvas.draw()
    assert lane.texts == ["$x$ costs $5_", r"$\frac", "$a$ closed"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0214, "21 ms"), (1.5, "1.50 s"), (61.0, "61.00 s"), (3725.0, "1:02:05")],
)
def test_lengths(value, words):
    assert seconds(value) == words


def test_waits():
    """In milliseconds, as long as that can be read."""
    assert [wait(421), wait(2777), wait(28_280)] == ["421 ms", "2777 ms", "28.28 s"]


def test_times():
    """On the axis, and to be found again."""
    assert [clock(1.5, 10), clock(65, 600), clock(3725, 7200)] == [
        "1.5 s",
        "1:05",
        "1:02:05",
    ]
    assert [moment(1.5, 10), moment(65.26, 600), moment(3725.99, 7200)] == [
        "1.50 s",
        "1:05.2",
        "1:02:05.9",
    ]
