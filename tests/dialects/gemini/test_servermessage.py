"""What all messages have in common: equality, and a repr that tells no secret."""

from voxsync.dialects.gemini.messages import (
    GoAway,
    SessionResumptionUpdate,
    UnknownMessage,
    UsageUpdate,
)
from voxsync.dialects.gemini.parsing import parse
from voxsync.dialects.gemini.servermessage import ServerMessage
from voxsync.dialects.gemini.usage import UsageMetadata


def test_the_base():
    """It holds what came, and what the service said along with it."""
    usage = UsageMetadata(total_token_count=3)
    message = ServerMessage(raw={"a": 1}, usage_metadata=usage)
    assert message.raw == {"a": 1}
    assert message.usage_metadata is usage
    assert ServerMessage().raw == {}


def test_equality():
    """By what they say, not by how it was written."""
    assert GoAway(time_left=1.0, raw={"a": 1}) == GoAway(time_left=1.0)
    assert GoAway(time_left=1.0) != GoAway(time_left=2.0)
    assert UnknownMessage(raw={"a": 1}) != UnknownMessage(raw={"b": 1})
    assert UsageUpdate() != GoAway()


def test_repr():
    """What is set, but no flood."""
    assert repr(GoAway()) == "GoAway(time_left=0.0)"
    assert len(repr(UnknownMessage(raw={"a": "b" * 10_000}))) < 1000
    usage = UsageMetadata(total_token_count=0)
    assert "total_token_count=0" in repr(UsageUpdate(usage_metadata=usage))


def test_no_repr_shows_a_handle():
    """Not that of the message, of `raw`, or of another message that came along."""
    update = '"sessionResumptionUpdate":{"newHandle":"h4ndl3","resumable":true}'
    for text in (f"{{{update}}}", f'{{"serverContent":{{}},{update}}}'):
        for message in parse(text):
            assert "h4ndl3" not in f"{message!r} {message} {message.raw} "
            assert message.raw["sessionResumptionUpdate"]["newHandle"] == "h4ndl3"
    assert message.new_handle == "h4ndl3"
    assert repr(message) == (
        "SessionResumptionUpdate(new_handle='***', resumable=True)"
    )
    empty = SessionResumptionUpdate(new_handle="")
    assert repr(empty) == "SessionResumptionUpdate(new_handle='')"
    assert "h4ndl3" not in repr(UnknownMessage(raw=message.raw))
