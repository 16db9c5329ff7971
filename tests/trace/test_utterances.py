from voxsync.trace.hearing import Words
from voxsync.trace.utterances import Utterance, Utterances


def made(*told, way="out", waits=False):
    found = Utterances(way, waits=waits)
    for each in told:
        if each == "turn":
            found.turn()
        else:
            t, *words = each
            found.say(t, Words(way, *words))
    return found


def test_words_lie_on_the_speech_before_them():
    """A person spoke first; then came the text, piece by piece, then all of it."""
    found = made((2.0, "one", False), (2.1, "one two", False), (2.5, "one two.", True))
    assert found.resolve([(1.0, 1.9, 0)]) == [
        Utterance("out", 1.0, 1.9, "one two.", (2.0, 2.1), 2.5)
    ]


def test_speech_without_words():
    """Somebody spoke; nobody says what."""
    found = made((2.0, "one", True))
    assert found.resolve([(1.0, 1.9, 0), (5.0, 6.0, 0)]) == [
        Utterance("out", 1.0, 1.9, "one", (), 2.0),
        Utterance("out", 5.0, 6.0),
    ]


def test_words_without_speech():
    """They stand where they came."""
    found = made((2.0, "one", False), (2.5, "one two", False))
    assert found.resolve([]) == [
        Utterance("out", 2.0, 2.5, "one two", (2.0, 2.5), None)
    ]


def test_the_end_of_a_turn_is_not_when_the_text_was_complete():
    """That was when the last piece came."""
    found = made((2.0, "one", False), (9.0, "", True), (9.1, "", True))
    assert found.resolve([])[0].final == 2.0


def test_a_service_sounds_when_it_is_its_turn():
    """Which may be long after its words came."""
    found = made(
        (2.0, "one", False),
        (2.0, "", True),
        "turn",
        (2.1, "two", False),
        (2.1, "", True),
        way="in",
        waits=True,
    )
    first, second = found.resolve([(2.0, 9.0, 0), (9.0, 12.0, 1)])
    assert (first.text, first.start, first.end) == ("one", 2.0, 9.0)
    assert (second.text, second.start, second.end) == ("two", 9.0, 12.0)


def test_times_of_the_service_are_those_of_the_audio():
    """And audio may come late: a second of it took two."""
    found = made((9.0, "one", True, 0.5, 1.0), (9.0, "two", True, 1.5, 2.0))
    for t in (1.0, 3.0):
        found.sent(t, 1.0)
    assert [(u.start, u.end) for u in found.resolve([])] == [(0.5, 1.0), (2.0, 3.0)]


def test_where_only_the_beginning_is_said():
    """It ends with the speech, or with what begins next."""
    found = made((9.0, "one", True, 1.0, 5.0), (9.0, "two", True, 5.0, None))
    found.sent(10.0, 10.0)
    spans = [(1.1, 4.0, 0), (5.1, 7.0, 0)]
    one, two = found.resolve(spans)
    assert (one.start, one.end) == (1.0, 4.0)
    assert (two.start, two.end) == (5.0, 7.0)


def test_a_text_that_falls_apart():
    """Until its end it was one; its pieces share the moments at which it came."""
    found = made(
        (1.0, "one", False, 0.0),
        (2.0, "one two", False, 0.0),
        (3.0, "one", True, 0.0, 0.9),
        (3.0, "two", True, 1.2, 2.5),
    )
    found.sent(10.0, 10.0)
    one, two = found.resolve([])
    assert (one.partials, two.partials) == ((1.0,), (2.0,))
