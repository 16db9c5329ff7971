"""What the service saw."""

import pytest

from voxsync.simulators.gemini_record import GeminiRecord, GeminiRecords


def test_records_are_of_conversations():
    """Numbered from 1, and there once they are over."""
    records = GeminiRecords()
    first, second = records.new(), records.new()
    assert isinstance(first, GeminiRecord)
    assert records.all() == [first, second]
    assert (first.number, second.number) == (1, 2)
    with pytest.raises(TimeoutError):
        records.wait(2, 0.01)
    records.over(second)
    assert records.wait(2, 1) is second


def test_records_are_bounded():
    """However long a conversation is."""
    record = GeminiRecord(1)
    for each in (record.texts, record.messages, record.turns, record.answers):
        assert each.maxlen == 1000
    assert record.handles.maxlen == 8
