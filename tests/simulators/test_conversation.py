import threading

import pytest

from tests.simulators.raw_client import ASR, BREAK, RawClient
from voxsync.errors import SessionClosed
from voxsync.mimi import AudioFormat, MimiSession
from voxsync.simulators.conversation import CLOSE_CODES
from voxsync.simulators.faults import fault
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.recogniser import ScriptedRecogniser

SECOND = bytes(32000)
V2_OPTIONS = "response_format=v2;progressive=true;temporary=true;temporary_interval=500"
FLAC = [*ASR, "Content-Type: audio/x-flac;bit=16;rate=16000;channels=1"]


def fragmented(client):
    client.send_frame(2, b"ab", fin=False)


def too_large(client):
    client.audio(bytes(65538))


def half_sample(client):
    client.audio(bytes(37555))
    client.text(BREAK)


def half_stereo(client):
    client.audio(bytes(1602))
    client.text(BREAK)


def early_break(client):
    client.text(BREAK)


def empty_audio(client):
    client.audio(b"")
    client.text(BREAK)


def two_breaks(client):
    client.audio(SECOND)
    client.text(BREAK)
    client.text(BREAK)


def late_audio(client):
    client.audio(SECOND)
    client.text(BREAK)
    client.audio(SECOND)


def other_text(text):
    def act(client):
        client.audio(SECOND)
        client.text(text)

    return act


def no_flac(client):
    client.audio(b"RI")
    client.audio(b"FF")


BREACHES = [
    (ASR, fragmented, "fragmented", "a message is fragmented"),
    (ASR, too_large, "frame_too_large", "65538 bytes in a frame, over 65536"),
    (ASR, half_sample, "partial_sample", "37555 bytes are not whole samples"),
    (
        [*ASR, "Content-Type: audio/x-pcm;channels=2"],
        half_stereo,
        "partial_sample",
        "1602 bytes are not whole samples",
    ),
    (ASR, early_break, "break_before_audio", "recog-break before any audio"),
    (ASR, empty_audio, "break_before_audio", "recog-break before any audio"),
    (ASR, two_breaks, "second_break", "a second recog-break"),
    (ASR, late_audio, "audio_after_break", "audio behind recog-break"),
    *(
        (ASR, other_text(t), "unknown_command", "the only command is recog-break")
        for t in (
            "recog-break",
            "{}",
            "[]",
            '{"command":"recog-init"}',
            "",
            "[" * 99999,
        )
    ),
    (FLAC, no_flac, "not_flac", "FLAC begins with fLaC, this does not"),
]
LASTING = [fault("no_close")]  # so that there is something to break after the end


@pytest.mark.parametrize(("headers", "act", "rule", "reason"), BREACHES)
def test_a_broken_rule_closes_the_session(headers, act, rule, reason):
    """Each breach closes with the code of its rule, says why, and is recorded."""
    with MimiService(faults=LASTING) as service, RawClient(service, headers) as client:
        act(client)
        _, code, said = client.finish()
        record = service.wait_record(1)
    assert (code, said) == (CLOSE_CODES[rule], reason)
    assert list(record.breaches) == [rule]


@pytest.mark.parametrize("rule", sorted({row[2] for row in BREACHES}))
def test_close_codes_are_configurable(rule):
    """`close_codes` replaces the code of any rule."""
    headers, act, *_ = next(row for row in BREACHES if row[2] == rule)
    with (
        MimiService(faults=LASTING, close_codes={rule: 4321}) as service,
        RawClient(service, headers) as client,
    ):
        act(client)
        assert client.finish()[1] == 4321
        assert list(service.wait_record(1).breaches) == [rule]


@pytest.mark.parametrize(
    ("headers", "act", "rule", "finish"),
    [
        (ASR, fragmented, None, lambda c: c.send_frame(0, b"cd")),
        (ASR, too_large, "frame_too_large", None),
        (ASR, half_sample, "partial_sample", ...),
        (ASR, early_break, "break_before_audio", lambda c: c.audio(SECOND)),
        (ASR, other_text("{}"), "unknown_command", None),
        (FLAC, no_flac, "not_flac", None),
    ],
)
def test_a_lenient_service_goes_on(headers, act, rule, finish):
    """With `strict=False` a breach is recorded and the session comes to its end."""
    with MimiService(strict=False) as service, RawClient(service, headers) as client:
        act(client)
        if finish is not ...:
            if finish is not None:
                finish(client)
            client.text(BREAK)
        messages, code, _ = client.finish()
        record = service.wait_record(1)
    assert messages[-1]["status"] == "recog-finished"
    assert code == 1000
    assert list(record.breaches) == ([rule] if rule else [])


@pytest.mark.parametrize("act", [two_breaks, late_audio])
def test_a_lenient_service_bears_input_after_the_break(act):
    """What comes behind the break is recorded and otherwise ignored."""
    with (
        MimiService(strict=False, faults=LASTING) as service,
        RawClient(service, ASR) as client,
    ):
        act(client)
        while b"recog-finished" not in client.read_frame()[1]:
            pass
        client.send_frame(8, b"\x03\xe8")
        client.finish()
        record = service.wait_record(1)
    assert record.breaches[0] in ("second_break", "audio_after_break")
    assert record.close_code == 1000


def test_a_frame_of_64_kib_is_taken():
    """The documented limit itself is allowed; so are odd frames that add up."""
    with MimiService() as service, RawClient(service, ASR) as client:
        client.audio(bytes(65536))
        client.audio(bytes(37555))
        client.audio(bytes(37555))
        client.text(BREAK)
        assert client.finish()[1] == 1000
        assert list(service.wait_record(1).frame_sizes) == [65536, 37555, 37555]


def test_unmasked_frames_are_refused():
    """A client that does not mask is a protocol error."""
    with MimiService() as service, RawClient(service, ASR) as client:
        client.send_frame(2, SECOND, masked=False)
        assert client.finish()[1] == 1002


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("Content-Type: audio/wav", "media type 'audio/wav' is not known"),
        ("Content-Type: audio/x-pcm;bit=8", "bit_depth of pcm16 is 16"),
        ("Content-Type: audio/x-pcm;rate=fast", "rate must be a whole number"),
        ("x-mimi-nict-asr-options: response_format=v3", "response_format must be"),
        ("x-mimi-nict-asr-options: temporary_interval=x", "temporary_interval must"),
    ],
)
def test_settings_that_cannot_be_met_close_the_session(header, reason):
    """Audio or options that make no sense end with 4007 and the reason."""
    with MimiService() as service, RawClient(service, [*ASR, header]) as client:
        _, code, said = client.finish()
    assert code == CLOSE_CODES["unsupported"]
    assert said.startswith(reason)


class Engine:
    """A recogniser that counts, waits and fails as a test wants."""

    def __init__(self, *, fail="", gate=None, error=None):
        self.fail, self.gate, self.error = fail, gate, error
        self.opened = []
        self.closed = threading.Semaphore(0)
        self.feeding = threading.Event()

    def open(self, *, sample_rate, language):
        self.opened.append((sample_rate, language))
        self._check("open")
        return self

    def feed(self, pcm):
        self.feeding.set()
        if self.gate is not None:
            assert self.gate.wait(30)
        self._check("feed")
        return ()

    def finish(self):
        self._check("finish")
        return ()

    def close(self):
        self.closed.release()

    def _check(self, step):
        if step == self.fail:
            raise self.error


@pytest.mark.parametrize("step", ["open", "feed", "finish"])
@pytest.mark.parametrize("error", [RuntimeError("planned"), SessionClosed("planned")])
def test_a_recogniser_that_fails_ends_the_session(step, error, caplog):
    """An exception of the recogniser is logged and closes with 1011."""
    engine = Engine(fail=step, error=error)
    with MimiService(recogniser=engine) as service, RawClient(service, ASR) as client:
        if step != "open":
            client.audio(SECOND)
            client.text(BREAK)
        assert client.finish()[1:] == (1011, "the recogniser failed: planned")
    assert "a recogniser failed" in caplog.text
    if step != "open":
        assert engine.closed.acquire(timeout=5)


def test_a_recogniser_may_refuse_the_settings():
    """A ValueError of `open` closes with 4007 and its own words."""
    engine = Engine(fail="open", error=ValueError("needs 16000 Hz" + "!" * 200))
    headers = [*ASR, "Content-Type: audio/x-pcm;rate=8000", "x-mimi-input-language: en"]
    with (
        MimiService(recogniser=engine) as service,
        RawClient(service, headers) as client,
    ):
        _, code, said = client.finish()
    assert (code, len(said)) == (4007, 123)
    assert engine.opened == [(8000, "en")]


def test_flac_needs_a_decoder_or_a_script():
    """A script takes FLAC by its bytes; a real recogniser refuses it clearly."""
    flac = AudioFormat("flac")
    with (
        MimiService(recogniser=ScriptedRecogniser.words("one two")) as service,
        MimiSession(None, url=service.url, audio=flac, language="en") as session,
    ):
        session.send_binary(b"fLaC" + SECOND)
        session.stop_recognition()
        assert [r.text for r in session.receive(5)][-1] == "one two"
    with (
        MimiService(recogniser=Engine()) as service,
        RawClient(service, FLAC) as client,
    ):
        expected = (4007, "FLAC cannot be decoded here; send PCM")
        assert client.finish()[1:] == expected


@pytest.mark.parametrize("end", ["finish", "cancel", "fin", "service"])
def test_every_stream_is_closed_once(end):
    """However a session ends, its recogniser stream is closed, once."""
    engine = Engine()
    with MimiService(recogniser=engine) as service:
        with RawClient(service, ASR) as client:
            client.audio(SECOND)
            assert engine.feeding.wait(5)
            if end == "finish":
                client.text(BREAK)
                client.finish()
            elif end == "cancel":
                client.sock.shutdown(2)
            elif end == "service":
                service.close()
        service.wait_record(1)
    assert engine.closed.acquire(timeout=5)
    assert not engine.closed.acquire(blocking=False)
    assert engine.opened == [(16000, "ja")]


def test_a_slow_recogniser_holds_the_client_back():
    """While recognition stands still, only bounded audio is taken; none is lost."""
    gate = threading.Event()
    engine = Engine(gate=gate)
    sent = []
    with MimiService(recogniser=engine) as service:
        session = MimiSession(None, url=service.url).connect()

        def send():
            for _ in range(1000):  # 17 minutes of speech
                session.send_binary(SECOND)
                sent.append(len(SECOND))
            session.stop_recognition()

        sender = threading.Thread(target=send)
        sender.start()
        assert engine.feeding.wait(5)
        before = -1
        while before != len(sent):  # until nothing moves
            before = len(sent)
            sender.join(0.2)
        assert sender.is_alive()
        assert sum(sent) < 3_000_000
        gate.set()
        session.wait_closed(30)
        sender.join(10)
        assert service.wait_record(1).audio_bytes == 32_000_000


def test_an_idle_client_is_closed_with_4003():
    """Silence beyond `idle_timeout` ends the session; traffic puts it off."""
    with MimiService(idle_timeout=0.3) as service, RawClient(service, ASR) as client:
        client.audio(SECOND)
        messages, code, reason = client.finish()
    assert (code, reason) == (4003, "no traffic for 0.3 s")
    assert len(messages) == 3


def test_a_client_does_not_idle_while_the_recogniser_works():
    """The time that recognition takes is not the client's."""
    gate = threading.Event()
    engine = Engine(gate=gate)
    with (
        MimiService(recogniser=engine, idle_timeout=0.1) as service,
        RawClient(service, ASR) as client,
    ):
        client.audio(SECOND)
        client.text(BREAK)
        assert engine.feeding.wait(5)
        client.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.read_frame()
        client.sock.settimeout(30)
        gate.set()
        assert client.finish()[1] == 1000


@pytest.mark.parametrize("size", [1, 777, 3200, 32768])
def test_messages_depend_on_the_audio_alone(size):
    """However the audio is cut, the same messages come in the same order."""
    audio = bytes(range(256)) * 300
    headers = [
        "x-mimi-process: asr,nict-asr",
        "x-mimi-nict-asr-options: " + V2_OPTIONS,
    ]
    if size == 1:
        audio = audio[:4000]
    with MimiService() as service:
        seen = []
        for step in (size, 640):
            with RawClient(service, headers) as client:
                for at in range(0, len(audio), step):
                    client.audio(audio[at : at + step])
                client.text(BREAK)
                messages, code, _ = client.finish()
            for message in messages:
                del message["session_id"]
            seen.append(messages)
            assert code == 1000
    assert seen[0] == seen[1]
    assert len(seen[0]) > 1
