"""What the service saw."""

from voxsync.simulators.gemini_record import GeminiRecord


def test_records_are_bounded():
    """However long a conversation is."""
    record = GeminiRecord(1)
    for each in (record.texts, record.messages, record.turns, record.answers):
        assert each.maxlen == 1000
    assert record.handles.maxlen == 8
