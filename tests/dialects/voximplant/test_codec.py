"""VoxEngine's protocol on one connection, from both ends."""

import json
import pathlib
import subprocess
import sys
from base64 import b64encode

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from voxsync.audio.pcm import bytes_to_int16
from voxsync.dialects.base import (
    Audio,
    CloseStream,
    Deliver,
    OpenStream,
    Ready,
    Reply,
    Report,
    SendAudio,
    StreamEnded,
    StreamStarted,
    UpgradeRequest,
)
from voxsync.dialects.voximplant import (
    MediaStatistics,
    ReceivedStats,
    SentStats,
    VoximplantDialect,
    incoming,
)
from voxsync.errors import MissingExtra, ProtocolError, SessionClosed

DATA = pathlib.Path(__file__).parents[2] / "data"
BLOCK = bytes(range(160)) * 2  # 20 ms at 8 kHz
RATES = {"PCM8": 8000, "PCM16": 16000, "ULAW": 8000, "ALAW": 8000, "OPUS": 48000}
# A busy machine is no fault of a test's.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def golden(name):
    path = DATA / f"voximplant_{name}.jsonl"
    return path.read_text(encoding="utf-8").splitlines()


def made(**settings):
    return VoximplantDialect("ws://host/path", **settings)


def start(tag="", encoding="PCM8", rate=8000, **more):
    form = {"encoding": encoding, "sampleRate": rate}
    return json.dumps(
        {"event": "start", "start": {"tag": tag, "mediaFormat": form} | more}
    )


def media(tag="", payload=BLOCK, **more):
    text = payload if isinstance(payload, str) else b64encode(payload).decode()
    return json.dumps({"event": "media", "media": {"tag": tag, "payload": text} | more})


def strict(tag, payload, chunk=0):
    """Media as a strict sender writes it, which is read the short way."""
    text = payload if isinstance(payload, str) else b64encode(payload).decode()
    inner = {"tag": tag, "chunk": chunk, "timestamp": 0, "payload": text}
    return json.dumps({"event": "media", "sequenceNumber": 1, "media": inner})


def stop(tag=""):
    return json.dumps({"event": "stop", "stop": {"tag": tag}})


def texts(replies):
    """What goes on the wire."""
    assert all(type(reply) is Reply for reply in replies)
    return [reply.data for reply in replies]


def told(dialect, *messages):
    """The outputs of messages, and the errors among them, raised or reported."""
    outputs, errors = [], []
    for message in messages:
        try:
            found = list(dialect.decode(message))
        except ProtocolError as exc:
            errors.append(exc)
        else:
            outputs += [o for o in found if not isinstance(o, Report)]
            errors += [o.error for o in found if isinstance(o, Report)]
    return outputs, errors


def sounding(tag=""):
    """A dialect to which this stream was announced."""
    dialect = made()
    dialect.decode(start(tag))
    return dialect


def test_the_upgrade():
    """Offers what VoxEngine offers, unless told otherwise; open at once."""
    assert made().request() == UpgradeRequest(
        url="ws://host/path", subprotocols=("chat",)
    )
    given_ = made(headers=[("X-Key", "value")], subprotocols=["a", "b"])
    assert given_.request() == UpgradeRequest(
        url="ws://host/path", headers=(("X-Key", "value"),), subprotocols=("a", "b")
    )
    assert list(given_.opened()) == [Ready()]


# Out


@pytest.mark.parametrize("side", ["app", "voxengine"])
def test_what_goes_on_the_wire(side):
    """The golden messages, letter by letter."""

    def samples(count):
        numbers = ((n * 37) % 2000 - 1000 for n in range(count))
        return np.fromiter(numbers, "<i2", count).tobytes()

    commands = [
        OpenStream("voice", "PCM16", {"turn": "3", "name": 'b"\u00f6'}),
        SendAudio("voice", samples(500)),
        CloseStream("voice"),
        OpenStream("", "ULAW"),
        SendAudio("", samples(200)),
        CloseStream(""),
        OpenStream('q"\\\u00fc', "ALAW"),
        SendAudio('q"\\\u00fc', samples(160)),
        SendAudio("auto", samples(10)),
        '{"customEvent":"hello"}',
    ]
    dialect = made(side=side)
    replies = [reply for command in commands for reply in dialect.encode(command)]
    assert texts([*replies, *dialect.closing()]) == golden(side)


@pytest.mark.parametrize(
    "text", ["", "hello", '{"customEvent":1}', '{"event":"media"}', start(), stop()]
)
def test_text_is_sent_as_it_is(text):
    """Also what would be a message of the protocol: that is the application's."""
    dialect = made()
    assert texts(dialect.encode(text)) == [text]
    assert dialect.statistics() == MediaStatistics()


def test_audio_opens_its_stream():
    """As PCM at 8 kHz, VoxEngine's default; once."""
    dialect = made()
    first, second = texts(dialect.encode(SendAudio("voice", BLOCK)))
    assert json.loads(first)["start"]["mediaFormat"]["encoding"] == "PCM8"
    assert json.loads(second)["event"] == "media"
    assert len(list(dialect.encode(SendAudio("voice", BLOCK)))) == 1


def test_a_stream_that_is_open_is_ended_before_it_begins_anew():
    """What was held back of the old one goes out first; counters begin at 0."""
    dialect = made()
    dialect.encode(OpenStream("voice", "PCM8"))
    dialect.encode(SendAudio("voice", BLOCK[:100]))
    found = [json.loads(t) for t in texts(dialect.encode(OpenStream("voice", "ULAW")))]
    assert [m["event"] for m in found] == ["media", "stop", "start"]
    assert [m["sequenceNumber"] for m in found] == [1, 2, 0]
    assert found[2]["start"]["mediaFormat"]["encoding"] == "ULAW"


def test_an_opening_that_fails_ends_nothing():
    """The stream that is open goes on."""
    dialect = made()
    dialect.encode(OpenStream("voice"))
    with pytest.raises(ValueError, match="G722"):
        dialect.encode(OpenStream("voice", "G722"))
    assert len(list(dialect.encode(SendAudio("voice", BLOCK)))) == 1


def test_to_close_what_is_not_open_does_nothing():
    """Twice neither."""
    dialect = made()
    assert list(dialect.encode(CloseStream("voice"))) == []
    dialect.encode(OpenStream("voice"))
    assert len(list(dialect.encode(CloseStream("voice")))) == 1
    assert list(dialect.encode(CloseStream("voice"))) == []


@pytest.mark.parametrize("ending", ["finish", "closing"])
def test_every_stream_is_ended_in_the_end(ending):
    """In the order of their beginnings, once (conformance 1)."""
    dialect = made()
    for tag in "abc":
        dialect.encode(OpenStream(tag))
    dialect.encode(SendAudio("b", BLOCK[:10]))
    dialect.encode(CloseStream("a"))
    found = [json.loads(text) for text in texts(getattr(dialect, ending)())]
    assert [m["event"] for m in found] == ["media", "stop", "stop"]
    assert [m["stop"]["tag"] for m in found[1:]] == ["b", "c"]
    assert list(dialect.finish()) == list(dialect.closing()) == []


@pytest.mark.parametrize("command", [b"bytes", 7, None])
def test_what_cannot_be_sent(command):
    """There are no binary messages."""
    with pytest.raises(TypeError, match="cannot be sent"):
        made().encode(command)


# Both ways


CODED = {
    "PCM8": lambda block: block,
    "PCM16": lambda block: block,
    "ULAW": lambda block: ulaw_decode(ulaw_encode(block)),
    "ALAW": lambda block: alaw_decode(alaw_encode(block)),
}


@CALM
@given(
    st.sampled_from(sorted(CODED)),
    st.sampled_from(["app", "voxengine"]),
    st.text(max_size=5),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
    st.lists(st.integers(0, 700), max_size=8),
    st.integers(0, 2**32),
)
def test_what_is_sent_is_heard(encoding, side, tag, parameters, sizes, seed):
    """Bit by bit, or after one round trip of G.711, however it was cut."""
    noise = np.random.default_rng(seed).integers(-(2**15), 2**15, sum(sizes))
    block = noise.astype(np.int16)
    sender, receiver = made(side=side), made()
    commands = [OpenStream(tag, encoding, parameters)]
    at = 0
    for size in sizes:
        piece = block[at : at + size].astype("<i2").tobytes()
        commands.append(SendAudio(tag, piece))
        at += size
    commands.append(CloseStream(tag))
    wire = [text for command in commands for text in texts(sender.encode(command))]
    outputs, errors = told(receiver, *wire)
    assert errors == []
    first, *audio, last = outputs
    assert first == StreamStarted(tag, encoding, parameters)
    assert last == StreamEnded(tag)
    assert {(o.tag, o.sample_rate) for o in audio} <= {(tag, RATES[encoding])}
    heard = bytes_to_int16(b"".join(o.pcm for o in audio))
    assert np.array_equal(heard, CODED[encoding](block))
    sent, got = sender.statistics().sent[tag], receiver.statistics().received[tag]
    assert (sent.messages, sent.frames) == (got.messages, got.frames)
    assert (got.frames, got.declared_bytes) == (len(block), sent.bytes)
    assert got.declared_ms == len(block) * 1000 // RATES[encoding]


def test_opus_is_heard():
    """All of it, at 48 kHz, with what the codec makes of it."""
    sender, receiver = made(), made()
    tone = np.sin(np.arange(48000) / 20) * 8000
    commands = [
        OpenStream("", "OPUS"),
        SendAudio("", tone.astype("<i2").tobytes()),
        CloseStream(""),
    ]
    wire = [text for command in commands for text in texts(sender.encode(command))]
    (started, *audio, _), errors = told(receiver, *wire)
    assert (started.encoding, errors) == ("OPUS", [])
    heard = bytes_to_int16(b"".join(o.pcm for o in audio))
    assert len(heard) >= 48000 + 312
    # Its delay is 6.5 ms, and a little less for low tones.
    noises = [heard[lag : lag + 48000] - tone for lag in range(300, 320)]
    noise = min(np.mean(noise[9600:] ** 2) for noise in noises)
    snr = 10 * np.log10(np.mean(tone[9600:] ** 2) / noise)
    assert snr > 20


def test_streams_stay_apart():
    """Three tags at once, one of them none; each direction has its own."""
    sender, receiver = made(), made()
    tags = {"": "PCM8", "a": "PCM16", "b": "ULAW"}
    wire = []
    for tag, encoding in tags.items():
        wire += texts(sender.encode(OpenStream(tag, encoding)))
    for n in range(20):
        for number, tag in enumerate(tags):
            pcm = bytes([number, n % 3]) * (RATES[tags[tag]] // 50)
            wire += texts(sender.encode(SendAudio(tag, pcm)))
    outputs, errors = told(receiver, *wire)
    assert errors == []
    assert [o.encoding for o in outputs[:3]] == [*tags.values()]
    for number, tag in enumerate(["", "a"]):
        audio = b"".join(
            o.pcm for o in outputs if isinstance(o, Audio) and o.tag == tag
        )
        frames = RATES[tags[tag]] // 50
        assert audio == b"".join(bytes([number, n % 3]) * frames for n in range(20))
    assert receiver.statistics().sent == {}
    assert sender.statistics().received == {}


# In


def test_messages_that_others_write():
    """Strings for numbers, orders and keys of their own, nothing where we write all."""
    outputs, errors = told(made(), *golden("tolerated"))
    (error,) = errors
    assert "'PCM16' is declared with a sampleRate of 8000" in str(error)
    parameters = {"room": "blue", "n": "7"}
    numbers = [[0, 1, -1], [2, -3], [3], [4, 5], [6]]
    pieces = [np.array(n, "<i2").tobytes() for n in numbers]
    silence = np.array([0, -32124], "<i2").tobytes()
    assert outputs == [
        StreamStarted("mic", "PCM8", parameters),
        *(Audio("mic", piece, 8000) for piece in pieces),
        StreamStarted("", "ULAW", {}),
        Audio("", silence, 8000),
        StreamEnded(""),
        StreamEnded("mic"),
        *(Deliver(text) for text in golden("tolerated")[-3:]),
    ]


@pytest.mark.parametrize(
    "text",
    ["hello", "", "{", "[1]", '{"event":"ping","id":1}', '{"customEvent":"start"}'],
)
def test_the_applications_messages_are_delivered(text):
    """As they came (conformance 10)."""
    assert list(made().decode(text)) == [Deliver(text)]


def test_no_tag_is_the_empty_tag():
    """Absent, null and "" (conformance 5)."""
    for tag in ({}, {"tag": None}, {"tag": ""}):
        dialect = sounding()
        text = json.dumps({"event": "media", "media": {"payload": "AAA="} | tag})
        assert list(dialect.decode(text)) == [Audio("", b"\0\0", 8000)]
        (_, started) = told(dialect, json.dumps({"event": "stop", "stop": tag}))
        assert started == []
        assert dialect._incoming == {}


def test_a_second_start_begins_anew():
    """Whoever hears of it knows that the first stream has ended (notes, 2.8)."""
    dialect = sounding("voice")
    dialect.decode(media("voice", chunk=500))
    (started,) = dialect.decode(start("voice", "PCM16", 16000))
    assert started == StreamStarted("voice", "PCM16", {})
    assert list(dialect.decode(media("voice", chunk=0))) == [
        Audio("voice", BLOCK, 16000)
    ]


def test_a_stop_without_a_stream():
    """It is consumed, and nothing else."""
    assert list(made().decode(stop("voice"))) == []


@pytest.mark.parametrize("tag", ["", "voice"])
def test_media_without_start(tag):
    """Dropped, counted, told once per tag; again behind a stop (conformance 11)."""
    dialect = made()
    text = media(tag, payload="not even base64")
    outputs, errors = told(dialect, text, strict(tag, BLOCK), text)
    assert outputs == []
    (error,) = errors
    assert "came without a start" in str(error)
    assert error.raw == text
    assert dialect.statistics() == MediaStatistics(rejected=3)
    outputs, errors = told(dialect, start(tag), stop(tag), text, text)
    assert len(errors) == 1
    assert dialect.statistics().rejected == 5


def test_not_every_tag_is_remembered():
    """Sixty-four are told; the others are counted."""
    dialect = made()
    _, errors = told(dialect, *(media(f"tag {n}") for n in range(200)))
    assert len(errors) == 64
    assert dialect.statistics().rejected == 200
    assert len(dialect._unknown) == 64


def test_an_encoding_that_nobody_knows():
    """The stream is not opened; its media is dropped and that told once."""
    dialect = made()
    text = start("voice", "G722", 16000)
    outputs, errors = told(dialect, text, media("voice"), media("voice"), stop("voice"))
    assert outputs == []
    assert ["not known" in str(e) for e in errors] == [True, False]
    assert errors[0].raw == text
    assert dialect.statistics() == MediaStatistics(rejected=3)


def test_a_start_that_cannot_be_followed_ends_the_stream():
    """What comes now is not what was declared before."""
    dialect = sounding("voice")
    outputs, errors = told(dialect, start("voice", "G722", 16000), media("voice"))
    assert outputs == [StreamEnded("voice")]
    assert len(errors) == 2
    assert dialect.statistics().received["voice"].messages == 0


@pytest.mark.parametrize("announced", [False, True])
def test_opus_without_its_extra(monkeypatch, announced):
    """It is told which; nothing else is lost."""

    def missing(*_):
        raise MissingExtra("pip install 'voxsync[opus]'")

    dialect = made()
    if announced:
        dialect.decode(start("voice"))
    monkeypatch.setattr("voxsync.audio.convert.Decoder", missing)
    outputs, errors = told(dialect, start("voice", "OPUS", 48000))
    assert outputs == [StreamEnded("voice")] * announced
    assert [type(error) for error in errors] == [MissingExtra]
    assert dialect.statistics().rejected == 1
    monkeypatch.setattr("voxsync.audio.convert.Encoder", missing)
    with pytest.raises(MissingExtra, match="opus"):
        dialect.encode(OpenStream("voice", "OPUS"))


def test_not_too_many_streams():
    """The sixty-fifth is refused until one has ended; a second start is no other."""
    dialect = made()
    _, errors = told(dialect, *(start(f"tag {n}") for n in range(65)))
    (error,) = errors
    assert "64 streams are open: stream 'tag 64' is refused" in str(error)
    outputs, errors = told(dialect, start("tag 3"), stop("tag 5"), start("tag 64"))
    assert errors == []
    assert [type(o) for o in outputs] == [StreamStarted, StreamEnded, StreamStarted]


@pytest.mark.parametrize("parameters", ["turn=3", '"three"', [], 7, "[" * 100_000])
def test_custom_parameters_that_are_none(parameters):
    """They are told and left out: no reason to hear nothing."""
    dialect = made()
    outputs, (error,) = told(dialect, start("voice", customParameters=parameters))
    assert outputs == [StreamStarted("voice", "PCM8", {})]
    assert "customParameters" in str(error)
    assert dialect.statistics().rejected == 0


@pytest.mark.parametrize(
    "text",
    [
        '{"event":"media"}',
        '{"event":"start","start":{}}',
        '{"event":"stop","stop":7}',
        media(chunk=1.5),
        '{"event":' * 100_000,
    ],
)
def test_malformed_messages_are_counted(text):
    """And told, with what they were."""
    dialect = sounding()
    with pytest.raises(ProtocolError) as caught:
        dialect.decode(text)
    assert caught.value.raw == text
    assert dialect.statistics().rejected == 1


def test_binary_messages():
    """There are none: told once, counted always."""
    dialect = sounding()
    outputs, errors = told(dialect, b"", BLOCK, BLOCK)
    assert outputs == []
    assert ["binary" in str(error) for error in errors] == [True]
    assert dialect.statistics().rejected == 3


@pytest.mark.parametrize("payload", ["AAA-_", b64encode(b"\0\0\0").decode()])
def test_payloads_that_cannot_be_decoded(payload):
    """Told for the first of a stream and then for every fiftieth (conformance 16)."""
    dialect = sounding("voice")
    text = media("voice", payload=payload)
    quick = strict("voice", payload)
    for message in (text, quick):
        outputs, errors = told(dialect, *[message] * 51)
        assert outputs == []
        assert [str(e).split(" of ")[0] for e in errors] in (
            ["payload 1", "payload 51"],
            ["payload 101"],
        )
    assert errors[0].raw == quick
    assert dialect.statistics().rejected == 102
    dialect.decode(stop("voice"))
    dialect.decode(start("voice"))
    assert len(told(dialect, text)[1]) == 1


def test_the_tap_sees_all_text():
    """Both ways, in order; binary messages are no text."""
    seen = []
    dialect = made(tap=lambda direction, text: seen.append((direction, text)))
    sent = texts([*dialect.encode("hello"), *dialect.encode(SendAudio("", BLOCK))])
    sent += texts(dialect.closing())
    incoming_ = [start(), media(), "hello", stop(), "{"]
    told(dialect, b"binary", *incoming_)
    assert seen == [("out", text) for text in sent] + [("in", t) for t in incoming_]


# Numbers


def test_statistics():
    """Of both directions, by tag: of the last stream, and summed over all."""
    dialect = made()
    assert dialect.statistics() == MediaStatistics(received={}, sent={}, rejected=0)
    for encoding in ("PCM8", "ULAW"):
        dialect.encode(OpenStream("voice", encoding))
        dialect.encode(SendAudio("voice", BLOCK))
    chunks = [media("mic", chunk=n, timestamp=n * 160) for n in (1, 2, 2, 4)]
    told(dialect, start("mic"), *chunks, stop("mic"), start("mic", "PCM16", 16000))
    told(dialect, media("mic"))
    before = dialect.statistics()
    assert before.sent == {"voice": SentStats("ULAW", 8000, 2, 320, 480)}
    assert before.received == {
        "mic": ReceivedStats("PCM16", 16000, 5, 640, lost=1, concealed=160, late=1)
    }
    told(dialect, media("mic"))
    assert before.received["mic"].messages == 5, "a snapshot"


def test_not_every_tag_is_counted_for_ever():
    """The oldest that are over are forgotten; those that are open never."""
    dialect = made()
    told(dialect, start("stays"))
    dialect.encode(OpenStream("stays"))
    for n in range(200):
        told(dialect, start(f"tag {n}"), media(f"tag {n}"), stop(f"tag {n}"))
        dialect.encode(OpenStream(f"tag {n}"))
        dialect.encode(CloseStream(f"tag {n}"))
    found = dialect.statistics()
    for kept in (found.received, found.sent):
        assert list(kept) == ["stays", *(f"tag {n}" for n in range(73, 200))]


def test_open_streams_are_always_counted():
    """How many an application has open is its own business."""
    dialect = made()
    for n in range(150):
        dialect.encode(OpenStream(f"tag {n}"))
    assert len(dialect.statistics().sent) == 150


# The end


@pytest.mark.parametrize(
    ("code", "by_us", "was_clean"),
    [
        (1000, False, True),
        (1001, False, True),
        (1005, False, True),
        (1006, True, False),
        (4401, True, True),
    ],
)
def test_good_ends(code, by_us, was_clean):
    """Our own doing, and a proper close, are no errors."""
    assert made().verdict(code, "", by_us=by_us, was_clean=was_clean) is None


@pytest.mark.parametrize(
    ("code", "reason", "was_clean", "words"),
    [
        (1006, "", False, "the session ended with code 1006"),
        (1000, "", False, "the session ended with code 1000"),
        (4401, "bad secret", True, "the session ended with code 4401: bad secret"),
    ],
)
def test_bad_ends(code, reason, was_clean, words):
    """Any other end is an error that carries code, reason and cleanliness."""
    error = made().verdict(code, reason, by_us=False, was_clean=was_clean)
    assert isinstance(error, SessionClosed)
    assert str(error) == words
    assert (error.code, error.reason, error.was_clean) == (code, reason, was_clean)


def test_no_secret_is_repeated():
    """The far end may, in its reason."""
    dialect = VoximplantDialect("wss://host/?key=planted-token-1")
    error = dialect.verdict(4401, "planted-token-1?", by_us=False, was_clean=True)
    assert "planted-token-1" not in str(error) + error.reason
    assert "planted-token-1" not in repr(dialect.request())


# Whatever comes


TAGS = st.sampled_from(["", "a", "b", None, 7])
SCALARS = st.sampled_from(
    [None, True, 0, 1, 7, -1, 2**64, 0.5, "", "1", "9" * 25, "x", [], {}]
)
PAYLOADS = st.one_of(
    SCALARS,
    st.binary(max_size=9).map(lambda data: b64encode(data).decode()),
    st.text(max_size=5),
)
FORMS = st.fixed_dictionaries(
    {"encoding": st.one_of(st.sampled_from([*RATES, "audio/l16"]), SCALARS)},
    optional={"sampleRate": SCALARS | st.just(8000), "channels": SCALARS},
)
MESSAGES = st.one_of(
    st.text(max_size=20),
    st.binary(max_size=20),
    st.fixed_dictionaries(
        {"event": st.sampled_from(["start", "media", "stop", "init", "ping"])},
        optional={
            "sequenceNumber": SCALARS,
            "start": st.fixed_dictionaries(
                {"mediaFormat": FORMS | SCALARS},
                optional={"tag": TAGS, "customParameters": SCALARS},
            ),
            "media": st.fixed_dictionaries(
                {"payload": PAYLOADS},
                optional={"tag": TAGS, "chunk": SCALARS, "timestamp": SCALARS},
            ),
            "stop": st.fixed_dictionaries({}, optional={"tag": TAGS}) | SCALARS,
        },
    ).map(json.dumps),
)
KINDS = (Audio, Deliver, Report, StreamStarted, StreamEnded)


@CALM
@given(st.lists(MESSAGES, max_size=25))
def test_nothing_but_protocol_errors(messages):
    """Whatever comes in whatever order; nothing grows beyond its bound."""
    dialect = made()
    for message in messages:
        try:
            outputs = list(dialect.decode(message))
        except ProtocolError:
            continue
        assert all(isinstance(output, KINDS) for output in outputs)
        heard = sum(o.seconds for o in outputs if isinstance(o, Audio))
        assert heard < 1.1
    assert len(dialect._incoming) <= 3
    assert dialect.statistics().rejected <= len(messages)


@CALM
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_both_ways_of_reading_say_the_same(numbers):
    """Media written strictly, and the same media with its keys in another order."""
    one, other = sounding("a"), sounding("a")
    for chunk, length in numbers:
        text = strict("a", bytes(length), chunk)
        found = told(one, text)
        again = told(other, json.dumps(dict(reversed(json.loads(text).items()))))
        assert found[0] == again[0]
        assert [*map(str, found[1])] == [*map(str, again[1])]
    assert one.statistics() == other.statistics()


def test_numpy_comes_with_the_first_stream_that_needs_it():
    """PCM needs none."""
    code = (
        "import sys\n"
        "from voxsync.dialects.base import SendAudio\n"
        "from voxsync.dialects.voximplant import VoximplantDialect\n"
        "one, other = VoximplantDialect('ws://h/'), VoximplantDialect('ws://h/')\n"
        "found = [o for r in one.encode(SendAudio('', bytes(640)))\n"
        "         for o in other.decode(r.data)]\n"
        "assert len(found) == 3\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_rooms_names():
    """Statistics are made of these."""
    assert incoming.ReceivedStats is ReceivedStats
    assert ReceivedStats().declared_bytes is ReceivedStats().declared_ms is None
