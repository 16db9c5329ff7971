"""The door to mimi: what it takes, what it refuses, and what the service gets of it.

The peers are raw: what they read is what went over the wire.
"""

import json
import pathlib
import subprocess
import threading
import wave

import numpy as np
import pytest

import voxsync
from tests.peers import Peer, close_frame, frame
from voxsync.errors import (
    FormatError,
    HandshakeError,
    InvalidState,
    SendQueueFull,
    SessionClosed,
)
from voxsync.media import BufferSink, ToneSource
from voxsync.mimi import (
    AsrResult,
    AudioFormat,
    MimiSession,
    NictOptions,
    UnknownResult,
)
from voxsync.session import SessionOptions

DATA = pathlib.Path(voxsync.__file__).parent / "simulators" / "data"
BREAK = (1, b'{"command":"recog-break"}')
FINAL = json.dumps(
    {
        "type": "asr#mimilvcsr",
        "session_id": "s",
        "status": "recog-finished",
        "response": [{"result": "はい", "time": [0, 100]}],
    }
).encode()


class Service:
    """Keeps what it reads, answers a break with the last result and Close 1000."""

    def __init__(self, *results):
        self.results = results
        self.got = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.peer = Peer(self.serve)

    def serve(self, conn):
        for result in self.results:
            conn.send(frame(1, result))
        while True:
            opcode, data = conn.read_frame()
            if opcode == 8:
                conn.send(close_frame(1000))
                return
            self.got.append((opcode, data))
            if (opcode, data) == BREAK:
                self.may_answer.wait(10)
                conn.send(frame(1, FINAL) + close_frame(1000))

    @property
    def audio(self):
        return [data for opcode, data in self.got if opcode == 2]

    def headers(self):
        lines = self.peer.requests[0].decode("latin-1").split("\r\n")[1:]
        return {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.peer.close()


@pytest.fixture
def service():
    """One that says nothing until it is asked to."""
    with Service() as made:
        yield made


def session(service, token="t0ken", **kwargs):
    return MimiSession(token, url=service.peer.url, **kwargs)


# Settings


def test_default_headers(service):
    """Engine, language, format and token, in the service's words."""
    with session(service):
        pass
    headers = service.headers()
    assert headers["authorization"] == "Bearer t0ken"
    assert headers["x-mimi-process"] == "asr"
    assert headers["x-mimi-input-language"] == "ja"
    assert headers["content-type"] == "audio/x-pcm;bit=16;rate=16000;channels=1"
    assert "x-mimi-nict-asr-options" not in headers


def test_all_settings(service):
    """Each reaches its header; extra ones are sent too and win."""
    given = session(
        service,
        process="nict-asr",
        language="en",
        audio=AudioFormat(sample_rate=48000),
        nict=NictOptions(),
        headers={"x-mimi-lid-options": "lang=ja|en"},
        options=SessionOptions(headers=[("X-Mine", "1")]),
    )
    assert given.audio == AudioFormat(sample_rate=48000)
    with given:
        pass
    headers = service.headers()
    assert headers["x-mimi-process"] == "nict-asr"
    assert headers["x-mimi-input-language"] == "en"
    assert headers["content-type"] == "audio/x-pcm;bit=16;rate=48000;channels=1"
    assert headers["x-mimi-nict-asr-options"] == NictOptions().header_value
    assert headers["x-mimi-lid-options"] == "lang=ja|en"
    assert headers["x-mine"] == "1"


def test_no_token(service):
    """None: no Authorization header."""
    with session(service, token=None):
        pass
    assert "authorization" not in service.headers()


def test_the_token_may_be_asked_for(service):
    """At connect(), once, and not before."""
    asked = []

    def token():
        asked.append(True)
        return "fresh"

    made = session(service, token=token)
    assert asked == []
    with made:
        assert asked == [True]
    assert service.headers()["authorization"] == "Bearer fresh"


def test_a_token_callable_that_fails():
    """Its exception comes out of connect(); nothing was opened."""

    def token():
        raise LookupError("no token today")

    made = MimiSession(token, url="ws://127.0.0.1:9/")
    with pytest.raises(LookupError, match="today"):
        made.connect()
    made = MimiSession(lambda: b"bytes", url="ws://127.0.0.1:9/")
    with pytest.raises(TypeError, match="must return a str, not bytes"):
        made.connect()


@pytest.mark.parametrize(
    ("kwargs", "error"),
    [
        ({"token": 5}, TypeError),
        ({"token": b"bytes"}, TypeError),
        ({"process": ""}, ValueError),
        ({"process": "asr,,x"}, ValueError),
        ({"language": "j a"}, ValueError),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, ValueError),
        ({"headers": {"X A": "1"}}, ValueError),
        ({"headers": [("X-A", "1", "2")]}, ValueError),
        ({"url": "http://host/"}, ValueError),
        ({"options": 5}, TypeError),
    ],
    ids=str,
)
def test_settings_that_make_no_sense(kwargs, error):
    """Are refused when the session is made, not when it is opened."""
    with pytest.raises(error):
        MimiSession(kwargs.pop("token", None), **kwargs)


def test_repr_shows_no_token():
    """Nor a secret of the URL."""
    made = MimiSession("planted", url="wss://host.example/?key=planted")
    assert "planted" not in repr(made)
    assert "host.example" in repr(made)


def test_refusals_carry_status_and_body():
    """401 is an error of the credentials."""

    def script(conn):
        conn.read_head()
        conn.send(b"HTTP/1.1 401 No\r\nContent-Length: 8\r\n\r\nbad news")

    with Peer(script, upgrade=False) as peer:
        made = MimiSession("wrong", url=peer.url)
        with pytest.raises(HandshakeError) as info:
            made.connect()
        made.wait_closed(5)
    assert (info.value.status, info.value.body) == (401, b"bad news")
    assert info.value.is_auth


def test_no_pings_unless_asked_for():
    """The service may not answer them; an option of the user's counts."""
    with Service() as quiet, session(quiet) as made:
        assert made._connection.engine.deadline() is None
    options = SessionOptions(ping_interval=30.0)
    with Service() as other, session(other, options=options) as made:
        assert made._connection.engine.deadline() is not None


# Audio


@pytest.mark.parametrize(
    "data",
    [
        b"\1\0\2\0",
        bytearray(b"\1\0\2\0"),
        memoryview(b"\1\0\2\0"),
        np.array([1, 2], np.int16),
        np.array([1, 2], ">i2"),
        np.array([1, 9, 2, 9], np.int16)[::2],
    ],
    ids=["bytes", "bytearray", "memoryview", "int16", "big-endian", "every second"],
)
def test_what_audio_may_be(service, data):
    """The same bytes reach the service."""
    with session(service) as made:
        made.send_binary(data)
    assert service.got == [(2, b"\1\0\2\0")]


def test_audio_is_copied(service):
    """A buffer may be used again at once."""
    block = np.array([1, 2], np.int16)
    with session(service) as made:
        made.send_binary(block)
        block[:] = 7
        made.send_binary(block)
    assert service.audio == [b"\1\0\2\0", b"\7\0\7\0"]


def test_empty_audio_is_nothing(service):
    """No frame, and no audio in the sense of the break."""
    with session(service, options=SessionOptions(linger_timeout=0.01)) as made:
        made.send_binary(b"")
        made.send_binary(np.array([], np.int16))
        made.stop_recognition()
        assert list(made.receive(timeout=5)) == []
    assert service.got == []


def test_audio_is_split_at_32_kib(service):
    """I2: into whole frames in order, the last one shorter."""
    data = np.arange(50_000, dtype=np.int16).tobytes()
    with session(service) as made:
        made.send_binary(data)
        made.send_binary(bytes(32 * 1024))
    assert [len(piece) for piece in service.audio] == [32768] * 3 + [1696, 32768]
    assert b"".join(service.audio[:4]) == data


def test_splitting_respects_the_frames_of_many_channels(service):
    """Never through a frame of 3 channels, 6 bytes."""
    with session(service, audio=AudioFormat(channels=3)) as made:
        made.send_binary(bytes(6 * 10_000))
    assert [len(piece) for piece in service.audio] == [32766, 60_000 - 32766]


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"odd", FormatError, "keep the rest for the next block"),
        (b"RIFF\0\0\0\0WAVEfmt ", FormatError, "WAV file"),
        (np.zeros(4, np.float32), FormatError, "int16, not float32"),
        (np.zeros(4, np.uint16), FormatError, "int16, not uint16"),
        (np.zeros((4, 2), np.int16), FormatError, "must be mono"),
        ("text", TypeError, "not str"),
        ([1, 2], TypeError, "not list"),
    ],
)
def test_audio_that_is_refused(service, data, error, words):
    """With what to do about it; the session goes on and sends nothing of it."""
    with session(service) as made:
        with pytest.raises(error, match=words):
            made.send_binary(data)
        made.send_binary(b"\1\0")
    assert service.got == [(2, b"\1\0")]


def test_the_words_of_a_wav_header_may_be_audio_later(service):
    """Only the first block of a stream can be a file's beginning."""
    with session(service) as made:
        made.send_binary(b"\1\0")
        made.send_binary(b"RIFF\0\0\0\0WAVE")
    assert len(service.audio) == 2


def test_flac_passes_through(service):
    """Any number of bytes, split at 32 KiB, with its own type; no arrays."""
    data = b"fLaC" + bytes(range(256)) * 300 + b"!"
    with session(service, audio=AudioFormat("flac")) as made:
        made.send_binary(data)
        with pytest.raises(TypeError, match="flac must be given as bytes"):
            made.send_binary(np.zeros(2, np.int16))
    assert b"".join(service.audio) == data
    assert service.headers()["content-type"].startswith("audio/x-flac;")


def test_the_kotlin_name(service):
    """`send_binary_blocking` is `send_binary`."""
    with session(service) as made:
        made.send_binary_blocking(b"\1\0")
    assert service.audio == [b"\1\0"]


def stuck(conn):
    conn.until_stopped()


@pytest.mark.parametrize("how", [{"block": False}, {"timeout": 0.01}])
def test_a_block_is_accepted_whole_or_not_at_all(how):
    """I2: without room for all of its pieces none is taken."""
    with Peer(stuck, receive_buffer=4096) as peer:
        options = SessionOptions(send_queue=4, send_buffer=4096)
        made = MimiSession(None, url=peer.url, options=options).connect()
        with pytest.raises(SendQueueFull):
            while True:
                made.send_binary(bytes(32 * 1024), timeout=0.05)
        made._outbox.take()  # room for one
        with pytest.raises(SendQueueFull):
            made.send_binary(bytes(64 * 1024), **how)
        assert made.stats.send_queue == 3
        made.send_binary(b"\1\0", **how)
        with pytest.raises(SendQueueFull, match="never fit"):
            made.send_binary(bytes(5 * 32 * 1024), **how)
        made.cancel()
        with pytest.raises(SessionClosed):
            made.wait_closed(5)
            made.send_binary(b"\1\0")


def test_too_early():
    """Audio before connect() is misuse."""
    made = MimiSession(None, url="ws://127.0.0.1:9/")
    for call in (
        lambda: made.send_binary(b"\1\0"),
        lambda: made.send_json({}),
        made.stop_recognition,
    ):
        with pytest.raises(InvalidState, match="not open yet"):
            call()


# Commands and the end


def test_json_is_compact_text(service):
    """As one message; what is no JSON is refused at once."""
    with session(service) as made:
        made.send_json({"command": "later", "words": ["ü", None]})
        with pytest.raises(ValueError, match="JSON compliant"):
            made.send_json(float("inf"))
        with pytest.raises(TypeError):
            made.send_json(object())
    assert service.got == [(1, '{"command":"later","words":["ü",null]}'.encode())]


def test_stop_recognition_exactly_once(service):
    """I2: one break behind all audio, however often it is asked for."""
    service.may_answer.clear()  # the session is not over while misuse is tried
    with session(service) as made:
        for _ in range(3):
            made.send_binary(b"\1\0")
        made.stop_recognition()
        assert not made.is_active
        made.stop_recognition()
        made.finish()
        with pytest.raises(InvalidState, match="finished"):
            made.send_binary(b"\1\0")
        with pytest.raises(InvalidState):
            made.send_json({})
        service.may_answer.set()
        (result,) = made.receive(timeout=5)
    assert service.got == [(2, b"\1\0")] * 3 + [BREAK]
    assert isinstance(result, AsrResult)
    assert result.is_final
    assert made.close_code == 1000


def test_stop_without_audio_closes(service):
    """The service takes no break then; there is nothing to recognise."""
    with session(service, options=SessionOptions(linger_timeout=0.01)) as made:
        made.stop_recognition()
        assert list(made.receive(timeout=5)) == []
        assert made.wait_closed(5).error is None
    assert service.got == []


def test_a_close_without_the_last_result_is_an_error():
    """It carries the code, the reason and the text so far."""
    partial = FINAL.replace(b"recog-finished", b"recog-in-progress")

    def script(conn):
        conn.read_frame()
        conn.send(frame(1, partial) + close_frame(4003, "idle"))
        conn.read_frame()

    with Peer(script) as peer:
        made = MimiSession(None, url=peer.url).connect()
        made.send_binary(b"\1\0")
        messages = made.receive(timeout=5)
        assert next(messages).is_final is False
        with pytest.raises(SessionClosed) as info:
            next(messages)
    assert (info.value.code, info.value.reason) == (4003, "idle")
    assert info.value.text == "はい"


def test_unknown_results_are_delivered():
    """An engine of tomorrow does not end a session."""
    with Service(b'{"type":"asr#tomorrow","x":1}') as service, session(service) as made:
        result = next(made.receive(timeout=5))
    assert isinstance(result, UnknownResult)
    assert result.raw["x"] == 1


def test_a_converter_makes_the_messages():
    """Listeners and receive() get what it returns."""
    seen, results = [], (b'{"type":"a","n":1}', b'{"type":"a","n":2}')
    with Service(*results) as service:
        made = session(service, converter=lambda obj: obj["n"] * 10)
        made.on_message = lambda event: seen.append(event.data)
        with made:
            messages = made.receive(timeout=5)
            assert [next(messages), next(messages)] == [10, 20]
    assert seen == [10, 20]


def test_a_converter_that_fails():
    """An `error` event; the next result arrives."""
    errors = []
    with Service(b'{"type":"a"}', b'{"type":"a","n":2}') as service:
        made = session(service, converter=lambda obj: obj["n"])
        made.on_error = lambda event: errors.append(event.error)
        with made:
            assert next(made.receive(timeout=5)) == 2
    assert [type(error.__cause__) for error in errors] == [KeyError]


def test_a_break_sent_as_json_is_the_one_break(service):
    """However the command is given, it ends the input, once."""
    service.may_answer.clear()
    with session(service) as made:
        made.send_binary(b"\1\0")
        made.send_json({"command": "recog-break"})
        assert not made.is_active
        with pytest.raises(InvalidState):
            made.send_binary(b"\1\0")
        service.may_answer.set()
        made.wait_closed(5)
    assert service.got == [(2, b"\1\0"), BREAK]


def test_json_that_utf_8_cannot_carry(service):
    """Refused to the caller; the session goes on."""
    with session(service) as made:
        with pytest.raises(ValueError, match="surrogate"):
            made.send_json({"text": "\ud800"})
        assert made.is_active


# Audio that is encoded, audio that flows


def decoded(stream):
    """What the reference decoder makes of a FLAC stream: int16."""
    done = subprocess.run(
        [
            *("flac", "-d", "-s", "-c", "--force-raw-format"),
            *("--endian=little", "--sign=signed", "-"),
        ],
        input=stream,
        capture_output=True,
        check=True,
    )
    return np.frombuffer(done.stdout, "<i2")


def speech():
    with wave.open(str(DATA / "sense_and_sensibility.wav"), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_flac_on_the_way_loses_nothing(service):
    """Bit-exact by the reference decoder, at most 0.62 of the bytes for speech."""
    samples = speech()[: 16000 * 10 + 77]
    with session(service, encode="flac") as live:
        assert live.audio == AudioFormat()
        for start in range(0, len(samples), 1234):
            live.send_binary(samples[start : start + 1234])
        live.stop_recognition()
        assert len(list(live.receive(timeout=5))) == 1
    content_type = service.headers()["content-type"]
    assert content_type == "audio/x-flac;bit=16;rate=16000;channels=1"
    stream = b"".join(service.audio)
    np.testing.assert_array_equal(decoded(stream), samples)
    assert len(stream) <= 0.62 * samples.nbytes
    assert service.got[-1] == BREAK


def test_flac_at_the_rate_of_a_sound_card(service):
    """Audio that flows from a unit is resampled, then encoded."""
    tone = ToneSource(440, 0.5, sample_rate=44100)
    with session(service, audio=AudioFormat(sample_rate=48000), encode="flac") as live:
        tone.send_media_to(live, paced=False).wait(10)
        live.stop_recognition()
        list(live.receive(timeout=5))
    assert len(decoded(b"".join(service.audio))) == 24000


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"encode": "opus"}, "flac"),
        ({"audio": AudioFormat("ulaw", 8000)}, "decode it first"),
        ({"encode": "flac", "audio": AudioFormat("flac")}, "16-bit mono PCM"),
        ({"encode": "flac", "audio": AudioFormat(channels=2)}, "16-bit mono PCM"),
    ],
)
def test_encodings_that_make_no_sense(kwargs, words):
    """Are refused when the session is made."""
    with pytest.raises(ValueError, match=words):
        MimiSession(None, **kwargs)


def test_a_file_flows_into_a_session(service):
    """Every sample; then the break may be said."""
    with session(service) as live:
        ToneSource(300, 1.0).send_media_to(live, paced=False).wait(10)
        live.stop_recognition()
        list(live.receive(timeout=5))
    expected = ToneSource(300, 1.0).read(16000)
    assert b"".join(service.audio) == expected.tobytes()
    assert {len(data) for data in service.audio} == {640}
    assert service.got[-1] == BREAK


def test_audio_that_cannot_flow(service):
    """FLAC of the caller's own, several channels, tags, and results as audio."""
    for audio in (AudioFormat("flac"), AudioFormat(channels=2)):
        with (
            session(service, audio=audio) as live,
            pytest.raises(FormatError, match="16-bit mono PCM"),
        ):
            ToneSource(300).send_media_to(live)
    with session(service) as live:
        with pytest.raises(TypeError, match="tag"):
            ToneSource(300).send_media_to(live, tag="a")
        with pytest.raises(FormatError, match="sends no audio"):
            live.send_media_to(BufferSink())
