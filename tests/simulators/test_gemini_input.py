"""What a client says, put together to turns; without a connection."""

import pytest

from tests.simulators.gemini_client import LOUD, QUIET, Loudness
from voxsync.simulators.gemini_brain import Said
from voxsync.simulators.gemini_hearing import Hearing
from voxsync.simulators.gemini_input import Input
from voxsync.simulators.gemini_record import GeminiRecord
from voxsync.simulators.gemini_request import Request
from voxsync.simulators.gemini_schema import BadRequest
from voxsync.simulators.gemini_setup import Memory, settle
from voxsync.simulators.recogniser import ScriptedRecogniser

PCM = "audio/pcm;rate=16000"


class Client:
    """Says things, and stands in for what hears them."""

    def __init__(self, *, manual=False, **fields):
        if manual:
            fields["realtimeInputConfig"] = {
                "automaticActivityDetection": {"disabled": True}
            }
        settled = settle({"model": "models/x", **fields}, None)
        self.memory, self.record = Memory(), GeminiRecord(1)
        self.said, self.turns, self.results, self.interrupts = [], [], [], 0
        self.input = Input(
            settled,
            memory=self.memory,
            turns=self,
            record=self.record,
            say=self.said.append,
            hearing=lambda listening: Hearing(
                listening,
                recogniser=ScriptedRecogniser.words("one two", ms_per_word=50),
                language="en",
                detector=None if manual else Loudness,
                margin=0,
            ),
        )

    def hear(self, turn):
        self.turns.append(turn)

    def respond(self, responses):
        self.results += responses

    def interrupt(self):
        self.interrupts += 1

    def send(self, kind, **body):
        self.input.take(Request(kind, body))

    def realtime(self, **body):
        self.send("realtimeInput", **body)

    def audio(self, *blocks, name="audio"):
        for block in blocks:
            blob = {"mimeType": PCM, "data": block.tobytes()}
            self.realtime(**{name: blob})

    def content(self, *turns, complete=True):
        """Turns as pairs of role and text."""
        made = [{"role": role, "parts": [{"text": text}]} for role, text in turns]
        self.send("clientContent", turns=made, turnComplete=complete)

    def refused(self, kind, **body):
        with pytest.raises(BadRequest) as caught:
            self.send(kind, **body)
        return caught.value.rule


def test_written_turns():
    """They interrupt, and are answered once complete."""
    client = Client()
    client.content(("user", "a"), complete=False)
    assert not client.turns
    client.content(("user", "b"))
    assert client.turns[0].text == "a\nb"
    assert client.interrupts == 2
    client.send("clientContent", turnComplete=True)
    assert client.turns[1].text == ""
    assert len(client.record.turns) == 2


def test_history_that_the_client_brings():
    """The model's turns are remembered, and the user's before them."""
    client = Client()
    client.content(("model", "0"), ("user", "a"), ("model", "b"), ("user", "c"))
    assert list(client.memory.history) == [
        Said("model", "0"),
        Said("user", "a"),
        Said("model", "b"),
    ]
    assert client.turns[0].text == "c"


def test_history_that_is_announced():
    """Up to the first complete turn nothing is answered, nor interrupted."""
    client = Client(historyConfig={"initialHistoryInClientContent": True})
    client.content(("user", "a"), ("model", "b"), complete=False)
    client.content(("user", "c"))
    assert not client.turns
    assert client.interrupts == 0
    assert [each.text for each in client.memory.history] == ["a", "b", "c"]
    client.content(("user", "d"))
    assert client.turns[0].text == "d"
    client = Client(historyConfig={"initialHistoryInClientContent": True})
    client.content()
    assert not client.memory.history


def test_content_that_is_refused():
    """Other roles, function responses, and what has no end."""
    client = Client()
    response = {"functionResponse": {"name": "f"}}
    turns = [{"parts": [response]}]
    assert client.refused("clientContent", turns=turns) == "function_response"
    turns = [{"role": "system", "parts": []}]
    assert client.refused("clientContent", turns=turns) == "bad_role"
    turns = [{"parts": [{"text": "x"}]}] * 1001
    assert client.refused("clientContent", turns=turns) == "too_many_turns"
    turns = [{"parts": [{"inlineData": {"mimeType": "video/mp4"}}]}]
    assert Client().refused("clientContent", turns=turns) == "bad_image"


def test_a_recording_in_something_written():
    """Its words are part of the text, its sound is the turn's."""
    client = Client()
    for mime, count in ((PCM, 1), ("audio/pcm;rate=8000", 2)):
        parts = [
            {"text": "listen:"},
            {"inlineData": {"mimeType": mime, "data": LOUD.tobytes()}},
        ]
        client.send("clientContent", turns=[{"parts": parts}], turnComplete=True)
        turn = client.turns[-1]
        assert (turn.text, turn.spoken) == ("listen:\none two", True)
        assert len(turn.audio) == 1600 * count
        assert turn.seconds == pytest.approx(0.1 * count)
    client.content(("user", "no sound"))
    assert client.turns[-1].audio is None
    blob = {"mimeType": "audio/mp3", "data": b""}
    turns = [{"parts": [{"inlineData": blob}]}]
    assert client.refused("clientContent", turns=turns) == "bad_audio"


def test_speech_is_a_turn():
    """With its sound and its words; the words are told where that is wanted."""
    client = Client(inputAudioTranscription={})
    client.audio(QUIET, LOUD, QUIET)
    turn = client.turns[0]
    assert (turn.text, turn.spoken) == ("one two", True)
    assert len(turn.audio) == 1600
    assert client.record.turns[0].audio is None
    assert client.interrupts == 1
    texts = [
        each["serverContent"]["inputTranscription"]["text"] for each in client.said
    ]
    assert texts == ["one ", "two "]
    assert client.record.audio_bytes == 3 * 3200
    client = Client()
    client.audio(QUIET, LOUD, QUIET)
    assert client.said == []


def test_speech_does_not_interrupt_where_it_may_not():
    """As was settled."""
    client = Client(realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"})
    client.audio(LOUD, QUIET)
    assert client.interrupts == 0
    assert len(client.turns) == 1


def test_activity_is_told_where_that_is_wanted():
    """In both of the messages that there are for it."""
    client = Client(explicitVadSignal=True)
    client.audio(QUIET, LOUD, QUIET)
    assert client.said == [
        {"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_SOS"}},
        {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.100s"}},
        {"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_EOS"}},
        {"voiceActivity": {"type": "ACTIVITY_END", "audioOffset": "0.200s"}},
    ]


def test_the_end_of_the_stream():
    """It ends the speech under way; later there may be more."""
    client = Client()
    client.audio(LOUD)
    client.realtime(audioStreamEnd=True)
    client.realtime(audioStreamEnd=True)
    client.audio(LOUD)
    client.realtime(audioStreamEnd=True)
    assert len(client.turns) == 2


def test_activity_as_the_client_says():
    """What is between the two signals is the turn."""
    client = Client(manual=True)
    client.audio(LOUD)
    assert not client.turns
    client.realtime(activityStart={})
    assert client.interrupts == 1
    client.audio(QUIET)
    client.realtime(activityEnd={})
    assert client.turns[0].seconds == pytest.approx(0.1)


def test_signals_in_the_wrong_mode():
    """They are refused."""
    for name in ("activityStart", "activityEnd"):
        assert Client().refused("realtimeInput", **{name: {}}) == "activity_signal"
    client = Client(manual=True)
    assert client.refused("realtimeInput", audioStreamEnd=True) == "stream_end"


def test_realtime_text():
    """It is a turn of its own, or of the speech under way; it does not interrupt."""
    client = Client()
    client.realtime(text="now")
    client.realtime(text="")
    assert [each.text for each in client.turns] == ["now"]
    assert client.interrupts == 0
    client.audio(LOUD)
    client.realtime(text="and this")
    client.audio(QUIET)
    assert client.turns[1].text == "and this\none two"


def test_pictures():
    """The latest eight belong to the next turn."""
    client = Client()
    for number in range(10):
        blob = {"mimeType": "image/jpeg", "data": bytes([number])}
        client.realtime(video=blob)
    client.realtime(mediaChunks=[{"mimeType": "image/png", "data": b"!"}, {}])
    client.content(("user", "what is that?"))
    pictures = client.turns[0].images
    assert len(pictures) == 8
    assert pictures[-1] == ("image/png", b"!")
    assert client.record.images == 11
    assert client.refused("realtimeInput", video={"mimeType": "x/y"}) == "bad_image"
    inline = {"inlineData": {"mimeType": "image/png", "data": b"?"}}
    client.send("clientContent", turns=[{"parts": [inline]}], turnComplete=True)
    assert client.turns[1].images == (("image/png", b"?"),)


def test_media_chunks():
    """Of several the first counts."""
    client = Client()
    loud, quiet = ({"mimeType": PCM, "data": each.tobytes()} for each in (LOUD, QUIET))
    client.realtime(mediaChunks=[loud, quiet])
    client.realtime(mediaChunks=[quiet, loud])
    assert len(client.turns) == 1
    assert client.turns[0].seconds == pytest.approx(0.1)
    client.realtime(mediaChunks=[])


def test_what_functions_return():
    """At least one must have."""
    client = Client()
    client.send("toolResponse", functionResponses=[{"id": "1"}])
    assert client.results == [{"id": "1"}]
    assert client.refused("toolResponse", functionResponses=[]) == "no_responses"


def test_another_context():
    """Instruction and tools are replaced, each for itself."""
    client = Client()
    tools = {"tools": [{"functionDeclarations": [{"name": "f"}]}]}
    client.send("contextUpdate", tools=tools)
    client.send("contextUpdate", systemInstruction={"parts": [{"text": "Be kind."}]})
    assert client.memory.tools == {"f": True}
    assert client.memory.system_instruction == "Be kind."
    client.send("contextUpdate", tools={})
    assert client.memory.tools == {}


def test_a_second_setup():
    """There is one."""
    assert Client().refused("setup") == "second_setup"
    Client().input.close()
