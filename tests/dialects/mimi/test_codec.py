"""One mimi session as its dialect sees it."""

import json
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsync.audio import AudioFormat
from voxsync.dialects.base import Deliver, Finished, Ready, Reply
from voxsync.dialects.mimi import (
    AsrResult,
    MimiDialect,
    MimiPhase,
    NictOptions,
    UnknownResult,
    parse_result,
)
from voxsync.dialects.mimi.codec import MAX_MESSAGE_BYTES
from voxsync.errors import InvalidState, ProtocolError, SessionClosed

DATA = pathlib.Path(__file__).parents[2] / "data"
BREAK = Reply('{"command":"recog-break"}')
TOKEN = "planted-token-1234"


def golden(name):
    path = DATA / f"mimi_{name}.jsonl"
    return path.read_text(encoding="utf-8").splitlines()


def made(**settings):
    given = {
        "url": "wss://service.example/",
        "token": TOKEN,
        "process": "asr",
        "language": "ja",
        "audio": AudioFormat(),
        "nict": None,
    }
    return MimiDialect(**(given | settings))


def headers(**settings):
    return made(**settings).request().headers


def heard(*, process="asr", break_sent=True, messages=()):
    """A dialect in the middle of its session."""
    dialect = made(process=process)
    list(dialect.encode(b"\0\0"))
    if break_sent:
        list(dialect.finish())
    for text in messages:
        list(dialect.decode(text))
    return dialect


def final(kind="asr#mimilvcsr"):
    return json.dumps({"type": kind, "status": "recog-finished", "response": []})


# The upgrade


def test_request():
    """All settings are in the headers, in the official SDK's words."""
    request = made().request()
    assert request.url == "wss://service.example/"
    assert request.headers == (
        ("Authorization", f"Bearer {TOKEN}"),
        ("x-mimi-process", "asr"),
        ("x-mimi-input-language", "ja"),
        ("Content-Type", "audio/x-pcm;bit=16;rate=16000;channels=1"),
    )
    assert tuple(made().opened()) == (Ready(),)


@pytest.mark.parametrize("token", [None, ""])
def test_no_token_no_header(token):
    """A local service may need no token."""
    assert "Authorization" not in dict(headers(token=token))


@pytest.mark.parametrize(
    ("process", "nict", "value"),
    [
        ("nict-asr", NictOptions(), NictOptions().header_value),
        ("asr,nict-asr", NictOptions(response_format="v1"), "response_format=v1"),
        ("nict-asr", None, None),
        ("asr", NictOptions(), None),
        ("lid-nict-asr", NictOptions(), None),
    ],
)
def test_nict_options_are_for_nict_asr(process, nict, value):
    """Options are sent to nict-asr only; none asks for v1 as the SDK does."""
    found = dict(headers(process=process, nict=nict))
    assert found.get("x-mimi-nict-asr-options") == value


def test_own_headers_win():
    """A header of the user replaces ours of the same name in any case."""
    found = headers(
        headers=(("AUTHORIZATION", "Basic abc"), ("x-mimi-lid-options", "lang=ja|en"))
    )
    assert [name for name, _ in found].count("AUTHORIZATION") == 1
    assert "Authorization" not in dict(found)
    assert found[-1] == ("x-mimi-lid-options", "lang=ja|en")


def test_own_engine_and_language_count():
    """Engines and language given as headers rule the session too."""
    dialect = made(
        process="",
        headers=(("X-Mimi-Process", "lid,asr"), ("X-Mimi-Input-Language", "en")),
    )
    assert dialect.engines == ("lid", "asr")
    assert dialect.transcript.language == "en"


def test_one_content_type():
    """Which of two content types the service prefers is unknown: one is sent."""
    found = dict(headers(headers=(("X-Mimi-Content-Type", "audio/x-flac"),)))
    assert "Content-Type" not in found


@pytest.mark.parametrize(
    ("process", "sent"),
    [
        ("ASR", "ASR"),
        (" srs , asr ", "srs,asr"),
        ("asr,asr", "asr"),
        ("some.new#engine", "some.new#engine"),
    ],
)
def test_any_engine_is_passed_on(process, sent):
    """Engine names are case-sensitive, may be unknown, and stand in one list."""
    assert dict(headers(process=process))["x-mimi-process"] == sent


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"process": ""}, "process must be"),
        ({"process": "asr,,lid"}, "process must be"),
        ({"process": "asr\r\nx: y"}, "process must be"),
        ({"process": "認識"}, "process must be"),
        ({"language": ""}, "language must be"),
        ({"language": "ja\n"}, "language must be"),
        ({"token": f"{TOKEN}\n"}, "Authorization holds a line break"),
        ({"token": f"{TOKEN}あ"}, "Authorization holds"),
        ({"headers": (("x-a", "b\r\nx: y"),)}, "x-a holds"),
        ({"headers": (("x a", "b"),)}, "not allowed"),
        ({"headers": (("", "b"),)}, "not allowed"),
    ],
)
def test_what_cannot_be_sent_is_refused(settings, words):
    """No setting can smuggle in a header, and no message holds the token."""
    with pytest.raises(ValueError, match=words) as caught:
        made(**settings)
    assert TOKEN not in str(caught.value)


# Commands


def test_commands():
    """Audio is bytes, JSON is str; each is one message, unchanged."""
    dialect = made()
    assert dialect.phase is MimiPhase.STREAMING
    assert tuple(dialect.encode(b"ab")) == (Reply(b"ab"),)
    assert tuple(dialect.encode('{"a":1}')) == (Reply('{"a":1}'),)
    assert tuple(dialect.encode("recog-break, not JSON")) == (
        Reply("recog-break, not JSON"),
    )


def test_the_limit_of_a_message():
    """64 KiB are taken, one byte more is refused."""
    whole = bytes(MAX_MESSAGE_BYTES)
    assert tuple(made().encode(whole)) == (Reply(whole),)
    with pytest.raises(ValueError, match="split them"):
        made().encode(whole + b"\0")


@pytest.mark.parametrize("command", [bytearray(2), None, {"command": "x"}])
def test_other_commands(command):
    """What is neither bytes nor str is a TypeError."""
    with pytest.raises(TypeError, match="bytes"):
        made().encode(command)


def test_one_break():
    """finish() sends exactly one recog-break; a second call sends none."""
    dialect = made()
    dialect.encode(b"ab")
    assert tuple(dialect.finish()) == (BREAK,)
    assert dialect.phase is MimiPhase.DRAINING
    assert tuple(dialect.finish()) == ()


@pytest.mark.parametrize("command", [b"ab", "{}"])
def test_nothing_goes_behind_the_break(command):
    """After recog-break the service takes nothing more."""
    with pytest.raises(InvalidState, match="new session"):
        heard().encode(command)


@pytest.mark.parametrize("text", [BREAK.data, '{ "command" : "recog-break" }'])
def test_a_break_sent_by_hand_is_the_break(text):
    """A recog-break given as JSON is not followed by another."""
    dialect = heard(break_sent=False)
    assert tuple(dialect.encode(text)) == (BREAK,)
    assert tuple(dialect.finish()) == ()


@pytest.mark.parametrize("command", [None, b"", "{}"])
def test_no_break_without_audio(command):
    """Without audio a break is not allowed, and there is nothing to wait for."""
    dialect = made()
    if command is not None:
        list(dialect.encode(command))
    assert tuple(dialect.finish()) == (Finished(),)
    assert dialect.phase is MimiPhase.FINISHED
    assert dialect.verdict(1006, "", by_us=False, was_clean=False) is None


def test_empty_audio_is_not_sent():
    """An empty block is no message."""
    assert tuple(made().encode(b"")) == ()


def test_a_result_before_the_break():
    """A service that finishes early gets no break; queued audio still goes (I2)."""
    dialect = heard(break_sent=False, messages=[final()])
    assert dialect.phase is MimiPhase.FINISHED
    assert tuple(dialect.encode(b"ab")) == (Reply(b"ab"),)
    assert tuple(dialect.finish()) == (Finished(),)


# Results


@pytest.mark.parametrize("name", ["asr", "nict_v1", "nict_v2", "nict_v2_progressive"])
@pytest.mark.parametrize("binary", [False, True])
def test_golden_sessions(name, binary):
    """Each message is delivered typed, as text or binary; the last one finishes."""
    dialect = heard()
    *lines, last = golden(name)
    for line in lines:
        expected = Deliver(parse_result(json.loads(line), "ja"))
        data = line.encode() if binary else line
        assert tuple(dialect.decode(data)) == (expected,)
        assert dialect.phase is MimiPhase.DRAINING
    deliver, end = dialect.decode(last.encode() if binary else last)
    assert deliver.message.is_final
    assert end == Finished()
    assert dialect.phase is MimiPhase.FINISHED
    assert dialect.transcript.final_text.startswith("川が流れる")


def test_finished_is_said_once():
    """A repeated last result is delivered, but ends nothing again."""
    dialect = heard(messages=[final()])
    (output,) = dialect.decode(final())
    assert type(output.message) is AsrResult


def test_every_engine_must_finish():
    """With several engines, the last of their last results is the end."""
    dialect = heard(process="asr,lid")
    assert len(tuple(dialect.decode(final()))) == 1
    assert len(tuple(dialect.decode(final()))) == 1  # the same engine again
    assert dialect.phase is MimiPhase.DRAINING
    deliver, end = dialect.decode(final("lid#x"))
    assert type(deliver.message) is UnknownResult
    assert end == Finished()


@pytest.mark.parametrize(
    "data",
    [
        "",
        b"",
        "{",
        "not JSON",
        "[]",
        "3",
        "null",
        '"text"',
        b"\xff\xfe{}",
        '{"a":' + "9" * 5000 + "}",
        '{"a":' * 100_000,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_no_json_object(data):
    """What cannot be read is a ProtocolError with all of it; the session goes on."""
    dialect = heard()
    with pytest.raises(ProtocolError) as caught:
        dialect.decode(data)
    assert caught.value.raw == data
    assert caught.value.code is None
    assert len(tuple(dialect.decode(final()))) == 2


def test_converter():
    """A converter makes the message of the JSON object; the text is kept too."""
    dialect = made(converter=lambda obj: obj["status"])
    dialect.encode(b"ab")
    *_, before, last = golden("asr")
    assert tuple(dialect.decode(before)) == (Deliver("recog-in-progress"),)
    assert tuple(dialect.decode(last)) == (Deliver("recog-finished"), Finished())
    assert dialect.transcript.text == "川が流れる"


def test_a_converter_that_fails():
    """A failing converter costs its message only; the end is noticed all the same."""
    dialect = made(converter=lambda obj: obj["missing"])
    dialect.encode(b"ab")
    dialect.finish()
    last = golden("asr")[-1]
    with pytest.raises(ProtocolError, match="KeyError") as caught:
        dialect.decode(last)
    assert caught.value.raw == last
    assert type(caught.value.__cause__) is KeyError
    assert dialect.phase is MimiPhase.FINISHED
    assert dialect.transcript.final_text == "川が流れる"
    assert dialect.verdict(1000, "", by_us=False, was_clean=True) is None


# The end


@pytest.mark.parametrize("code", [1000, 1005, 1006])
@pytest.mark.parametrize("by_us", [False, True])
def test_after_the_last_result_all_is_well(code, by_us):
    """recog-finished is success, even if the closing handshake fails."""
    dialect = heard(messages=[final()])
    assert dialect.verdict(code, "", by_us=by_us, was_clean=code != 1006) is None


def test_closed_by_the_application():
    """Who closes the session with 1000 has asked for it."""
    dialect = heard(break_sent=False)
    assert dialect.verdict(1000, "", by_us=True, was_clean=True) is None


def test_nothing_sent_nothing_lost():
    """A session without audio that the service closes with 1000 is no error."""
    assert made().verdict(1000, "", by_us=False, was_clean=True) is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1000, "the service ended the session; the final result had not come"),
        (1001, "going away"),
        (1005, "without a close code"),
        (1006, "connection was lost"),
        (1011, "internal error"),
        (1003, "closed with close code 1003"),
        (4003, "idle or time limit"),
        (4999, r"an error of its own \(close code 4999\)"),
    ],
)
@pytest.mark.parametrize("break_sent", [False, True])
def test_an_end_without_the_last_result(code, words, break_sent):
    """Any end before recog-finished is an error with the text so far."""
    dialect = heard(break_sent=break_sent, messages=golden("asr")[:-1])
    error = dialect.verdict(code, "", by_us=False, was_clean=code != 1006)
    assert isinstance(error, SessionClosed)
    with pytest.raises(SessionClosed, match=words):
        raise error
    assert (error.code, error.was_clean) == (code, code != 1006)
    assert error.text == "川が"


@pytest.mark.parametrize("code", [1001, 1011, 4003])
def test_a_bad_code_after_the_last_result(code):
    """A code but 1000 is an error even then; the text is whole."""
    dialect = heard(messages=golden("asr"))
    error = dialect.verdict(code, "", by_us=False, was_clean=True)
    assert str(error).endswith("all final results had come")
    assert error.text == "川が流れる"


def test_some_engines_did_not_finish():
    """With several engines the error says how many had finished."""
    dialect = heard(process="asr,lid,srs", messages=[final()])
    error = dialect.verdict(1000, "", by_us=False, was_clean=True)
    assert "1 of 3 final results" in str(error)


@pytest.mark.parametrize(
    ("code", "by_us"), [(1006, False), (4001, False), (1006, True)]
)
def test_a_session_without_audio_that_ends_badly(code, by_us):
    """Without audio, too, an end other than 1000 is an error."""
    error = made().verdict(code, "", by_us=by_us, was_clean=False)
    assert "no audio had been sent" in str(error)
    assert ("the application ended" in str(error)) is by_us
    assert error.text == ""


def test_the_reason_is_told_without_secrets():
    """The peer's words are in the error, but never the token."""
    dialect = heard()
    error = dialect.verdict(4001, f"bad {TOKEN}", by_us=False, was_clean=True)
    assert error.reason == "bad ***"
    assert "(close code 4001): 'bad ***';" in str(error)


# Anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "status", "response", "result", "time"]), inner
        )
    ),
    max_leaves=10,
)


@given(JSON.map(json.dumps) | st.text() | st.binary())
def test_no_message_does_harm(data):
    """Whatever arrives is delivered or a ProtocolError, and never lost."""
    dialect = heard()
    try:
        outputs = tuple(dialect.decode(data))
    except ProtocolError as error:
        assert error.raw == data
        return
    # Compared as text, since NaN is not equal to itself.
    assert json.dumps(outputs[0].message.raw) == json.dumps(json.loads(data))


@given(st.lists(st.sampled_from([b"ab", b"", "{}", BREAK.data, None, final()])))
def test_there_is_never_more_than_one_break(commands):
    """In any order of audio, JSON, breaks, finish() and results: at most one break."""
    dialect = made()
    sent = []
    for command in commands:
        try:
            if command is None:
                sent += dialect.finish()
            elif command == final():
                sent += dialect.decode(command)
            else:
                sent += dialect.encode(command)
        except InvalidState:
            assert dialect.phase is MimiPhase.DRAINING
    replies = [output for output in sent if isinstance(output, Reply)]
    assert replies.count(BREAK) <= 1
    if BREAK in replies:
        before = replies[: replies.index(BREAK)]
        assert any(isinstance(reply.data, bytes) for reply in before)


class Halver:
    """An encoder that holds back what does not fill four samples."""

    def __init__(self):
        self.kept = []

    def encode(self, block):
        self.kept += block.tolist()
        whole = len(self.kept) // 4 * 4
        out, self.kept = self.kept[:whole], self.kept[whole:]
        return bytes(out)

    def flush(self):
        out, self.kept = self.kept, []
        return bytes(out)


def test_audio_is_encoded_on_its_way_out():
    """In wire order; what the encoder holds back goes before the break."""
    dialect = made(audio=AudioFormat("flac"), encoder=Halver())
    assert dict(dialect.request().headers)["Content-Type"].startswith("audio/x-flac")
    assert list(dialect.encode(bytes([1, 0, 2, 0, 3, 0]))) == []
    assert list(dialect.encode('{"x":1}')) == [Reply('{"x":1}')]
    assert list(dialect.encode(bytes([4, 0, 5, 0]))) == [Reply(bytes([1, 2, 3, 4]))]
    assert list(dialect.finish()) == [Reply(bytes([5])), BREAK]
    assert list(dialect.finish()) == []


def test_an_encoder_with_nothing_left_adds_nothing():
    """No empty frame before the break: a client is known to choke on one."""
    dialect = made(audio=AudioFormat("flac"), encoder=Halver())
    assert list(dialect.encode(bytes(8))) == [Reply(bytes(4))]
    assert list(dialect.finish()) == [BREAK]


def test_audio_that_is_all_held_back_is_audio():
    """The break is due, and so is the rest."""
    dialect = made(audio=AudioFormat("flac"), encoder=Halver())
    assert list(dialect.encode(bytes(2))) == []
    assert list(dialect.finish()) == [Reply(bytes(1)), BREAK]
