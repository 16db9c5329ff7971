"""The send queue: bounded, ordered, and every waiter gets released."""

import queue
import threading

import pytest

from voxsync.errors import InvalidState, SendQueueFull, SessionClosed
from voxsync.session.outbox import Outbox


def outbox(size=2):
    return Outbox(size, lambda: SessionClosed("over"))


def blocked(box, *args, **kwargs):
    """A thread that waits in put(); what it got in the end."""
    result = []

    def run():
        try:
            box.put("late", *args, **kwargs)
            result.append("accepted")
        except Exception as exc:
            result.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


def until_waiting(box):
    """Until somebody waits on the condition, seen through its own waiters' list."""
    gate = threading.Event()
    while not box.not_full._waiters:
        gate.wait(0.001)


def test_it_is_a_queue():
    """First in, first out; empty raises; the highest mark is kept."""
    box = outbox(3)
    assert isinstance(box, queue.Queue)
    for item in "abc":
        box.put(item)
    assert [box.take() for _ in range(3)] == ["a", "b", "c"]
    assert box.highest == 3
    with pytest.raises(IndexError):
        box.take()


def test_full_without_blocking():
    """SendQueueFull is a queue.Full; nothing was accepted; the refusal is counted."""
    box = outbox(1)
    box.put("a")
    with pytest.raises(queue.Full, match="1 of 1 places are taken"):
        box.put("b", block=False)
    assert box.refused == 1
    assert box.qsize() == 1


def test_full_with_a_timeout():
    """After the timeout, with the time in the message and in the figures."""
    box = outbox(1)
    box.put("a")
    with pytest.raises(SendQueueFull, match=r"no room came in 0.01 s"):
        box.put("b", timeout=0.01)
    assert box.blocked_seconds >= 0.01
    with pytest.raises(ValueError, match="negative"):
        box.put("b", timeout=-1)


def test_room_releases_the_sender():
    """take() lets exactly the waiting message in."""
    box = outbox(1)
    box.put("a")
    thread, result = blocked(box)
    until_waiting(box)
    assert box.take() == "a"
    thread.join(5)
    assert result == ["accepted"]
    assert box.take() == "late"


@pytest.mark.parametrize("end", ["shut", "close"])
def test_the_end_releases_the_sender(end):
    """I5: with SessionClosed, and its message was not accepted."""
    box = outbox(1)
    box.put("a")
    thread, result = blocked(box)
    until_waiting(box)
    left = getattr(box, end)()
    thread.join(5)
    assert isinstance(result[0], SessionClosed)
    assert box.is_shut
    if end == "close":
        assert left == ["a"]
        assert box.qsize() == 0
    else:
        assert box.take() == "a"
    with pytest.raises(SessionClosed):
        box.put("b")


def test_finish_goes_behind_all_and_never_waits():
    """One item above the bound; later puts and waiting ones are misuse."""
    box = outbox(1)
    box.put("a")
    thread, result = blocked(box)
    until_waiting(box)
    assert box.finish("END") is True
    thread.join(5)
    assert isinstance(result[0], InvalidState)
    assert box.finished
    assert box.finish("END") is False
    with pytest.raises(InvalidState, match="finished"):
        box.put("b")
    assert [box.take(), box.take()] == ["a", "END"]


def test_finish_after_the_end():
    """There is nothing left to finish."""
    box = outbox()
    box.shut()
    with pytest.raises(SessionClosed):
        box.finish("END")


def test_pieces_of_a_message_go_in_together_or_not_at_all():
    """A refused message can be sent again without doubling a part of it."""
    box = outbox(3)
    box.put("a")
    with pytest.raises(SendQueueFull):
        box.put_all(["1", "2", "3"], block=False, timeout=None)
    assert box.qsize() == 1
    with pytest.raises(SendQueueFull, match="never fit"):
        box.put_all(list("1234"), block=True, timeout=1)
    box.put_all(["1", "2"], block=False, timeout=None)
    assert [box.take() for _ in range(3)] == ["a", "1", "2"]


def test_pieces_wait_for_room_for_all():
    """One free place is not enough for two."""
    box = outbox(2)
    box.put("a")
    box.put("b")
    done = []
    thread = threading.Thread(
        target=lambda: done.append(box.put_all(["1", "2"], block=True, timeout=10))
    )
    thread.start()
    until_waiting(box)
    box.take()
    assert not done
    box.take()
    thread.join(5)
    assert done == [None]
    assert [box.take(), box.take()] == ["1", "2"]


def test_racing_senders_keep_their_own_order():
    """I2: each sender's messages come out in the order it sent them."""
    box, count, senders = outbox(4), 300, 6

    def send(who):
        for i in range(count):
            box.put((who, i))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(senders)]
    for thread in threads:
        thread.start()
    seen = {n: [] for n in range(senders)}
    gate, total = threading.Event(), 0
    while total < count * senders:
        try:
            who, i = box.take()
        except IndexError:
            gate.wait(0.0005)
            continue
        seen[who].append(i)
        total += 1
    for thread in threads:
        thread.join(5)
    assert all(each == list(range(count)) for each in seen.values())
    assert box.highest <= 4


# Audio, which may stop to be wanted while it waits


def test_audio_that_is_not_wanted_is_not_accepted():
    """Whether there is room or not; what is wanted is."""
    box = outbox(1)
    box.put(0)
    assert box.put_wanted("late", lambda: False) is False
    assert box.take() == 0
    assert box.put_wanted("late", lambda: False) is False
    assert box.put_wanted("good", lambda: True) is True
    assert box.take() == "good"


def test_who_waits_with_audio_is_asked_again():
    """`look_again` frees it at once, without a message taken."""
    box = outbox(1)
    box.put(0)
    wanted = threading.Event()
    wanted.set()
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(box.put_wanted("late", wanted.is_set))
    )
    thread.start()
    until_waiting(box)
    wanted.clear()
    box.look_again()
    thread.join(5)
    assert answers == [False]
    assert box.blocked_seconds > 0


def test_what_is_unwanted_is_taken_back():
    """The rest stays in order, and who waits for room gets it."""
    box = outbox(4)
    for number in range(4):
        box.put(number)
    thread, result = blocked(box)
    until_waiting(box)
    assert box.discard(lambda item: item % 2) == 2
    thread.join(5)
    assert result == ["accepted"]
    assert [box.take() for _ in range(3)] == [0, 2, "late"]
    assert box.discard(lambda item: True) == 0


def test_audio_learns_of_the_end_like_everybody():
    """Also while it waits; `admit` tells beforehand."""
    box = outbox(1)
    box.put(0)
    box.admit()
    box.finish("end")
    with pytest.raises(InvalidState):
        box.put_wanted("late", lambda: True)
    box.shut()
    for attempt in (box.admit, lambda: box.put_wanted("late", lambda: True)):
        with pytest.raises(SessionClosed):
            attempt()
