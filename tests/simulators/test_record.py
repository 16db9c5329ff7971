import threading

import pytest

from voxsync.simulators.record import Record, Records


def test_waiting_ends_when_the_connection_does():
    """`wait` returns the record of that number as soon as it is over."""
    records = Records(Record)
    first, second = records.new(), records.new()
    found = []
    waiter = threading.Thread(target=lambda: found.append(records.wait(2, 10)))
    waiter.start()
    records.over(first)
    records.over(second)
    waiter.join(10)
    assert found == [second]
    assert records.all() == [first, second]
    with pytest.raises(TimeoutError, match="connection 3 was not over"):
        records.wait(3, 0.01)


def test_they_are_what_the_service_keeps():
    """Numbered from 1."""
    made = []

    class More(Record):
        def __init__(self, number):
            super().__init__(number)
            made.append(self)

    records = Records(More)
    assert [records.new(), records.new()] == records.all() == made
    assert [each.number for each in made] == [1, 2]


def test_only_the_latest_are_kept():
    """The list is bounded; asking for a forgotten connection says so."""
    records = Records(Record, limit=2)
    for _ in range(3):
        records.over(records.new())
    assert [each.number for each in records.all()] == [2, 3]
    with pytest.raises(LookupError, match="too long ago"):
        records.wait(1, 1)
