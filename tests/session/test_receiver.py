"""The queue behind receive(): bounded, one consumer, messages before the end."""

import gc
import threading

import pytest

from voxsync.errors import ConcurrencyError, ReceiveTimeout, SessionClosed
from voxsync.session.receiver import MessageIterator, Receiver


def iterate(receiver, timeout=5.0):
    receiver.used()
    return MessageIterator(receiver, timeout)


def elsewhere(call):
    """Run in another thread; the thread and a list for what came of it."""
    result = []

    def run():
        try:
            result.append(call())
        except BaseException as exc:
            result.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


def until_waiting(receiver):
    """Until somebody waits on the condition, seen through its own waiters' list."""
    gate = threading.Event()
    while not receiver._changed._waiters:
        gate.wait(0.001)


def test_messages_before_the_first_consumer_are_kept():
    """I7: in order, up to the bound."""
    receiver = Receiver(3)
    assert all(receiver.put(n) for n in range(3))
    receiver.end(None)
    assert list(iterate(receiver)) == [0, 1, 2]
    assert receiver.dropped == 0


def test_the_oldest_makes_room_for_the_newest():
    """I8: while nobody has ever received; each is told by False, and counted."""
    receiver = Receiver(2)
    assert [receiver.put(n) for n in range(5)] == [True, True, False, False, False]
    assert receiver.dropped == 3
    receiver.end(None)
    assert list(iterate(receiver)) == [3, 4]


class Lost(Exception):
    """What a turn has lost."""


def by_turns(receiver):
    messages = iterate(receiver, 0.01)
    messages.by_turns = True
    return messages


def test_what_was_lost_is_raised_behind_what_came():
    """Once, to who reads by turns; then it goes on."""
    receiver, lost = Receiver(5), Lost()
    receiver.put("one")
    receiver.cut(1, lost)
    receiver.cut(1, Lost())  # nothing came between: it is the same turn
    receiver.put("two")
    messages = by_turns(receiver)
    assert next(messages) == "one"
    with pytest.raises(Lost) as caught:
        next(messages)
    assert caught.value is lost
    assert next(by_turns(receiver)) == "two"


def test_what_was_lost_and_passed():
    """Who reads on, or lets messages go, is past it."""
    receiver = Receiver(2)
    receiver.cut(0, Lost())
    for n in range(3):
        receiver.put(n)  # the first one makes room
    receiver.cut(3, Lost())
    messages = iterate(receiver, 0.01)
    assert [next(messages), next(messages)] == [1, 2]
    receiver.put(3)
    assert next(messages) == 3
    receiver.cut(4, Lost())
    with pytest.raises(Lost):
        next(by_turns(receiver))
    assert len(receiver._cuts) == 0


def test_room_is_made_where_nobody_consumes_any_more():
    """One message for each call, if all is full; and it is counted."""
    receiver = Receiver(2)
    iterate(receiver)  # and is gone
    receiver.put(0)
    receiver.make_room()
    assert receiver.dropped == 0
    receiver.put(1)
    receiver.make_room()
    assert receiver.dropped == 1
    assert receiver.put(2)
    receiver.end(None)
    assert list(iterate(receiver)) == [1, 2]


def test_who_waits_for_room_learns_that_it_was_made():
    """The events thread, which would wait for a consumer."""
    receiver = Receiver(1)
    receiver.used()
    receiver.put(0)
    thread, result = elsewhere(lambda: receiver.put(1))
    until_waiting(receiver)
    receiver.make_room()
    thread.join(5)
    assert result == [True]
    receiver.end(None)
    assert list(iterate(receiver)) == [1]


def test_no_room_is_made_while_somebody_consumes():
    """He is waited for; before the first there is room anyway."""
    receiver = Receiver(1)
    receiver.put(0)
    receiver.make_room()
    messages = iterate(receiver)
    assert next(messages) == 0
    receiver.put(1)
    receiver.make_room()
    assert next(messages) == 1
    assert receiver.dropped == 0


def test_an_offer_is_all_or_nothing():
    """I8: what does not fit waits elsewhere."""
    receiver = Receiver(3)
    assert receiver.offer([0, 1], droppable=False)
    assert not receiver.offer([2, 3], droppable=False)
    assert receiver.offer([2], droppable=False)
    assert receiver.dropped == 0
    receiver.end(None)
    assert list(iterate(receiver)) == [0, 1, 2]


def test_an_offer_of_what_nobody_misses():
    """The oldest ones go, and are counted; once somebody receives none does."""
    receiver = Receiver(3)
    assert receiver.offer([0, 1, 2, 3, 4], droppable=True)
    assert receiver.offer([5], droppable=True)
    assert receiver.dropped == 3
    receiver.used()
    assert not receiver.offer([6], droppable=True)
    assert receiver.dropped == 3
    receiver.end(None)
    assert list(iterate(receiver)) == [3, 4, 5]


def test_an_offer_wakes_the_consumer():
    """It waits for nothing else."""
    receiver = Receiver(3)
    messages = iterate(receiver)
    thread, result = elsewhere(lambda: next(messages))
    until_waiting(receiver)
    assert receiver.offer(["x"], droppable=False)
    thread.join(5)
    assert result == ["x"]


def test_with_a_consumer_the_events_thread_waits():
    """I8: nothing is dropped once somebody receives."""
    receiver = Receiver(1)
    messages = iterate(receiver)
    assert receiver.put("a")
    thread, result = elsewhere(lambda: receiver.put("b"))
    until_waiting(receiver)
    assert not result
    assert next(messages) == "a"
    thread.join(5)
    assert result == [True]
    assert next(messages) == "b"


@pytest.mark.parametrize("end", ["closing", "end"])
def test_the_end_releases_the_events_thread(end):
    """I5: what does not fit is refused and counted; what is there can be taken."""
    receiver = Receiver(1)
    messages = iterate(receiver)
    receiver.put("a")
    thread, result = elsewhere(lambda: receiver.put("b"))
    until_waiting(receiver)
    receiver.closing() if end == "closing" else receiver.end(None)
    thread.join(5)
    assert result == [False]
    assert receiver.dropped == 1
    assert next(messages) == "a"


def test_a_closing_session_still_takes_what_fits():
    """The last messages before the end are not lost."""
    receiver = Receiver(2)
    messages = iterate(receiver)
    receiver.closing()
    assert receiver.put("last")
    assert next(messages) == "last"


def test_a_waiting_consumer_gets_what_comes():
    """It is woken by the message."""
    receiver = Receiver(2)
    messages = iterate(receiver, None)
    thread, result = elsewhere(lambda: next(messages))
    until_waiting(receiver)
    receiver.put("x")
    thread.join(5)
    assert result == ["x"]


@pytest.mark.parametrize("error", [None, SessionClosed("lost")])
def test_a_waiting_consumer_is_told_of_the_end(error):
    """I5: StopIteration after a good end, else its error, once."""
    receiver = Receiver(2)
    messages = iterate(receiver, None)
    thread, result = elsewhere(lambda: list(messages))
    until_waiting(receiver)
    receiver.end(error)
    thread.join(5)
    assert result == [[] if error is None else error]
    with pytest.raises(StopIteration):
        next(messages)


def test_the_first_consumer_comes_in_the_middle_of_a_put():
    """It is woken: the message was added for nobody, and then somebody waits."""

    class Late(Receiver):
        """Has a consumer from its second look at it on."""

        looks = 0

        @property
        def _used(self):
            self.looks += 1
            return self.looks > 1

        @_used.setter
        def _used(self, value):
            pass

    receiver = Late(2)
    woken = []
    receiver._wake = lambda: (woken.append(True), Receiver._wake(receiver))
    assert receiver.put("x")
    assert woken == [True]
    assert next(MessageIterator(receiver, 1)) == "x"


def test_a_timeout_leaves_all_as_it_was():
    """ReceiveTimeout; the same iterator goes on."""
    receiver = Receiver(2)
    messages = iterate(receiver, 0.01)
    with pytest.raises(ReceiveTimeout, match=r"no message within 0.01 s"):
        next(messages)
    receiver.put("x")
    assert next(messages) == "x"


def test_one_consumer_at_a_time():
    """Another thread is refused, until the first has let go."""
    receiver = Receiver(4)
    receiver.put("a")
    receiver.put("b")
    first = iterate(receiver)
    assert next(first) == "a"
    second = iterate(receiver)
    thread, result = elsewhere(lambda: next(second))
    thread.join(5)
    assert isinstance(result[0], ConcurrencyError)
    first.close()
    thread, result = elsewhere(lambda: next(second))
    thread.join(5)
    assert result == ["b"]


def test_the_same_thread_may_begin_again():
    """A loop that was left with `break` and not closed; the old one is out."""
    receiver = Receiver(4)
    receiver.put("a")
    receiver.put("b")
    first = iterate(receiver)
    assert next(first) == "a"
    second = iterate(receiver)
    assert next(second) == "b"
    first.close()  # is not the consumer any more, and does not put the second out
    assert receiver._consumer() is second


def test_a_dropped_iterator_lets_another_thread_in():
    """Without close(): it is garbage."""
    receiver = Receiver(4)
    receiver.put("a")
    receiver.put("b")
    messages = iterate(receiver)
    assert next(messages) == "a"
    del messages
    gc.collect()
    thread, result = elsewhere(lambda: next(iterate(receiver)))
    thread.join(5)
    assert result == ["b"]


def test_an_iterator_may_move_to_another_thread():
    """Whoever iterates is the consumer, not whoever called receive()."""
    receiver = Receiver(4)
    receiver.put("a")
    receiver.put("b")
    messages = iterate(receiver)
    assert iter(messages) is messages
    thread, result = elsewhere(lambda: next(messages))
    thread.join(5)
    assert result == ["a"]
    assert next(messages) == "b"
    messages.close()
    messages.close()
