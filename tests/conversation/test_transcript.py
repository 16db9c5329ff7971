"""What was said, from messages as the services have them."""

from types import SimpleNamespace

from voxsync.conversation.transcript import Transcript


def said(text, finished=None):
    words = {} if finished is None else {"finished": finished}
    return SimpleNamespace(text=text, **words)


def told(transcript, **message):
    events = transcript.events(SimpleNamespace(**message))
    return [(event.speaker, event.text, event.is_final) for event in events]


def test_pieces_come_as_they_are():
    """Both speakers, both in one message, too."""
    transcript = Transcript("me")
    assert told(transcript, input_transcription=said("Hel")) == [("user", "Hel", False)]
    assert told(
        transcript, input_transcription=said("lo"), output_transcription=said(" Hi")
    ) == [("user", "lo", False), ("model", " Hi", False)]
    (event,) = transcript.events(SimpleNamespace(output_transcription=said("!")))
    assert (event.target, event.type) == ("me", "transcript")


def test_a_service_may_say_which_piece_is_the_last():
    """With text or without; and then the turn's end has nothing to add."""
    transcript = Transcript(None)
    assert told(transcript, input_transcription=said("Hello", True)) == [
        ("user", "Hello", True)
    ]
    assert told(transcript, output_transcription=said("Hi", False)) == [
        ("model", "Hi", False)
    ]
    assert told(transcript, output_transcription=said(None, True)) == [
        ("model", "", True)
    ]
    assert told(transcript, output_transcription=said("", True)) == []
    assert told(transcript, turn_complete=True) == []


def test_the_end_of_the_turn_ends_what_was_said():
    """Of both; a piece that comes with it is told before."""
    transcript = Transcript(None)
    told(transcript, input_transcription=said("Hello"))
    assert told(transcript, output_transcription=said("Hi"), turn_complete=True) == [
        ("model", "Hi", False),
        ("user", "", True),
        ("model", "", True),
    ]
    assert told(transcript, turn_complete=True) == []


def test_an_interruption_ends_what_the_model_said():
    """The person is just beginning."""
    transcript = Transcript(None)
    told(transcript, input_transcription=said("Sto"))
    told(transcript, output_transcription=said("Once upon"))
    assert told(transcript, interrupted=True) == [("model", "", True)]
    assert told(transcript, input_transcription=said("p")) == [("user", "p", False)]


def test_other_messages_say_nothing():
    """Of whatever kind."""
    transcript = Transcript(None)
    assert told(transcript) == []
    assert told(transcript, input_transcription=None, turn_complete=False) == []
    assert told(transcript, output_transcription=said(None)) == []
