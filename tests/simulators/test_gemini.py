"""The service as a whole: who gets in, what it says of itself, how it ends."""

import contextlib
import ssl
import threading

import numpy as np
import pytest
import trustme
from websockets.exceptions import InvalidStatus

from tests.simulators.gemini_client import PATH, VERTEX, Beeps, LiveClient, service
from voxsync.errors import InvalidState
from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.gemini_brain import ScriptedBrain
from voxsync.simulators.gemini_faults import fault


def status(there, path, **headers):
    """The status of the answer to an upgrade."""
    try:
        with LiveClient(there, path, headers=headers, setup=False):
            return 101
    except InvalidStatus as exc:
        return exc.response.status_code


def test_who_gets_in():
    """404, 401, 403 and 101; credentials are not in the record."""
    with service(keys={"secret-key"}) as there:
        assert status(there, "/elsewhere") == 404
        assert status(there, PATH) == 401
        assert status(there, PATH + "?key=wrong") == 403
        assert status(there, "/" + PATH + "?key=secret-key") == 101
        assert status(there, PATH, **{"x-goog-api-key": "secret-key"}) == 101
        assert status(there, VERTEX, Authorization="Bearer secret-key") == 101
        records = [there.wait_record(number) for number in range(1, 7)]
    assert [each.status for each in records] == [404, 401, 403, 101, 101, 101]
    assert [each.api for each in records[3:]] == ["developer", "developer", "vertex"]
    assert "secret-key" not in str(records)


def test_vertex_has_its_own_usage():
    """By the path that the client came by."""
    with service() as there, LiveClient(there, VERTEX) as live:
        live.write("hello")
        assert live.turn().usage["candidatesTokenCount"]


def test_addresses():
    """One for WebSockets, one as Google's clients want it."""
    with service() as there:
        assert there.url == f"ws://127.0.0.1:{there.port}"
        assert there.base_url == f"http://127.0.0.1:{there.port}"
        assert there.url in repr(there)
    assert "closed" in repr(there)


def test_tls():
    """The same over TLS."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    with service(ssl_context=server) as there:
        assert there.base_url.startswith("https://")
        with LiveClient(there, ssl=client) as live:
            live.write("hello")
            assert live.turn().sizes


def test_it_starts_once():
    """And ends as often as anybody likes."""
    there = service()
    with there, pytest.raises(InvalidState):
        there.start()
    there.close()
    with pytest.raises(InvalidState):
        there.start()


def test_it_serves_until_it_is_closed():
    """In the foreground, too."""
    there = service()
    thread = threading.Thread(target=there.serve_forever)
    thread.start()
    gate = threading.Event()
    while not there.port:
        gate.wait(0.005)
    with LiveClient(there):
        there.close()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("name", ["lifetime", "go_away_before", "handle_expiry"])
def test_durations_are_not_negative(name):
    """They are refused where they are given."""
    with pytest.raises(ValueError, match=name):
        GeminiService(voice=Beeps(), **{name: -1})


def test_its_end_is_told():
    """1001 for everybody, also in the middle of a turn; records are complete."""
    brain = ScriptedBrain([" ".join("w" * 600)], repeat=True)
    with service(brain=brain, paced=True) as there:
        clients = [LiveClient(there) for _ in range(3)]
        for live in clients:
            live.write("talk")
            live.until("modelTurn")
        there.close()
        for live in clients:
            assert live.end() == (1001, "the server is closing")
            live.close()
        assert {each.close_code for each in there.records} == {1001}


def test_a_brain_that_is_at_work_does_not_hold_the_end():
    """It is left behind after the time that was given."""
    busy, done = threading.Event(), threading.Event()

    class Slow:
        def answer(self, turn):
            busy.set()
            done.wait(20)

    there = service(brain=Slow()).start()
    with LiveClient(there) as live:
        live.write("think")
        assert busy.wait(10)
        there.close(timeout=0.1)
        done.set()


def test_conversations_do_not_know_each_other():
    """Each has its own turns."""
    with service() as there:
        clients = [LiveClient(there, outputAudioTranscription={}) for _ in range(5)]
        for number, live in enumerate(clients):
            live.write(f"number {number}")
        for number, live in enumerate(clients):
            assert live.turn().said == f"number {number}"
            live.close()
        assert len({there.wait_record(n).session_id for n in range(1, 6)}) == 5


def test_too_many_connections():
    """More than it takes get 503."""
    with service(max_connections=1) as there, LiveClient(there):
        assert status(there, PATH) == 503


def fails(there):
    """Open a connection that does not open."""
    with contextlib.suppress(Exception):
        LiveClient(there)


def test_an_opening_that_is_never_answered():
    """It ends with the service."""
    with service(faults=[fault("no_answer")]) as there:
        opener = threading.Thread(target=fails, args=(there,))
        opener.start()
        gate = threading.Event()
        while not (there.records and there.records[0].path):
            gate.wait(0.005)
        there.close()
        opener.join(20)
        assert there.wait_record(1).status is None


def spoken(seconds):
    """What sounds like a voice: harmonics that swell four times a second."""
    at = np.arange(round(seconds * 16_000)) / 16_000
    tone = sum(np.sin(2 * np.pi * 150 * n * at) / n for n in range(1, 20))
    return (tone * (1.2 + np.sin(2 * np.pi * 4 * at)) * 3000).astype(np.int16)


def test_as_it_comes():
    """Tones for a voice, energy for a detector, an echo for a brain."""
    sensitive = {"startOfSpeechSensitivity": "START_SENSITIVITY_LOW"}
    config = {"automaticActivityDetection": {**sensitive, "silenceDurationMs": 300}}
    with GeminiService(paced=False) as there:
        with LiveClient(there, realtimeInputConfig=config) as live:
            live.audio(*np.split(np.zeros(16_000, np.int16), 10))
            live.audio(*np.array_split(spoken(1.0), 10))
            live.audio(*np.split(np.zeros(16_000, np.int16), 10))
            assert sum(live.turn().sizes) == pytest.approx(48_000 * 1.4, rel=0.2)
            live.write("one two")
            assert live.turn().sizes
        (speech, _) = there.wait_record(1).turns
        assert speech.seconds == pytest.approx(1.4, rel=0.2)


@pytest.mark.parametrize("silence", [1.0, 0.0])
def test_a_tone_from_the_first_sample(silence):
    """Is a turn, whether silence ends it or the end of the stream."""
    at = np.arange(32_000) / 16_000
    tone = (8000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
    heard = np.concatenate([tone, np.zeros(round(silence * 16_000), np.int16)])
    with GeminiService(paced=False) as there:
        with LiveClient(there) as live:
            live.audio(*np.split(heard, len(heard) // 1600))
            live.send({"realtimeInput": {"audioStreamEnd": True}})
            assert live.turn().sizes
        (speech,) = there.wait_record(1).turns
        assert speech.seconds == pytest.approx(2.2 if silence else 2.0, abs=0.1)
