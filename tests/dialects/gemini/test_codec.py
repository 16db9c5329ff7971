"""One connection of a Live session: what goes out, what comes in, how it ends."""

import json
import pathlib
import re
from base64 import b64decode, b64encode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.dialects.base import (
    Audio,
    ClearAudio,
    CloseStream,
    Deliver,
    OpenStream,
    Ready,
    Refused,
    Reply,
    Report,
    SendAudio,
    StreamEnded,
    StreamStarted,
    UpgradeRequest,
)
from voxsync.dialects.gemini.codec import GeminiDialect
from voxsync.dialects.gemini.messages import (
    GoAway,
    ServerContent,
    ServerError,
    SetupComplete,
    ToolCall,
    ToolCallCancellation,
    UnknownMessage,
    UsageMetadata,
)
from voxsync.errors import FormatError, ProtocolError, SessionClosed, SetupError

DATA = pathlib.Path(__file__).parents[2] / "data"
NOTES = (DATA / "gemini_notes.jsonl").read_text(encoding="utf-8").splitlines()
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SETUP = '{"setup":{"model":"models/m"}}'
PCM = bytes(range(8))
USUAL = "audio/pcm;rate=24000"
AUDIO_END = '{"realtimeInput":{"audioStreamEnd":true}}'
STARTED = StreamStarted("", USUAL)
ENDED = StreamEnded("")
CLEAR = ClearAudio("")


def made(*, url="wss://host/ws", headers=(("x-goog-api-key", "secret-key"),), **more):
    return GeminiDialect(url, headers, SETUP, **more)


def ready(**more):
    dialect = made(**more)
    assert list(dialect.opened()) == [Reply(SETUP)]
    assert list(dialect.decode('{"setupComplete":{}}')) == [Ready()]
    return dialect


def say(*pieces, usage=None, **content):
    """A serverContent with audio: bytes, or pairs of MIME type and bytes."""
    parts = []
    for piece in pieces:
        mime_type, pcm = (USUAL, piece) if isinstance(piece, bytes) else piece
        data = b64encode(pcm).decode()
        parts.append({"inlineData": {"mimeType": mime_type, "data": data}})
    if parts:
        content["modelTurn"] = {"role": "model", "parts": parts}
    found = {"serverContent": content}
    if usage is not None:
        found["usageMetadata"] = {"totalTokenCount": usage}
    return json.dumps(found).encode()


def outputs(dialect, *messages):
    """The outputs; of what is delivered and reported only the types."""
    found = []
    for message in messages:
        for output in dialect.decode(message):
            if isinstance(output, Deliver):
                found.append(type(output.message))
            elif isinstance(output, Report):
                found.append(type(output.error))
            else:
                found.append(output)
    return found


# The handshake


def test_the_upgrade():
    """Where to and with which headers is not the codec's affair."""
    assert made().request() == UpgradeRequest(
        url="wss://host/ws", headers=(("x-goog-api-key", "secret-key"),)
    )
    assert made(headers=[]).request() == UpgradeRequest(url="wss://host/ws")


@pytest.mark.parametrize("value", ["{}", "true", "null", '{"sessionId":"s-1"}'])
@pytest.mark.parametrize("key", ["setupComplete", "setup_complete"])
@pytest.mark.parametrize("kind", [str, str.encode])
def test_ready_when_the_setup_is_answered(key, value, kind):
    """By the presence of its key; it is kept, not delivered."""
    dialect = made()
    assert list(dialect.opened()) == [Reply(SETUP)]
    assert dialect.setup_complete is None
    assert dialect.session_id is None
    assert list(dialect.decode(kind(f'{{"{key}":{value}}}'))) == [Ready()]
    expected = "s-1" if "s-1" in value else None
    assert dialect.setup_complete == SetupComplete(session_id=expected)
    assert dialect.session_id == expected


def test_what_comes_along_with_the_answer():
    """It is not lost."""
    dialect = made()
    found = {"goAway": {}, "setupComplete": {}, "usageMetadata": {"totalTokenCount": 1}}
    assert outputs(dialect, json.dumps(found)) == [Ready(), GoAway]
    assert dialect.usage == UsageMetadata(total_token_count=1)
    dialect = made()
    found = {"setupComplete": {}, "usageMetadata": {"totalTokenCount": 2}}
    assert outputs(dialect, json.dumps(found)) == [Ready()]
    assert dialect.usage == UsageMetadata(total_token_count=2)


def test_a_second_answer_is_a_message():
    """Nobody waits for it."""
    assert outputs(ready(), '{"setupComplete":{}}') == [SetupComplete]


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (
            say(turnComplete=True),
            "the service's first message was 'serverContent', not the .*turnComplete",
        ),
        ('{"new":1}', "first message was 'unknown', not the answer .*: {'new': 1}"),
        (
            '{"sessionResumptionUpdate":{"newHandle":"secret"}}',
            r"not the answer .*: {'sessionResumptionUpdate': {'newHandle': '\*+'}}$",
        ),
        ('{"usageMetadata":{}}', "first message was 'usageMetadata'"),
        ("junk", "the answer to the setup makes no sense: .* not JSON"),
        (b"\xff", "the answer to the setup makes no sense: .* not JSON"),
        ("null", "the answer to the setup makes no sense: .* not an object"),
        ('{"setupComplete":{"sessionId":1}}', "makes no sense: .*sessionId must be"),
        (
            '{"error":{"code":400,"message":"bad model","status":"INVALID_ARGUMENT"}}',
            "^the service refused it: 400 INVALID_ARGUMENT: bad model$",
        ),
        ('{"error":{"message":"bad model"}}', "bad model"),
        ('{"error":{"code":400}}', "400"),
        ('{"error":{}}', "it gave no reason"),
        ('{"error":{"message":"secret-key is bad"}}', r"\*\*\* is bad"),
        ('{"error":{"message":"half: \\ud800"}}', r"half: \?"),
        ('{"error":{"message":"' + "x" * 10**6 + '"}}', "x{200}"),
        ('{"new":"' + "x" * 10**6 + '"}', "x{150,200}"),
    ],
)
def test_refused(first, reason):
    """Anything else as first message is a refusal that says what came."""
    dialect = made()
    (refused,) = dialect.decode(first)
    assert isinstance(refused, Refused)
    assert re.search(reason, refused.reason)
    assert len(refused.reason) < 400
    assert dialect.setup_complete is None


def test_nothing_more_after_a_refusal():
    """Not even an answer that comes late."""
    dialect = made()
    assert len(list(dialect.decode("junk"))) == 1
    for late in (*NOTES, "junk"):
        assert list(dialect.decode(late)) == []
    assert dialect.setup_complete is None


# Out


def test_audio_out():
    """One message per block, as the notes have it."""
    dialect = ready()
    assert list(dialect.encode(OpenStream(""))) == []
    (reply,) = dialect.encode(SendAudio("", PCM))
    assert json.loads(reply.data) == {
        "realtimeInput": {
            "audio": {
                "mimeType": "audio/pcm;rate=16000",
                "data": b64encode(PCM).decode(),
            }
        }
    }
    assert reply.data.replace(b64encode(PCM).decode(), "AQACAAMA") == (
        '{"realtimeInput":{"audio":'
        '{"mimeType":"audio/pcm;rate=16000","data":"AQACAAMA"}}}'
    )


@CALM
@given(st.binary(max_size=400).map(lambda data: data[: len(data) & ~1]))
def test_audio_arrives(pcm):
    """Whatever it is."""
    replies = list(ready().encode(SendAudio("", pcm)))
    sent = b"".join(
        b64decode(json.loads(r.data)["realtimeInput"]["audio"]["data"]) for r in replies
    )
    assert sent == pcm
    assert len(replies) == bool(pcm)


def test_texts_go_as_they_are():
    """They were made where they were asked for."""
    assert list(ready().encode('{"clientContent":{}}')) == [
        Reply('{"clientContent":{}}')
    ]


@pytest.mark.parametrize("command", [b"bytes", None, 5, Ready()])
def test_what_cannot_be_sent(command):
    """A mistake of ours."""
    with pytest.raises(TypeError, match="cannot be sent"):
        ready().encode(command)


def test_half_a_sample_out():
    """It would shift all that follows."""
    with pytest.raises(FormatError, match="3 bytes"):
        ready().encode(SendAudio("", b"abc"))


AUDIO_TEXT = '{"realtimeInput":{"audio":{"mimeType":"audio/pcm","data":"AAA="}}}'


@pytest.mark.parametrize(
    ("commands", "ends"),
    [
        ([OpenStream("")], True),
        ([SendAudio("", PCM)], True),
        ([AUDIO_TEXT], True),
        ([AUDIO_TEXT, AUDIO_END, AUDIO_TEXT], True),
        ([], False),
        (['{"clientContent":{}}'], False),
        ([SendAudio("", b"")], False),
        ([SendAudio("", PCM), AUDIO_END], False),
        ([SendAudio("", PCM), CloseStream("")], False),
    ],
)
@pytest.mark.parametrize("how", ["finish", "close"])
def test_the_end_of_audio(commands, ends, how):
    """Told once, if there was audio, and only to who listens for itself."""

    def end(dialect):
        for command in commands:
            list(dialect.encode(command))
        found = dialect.finish() if how == "finish" else dialect.encode(CloseStream(""))
        return list(found)

    assert end(ready()) == ([Reply(AUDIO_END)] if ends else [])
    assert end(ready(automatic_activity=False)) == []


def test_no_last_words():
    """Whoever closes has nothing more to say."""
    dialect = ready()
    dialect.encode(SendAudio("", PCM))
    assert list(dialect.closing()) == []


def test_client_messages_are_counted():
    """The setup is 0; what is counted went out."""
    dialect = made()
    dialect.opened()
    dialect.decode('{"setupComplete":{}}')
    counts = [dialect.client_messages]
    for command in (
        OpenStream(""),
        SendAudio("", PCM),
        SendAudio("", b""),
        '{"clientContent":{}}',
        CloseStream(""),
        CloseStream(""),
    ):
        dialect.encode(command)
        counts.append(dialect.client_messages)
    assert counts == [0, 0, 1, 1, 2, 3, 3]


# In


def test_a_turn():
    """Audio of one stream from the first piece to the end of the generation."""
    assert outputs(
        ready(),
        say(PCM),
        say(outputTranscription={"text": "hi"}),
        say(PCM, PCM),
        say(generationComplete=True),
        say(turnComplete=True, usage=7),
        say(PCM),
        say(turnComplete=True),
    ) == [
        STARTED,
        Audio("", PCM, 24000),
        ServerContent,
        ServerContent,
        Audio("", PCM, 24000),
        Audio("", PCM, 24000),
        ServerContent,
        ENDED,
        ServerContent,
        ServerContent,
        STARTED,
        Audio("", PCM, 24000),
        ServerContent,
        ENDED,
        ServerContent,
    ]


@pytest.mark.parametrize("end", ["generationComplete", "turnComplete"])
def test_a_turn_in_one_message(end):
    """Begins and ends with it."""
    assert outputs(ready(), say(PCM, **{end: True})) == [
        STARTED,
        Audio("", PCM, 24000),
        ENDED,
        ServerContent,
    ]


def test_interrupted():
    """What sounds is cleared before anybody hears of it; then the stream is over."""
    assert outputs(ready(), say(PCM), say(interrupted=True)) == [
        STARTED,
        Audio("", PCM, 24000),
        ServerContent,
        CLEAR,
        ENDED,
        ServerContent,
    ]
    # What was received may still sound when the stream is over already.
    assert outputs(ready(), say(interrupted=True, turnComplete=True)) == [
        CLEAR,
        ServerContent,
    ]


def test_audio_along_with_an_interruption():
    """It is new and sounds, behind what was cleared."""
    assert outputs(
        ready(), say(PCM), say(PCM, interrupted=True), say(turnComplete=True)
    ) == [
        STARTED,
        Audio("", PCM, 24000),
        ServerContent,
        CLEAR,
        ENDED,
        STARTED,
        Audio("", PCM, 24000),
        ServerContent,
        ENDED,
        ServerContent,
    ]


def test_rates():
    """Another rate is another stream; other words for the same one are not."""
    slow = "audio/pcm;rate=8000"
    assert outputs(
        ready(), say(PCM), say(("audio/pcm", PCM)), say((slow, PCM), (slow, PCM))
    ) == [
        STARTED,
        Audio("", PCM, 24000),
        ServerContent,
        Audio("", PCM, 24000),
        ServerContent,
        ENDED,
        StreamStarted("", slow),
        Audio("", PCM, 8000),
        Audio("", PCM, 8000),
        ServerContent,
    ]


def test_what_does_not_sound():
    """Nothing begins with an image, with nothing, or with half a sample."""
    dialect = ready()
    assert outputs(dialect, say(("image/png", PCM)), say(b"")) == [ServerContent] * 2
    assert outputs(dialect, say(b"x")) == [ProtocolError, ServerContent]


def test_odd_audio():
    """Half a sample is told, the whole ones sound, and all is delivered."""
    dialect = ready()
    data = say(PCM + b"x")
    report, started, audio, deliver = dialect.decode(data)
    assert started == STARTED
    assert audio == Audio("", PCM, 24000)
    assert "9 bytes" in str(report.error)
    assert report.error.raw == data
    assert deliver.message.inline == ((USUAL, PCM + b"x"),)


def test_audio_of_a_kind_that_cannot_be_played():
    """It is told, and delivered."""
    dialect = ready()
    report, deliver = dialect.decode(say(("Audio/MPEG", PCM)))
    assert "'Audio/MPEG' cannot be played" in str(report.error)
    assert deliver.message.inline == (("Audio/MPEG", PCM),)
    (report, _) = ready().decode(say(("audio/wav;" + "x" * 10**6, PCM)))
    assert len(str(report.error)) < 400


def test_flaws_are_no_flood():
    """Of many that come every 40 ms one in fifty is told."""
    dialect = ready()
    found = outputs(dialect, *[say(PCM + b"x")] * 101)
    assert found.count(ProtocolError) == 3
    assert found.count(Audio("", PCM, 24000)) == 101


def test_nonsense():
    """It is raised, and changes nothing."""
    dialect = ready()
    assert outputs(dialect, say(PCM))[0] == STARTED
    bad = '{"serverContent":{"interrupted":true,"turnComplete":5}}'
    for data in ("junk", "", "[]", bad):
        with pytest.raises(ProtocolError):
            dialect.decode(data)
    assert outputs(dialect, say(PCM)) == [Audio("", PCM, 24000), ServerContent]


def test_other_messages_are_delivered():
    """In order, as they are."""
    messages = [
        '{"toolCall":{"functionCalls":[{"id":"1","name":"a"}]}}',
        '{"toolCallCancellation":{"ids":["1"]}}',
        '{"error":{"code":500}}',
        '{"novelty":1}',
    ]
    assert outputs(ready(), *messages) == [
        ToolCall,
        ToolCallCancellation,
        ServerError,
        UnknownMessage,
    ]


def test_what_is_remembered():
    """The last count of tokens, and the last handle that is one."""
    dialect = ready()
    assert dialect.usage is None
    assert dialect.resumption_handle is None
    handles = []
    for update in (
        {"newHandle": "", "resumable": False},
        {"newHandle": "h-1", "resumable": True},
        {"newHandle": "h-2", "resumable": False},
        {"resumable": True},
        {"newHandle": "", "resumable": True},
        {"newHandle": "h-3", "resumable": True},
    ):
        list(dialect.decode(json.dumps({"sessionResumptionUpdate": update})))
        handles.append(dialect.resumption_handle)
    assert handles == [None, "h-1", "h-1", "h-1", "h-1", "h-3"]
    outputs(dialect, say(usage=1), say(turnComplete=True))
    assert dialect.usage == UsageMetadata(total_token_count=1)
    outputs(dialect, '{"usageMetadata":{"totalTokenCount":2}}')
    assert dialect.usage == UsageMetadata(total_token_count=2)


CONTENTS = st.builds(
    say,
    *[st.sampled_from([PCM, b"", b"x", ("audio/pcm;rate=8000", PCM), ("image/a", PCM)])]
    * 2,
    interrupted=st.booleans(),
    turnComplete=st.booleans(),
    generationComplete=st.booleans(),
)


@CALM
@given(st.lists(st.one_of(CONTENTS, st.sampled_from([*NOTES, "junk"])), max_size=12))
def test_streams_make_sense(messages):
    """Whatever comes: audio is within a stream, ends come once, clears come first."""
    dialect = ready()
    sounding = False
    delivered = 0
    for message in messages:
        try:
            found = list(dialect.decode(message))
        except ProtocolError:
            assert message == "junk"
            continue
        for at, output in enumerate(found):
            if isinstance(output, StreamStarted):
                assert not sounding
                sounding = True
            elif isinstance(output, StreamEnded):
                assert sounding
                sounding = False
            elif isinstance(output, Audio):
                assert sounding
                assert output.pcm
                assert len(output.pcm) % 2 == 0
            elif isinstance(output, ClearAudio):
                assert at == 0
            elif isinstance(output, Deliver):
                assert at == len(found) - 1
                delivered += 1
    assert delivered == sum(message != "junk" for message in messages)


# The end


@pytest.mark.parametrize("code", [1000, 1001, 1005])
def test_good_ends(code):
    """A proper close of the service's, or any end of our own."""
    assert ready().verdict(code, "", by_us=False, was_clean=True) is None
    for was_clean in (True, False):
        assert ready().verdict(1006, "", by_us=True, was_clean=was_clean) is None
        assert made().verdict(1006, "", by_us=True, was_clean=was_clean) is None


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (1006, ""),
        (1007, "check the key"),
        (1008, "this model exists"),
        (1009, "too big"),
        (1011, "connect again"),
        (4000, ""),
    ],
)
def test_bad_ends(code, hint):
    """The service's words, and what to do where that is known."""
    error = ready().verdict(code, "some words", by_us=False, was_clean=True)
    assert type(error) is SessionClosed
    assert (error.code, error.reason, error.was_clean) == (code, "some words", True)
    assert f"close code {code}: some words" in str(error)
    assert hint in str(error)
    assert "cut off" not in str(error)
    silent = ready().verdict(code, "", by_us=False, was_clean=False)
    assert (silent.code, silent.reason, silent.was_clean) == (code, "", False)


@pytest.mark.parametrize("is_set_up", [True, False])
@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("You exceeded your quota, see your plan.", "plan. Wait until there is quota"),
        ("RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED; wait until there is quota"),
        ("deadline exceeded", "exceeded; an error or a deadline of the service's own"),
        ("Internal error.", "error. An error or a deadline of the service's own"),
        ("", "close code 1011; an error or a deadline"),
    ],
)
def test_quotas_and_other_errors(is_set_up, reason, words):
    """Only of a quota that the service speaks of; then nothing but to wait helps."""
    dialect = ready() if is_set_up else made()
    text = str(dialect.verdict(1011, reason, by_us=False, was_clean=True))
    assert words in text
    assert ("quota" in text) is ("quota" in words)
    assert ("connect again" in text) is ("quota" not in words)
    assert ".;" not in text


@pytest.mark.parametrize("code", [1002, 1007, 1009])
def test_a_broken_rule_is_the_services(code):
    """We ended it: what the service's own close would mean says nothing of that."""
    error = ready().verdict(code, "it was so", by_us=False, was_clean=False)
    assert str(error) == f"the session ended with close code {code}: it was so"
    error = made().verdict(code, "it was so", by_us=False, was_clean=False)
    assert type(error) is SetupError
    assert str(error) == (
        "the service broke the rules of WebSocket before it answered the setup, so the "
        f"connection was ended with close code {code}: it was so"
    )


def test_a_connection_that_breaks_before_the_answer():
    """That is no refusal."""
    error = made().verdict(1006, "TCP ended", by_us=False, was_clean=False)
    assert type(error) is SetupError
    assert str(error) == (
        "the connection broke before the service answered the setup: TCP ended"
    )


def test_a_good_code_without_a_handshake():
    """The connection broke."""
    error = ready().verdict(1000, "", by_us=False, was_clean=False)
    assert type(error) is SessionClosed


@pytest.mark.parametrize("code", [1000, 1005, 1007, 1008, 1011])
def test_refused_by_a_close(code):
    """Before the setup was answered no code is a good one."""
    error = made().verdict(code, "no such model", by_us=False, was_clean=True)
    assert type(error) is SetupError
    assert (error.code, error.reason) == (code, "no such model")
    assert f"refused the session with close code {code}: no such model" in str(error)


@pytest.mark.parametrize(
    ("reason", "cut"),
    [("x" * 123, True), ("\u00e9" * 60, True), ("x" * 119, False), ("", False)],
)
def test_long_reasons_are_cut(reason, cut):
    """A Close frame takes 123 bytes, and who has more to say is cut off."""
    error = ready().verdict(1007, reason, by_us=False, was_clean=True)
    assert ("cut off" in str(error)) is cut
    assert error.reason == reason


def test_secrets_stay_out_of_errors():
    """A service may repeat the key in its words."""
    dialect = ready(url="wss://host/ws?key=another-key")
    reason = "secret-key and another-key are bad"
    error = dialect.verdict(1007, reason, by_us=False, was_clean=True)
    assert error.reason == "*** and *** are bad"
    assert "secret-key" not in str(error)
    assert "another-key" not in str(error)
