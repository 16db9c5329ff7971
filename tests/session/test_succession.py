"""Who speaks for a session: decided once, whoever asks first."""

import pytest

from voxsync.errors import ConnectError
from voxsync.session.lifecycle import Ended
from voxsync.session.succession import Place, Succession

END = Ended(code=1000, reason="", was_clean=True, by_us=False)


def test_usually_one_leads_to_the_end():
    """And the session ends with it."""
    place = Succession()
    assert place.leads
    assert not place.waits
    assert not place.is_followed
    assert place.end(END, None) is Place.LEADING


def test_one_that_is_followed_ends_alone():
    """What is sent goes elsewhere from then on."""
    place = Succession()
    assert place.leave()
    assert place.is_followed
    assert not place.leads
    assert place.end(END, None) is Place.FOLLOWED


def test_too_late_to_be_followed():
    """The session has ended with it."""
    place = Succession()
    place.end(END, None)
    assert not place.leave()
    assert place.leads


def test_one_that_waits_takes_over():
    """If it has not ended meanwhile."""
    place = Succession()
    place.stand_by()
    assert place.waits
    assert place.lead() is None
    assert place.leads


class Parting:
    """What follows is there."""

    def __init__(self, *, wanted=False, holds=False):
        self.wanted, self.holds, self.gave_way = wanted, holds, 0

    def holds_back(self):
        return self.holds

    def is_wanted(self):
        return self.wanted

    def give_way(self):
        self.gave_way += 1


def test_one_that_ends_when_another_is_there():
    """That one goes on, and last words are said; once."""
    place, parting, said = Succession(), Parting(), []
    place.part(parting)
    place.last_words(lambda: said.append("bye"))
    assert place.leads
    assert place.end(END, None) is Place.FOLLOWED
    assert (parting.gave_way, said) == (1, ["bye"])
    assert place.is_followed
    assert place.leave()


def test_one_whose_end_is_wanted():
    """With it the session ends, and there is nothing to say."""
    place, parting, said = Succession(), Parting(wanted=True), []
    place.part(parting)
    place.last_words(lambda: said.append("bye"))
    assert place.end(END, None) is Place.LEADING
    assert (parting.gave_way, said) == (0, [])


def test_one_that_stays():
    """The other one has not come."""
    place, parting = Succession(), Parting(holds=True)
    place.part(parting)
    assert not place.leads  # what is queued is for the other one
    place.stay()
    assert place.leads
    assert place.end(END, None) is Place.LEADING
    assert parting.gave_way == 0


@pytest.mark.parametrize("error", [None, ConnectError("no")])
def test_one_that_ended_while_it_waited(error):
    """Whoever gives it the lead learns of it."""
    place = Succession()
    place.stand_by()
    assert place.end(END, error) is Place.WAITING
    assert place.lead() == (END, error)
