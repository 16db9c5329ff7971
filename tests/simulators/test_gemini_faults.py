"""The fault menu, and what each fault does to a client that waits for an answer."""

import contextlib
import json
import threading

import pytest
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.simulators.gemini_client import LOUD, QUIET, LiveClient, Turn, service
from voxsync.simulators.gemini_acts import GeminiActs
from voxsync.simulators.gemini_brain import EchoBrain
from voxsync.simulators.gemini_faults import GEMINI_FAULTS, GeminiFault, fault

POINTS = ("open", "setup", "ready", "message", "audio", "answer", "turn")


def test_every_fault_does_something():
    """The menu and the table of acts are about the same."""
    assert GeminiActs.table.keys() == GEMINI_FAULTS.keys()
    for name, words in GEMINI_FAULTS.items():
        assert words
        assert fault(name).name == name


@pytest.mark.parametrize("name", ["no_final", "nothing", ""])
def test_what_is_not_on_the_menu(name):
    """The message lists what is."""
    with pytest.raises(ValueError, match=r"there are: .*blackhole"):
        fault(name)


def test_settings_are_checked():
    """As for all menus."""
    with pytest.raises(ValueError, match="at must be one of open, setup"):
        fault("close", at="break")
    with pytest.raises(TypeError, match="no setting words"):
        fault("close", words="x")
    assert isinstance(fault("quota"), GeminiFault)


def talk(live):
    """Set up, write, speak: whatever the service lets happen."""
    live.send({"setup": {"model": "models/x"}})
    live.write("hello there")
    live.audio(LOUD, QUIET)


@pytest.mark.parametrize("at", POINTS)
@pytest.mark.parametrize("name", ["close", "fin", "rst"])
def test_an_end_at_every_point(at, name):
    """With any code, or without a Close frame; what came before is delivered."""
    cut = fault(name, at=at, code=4321, reason="so there")
    with service(faults=[cut]) as there:
        with LiveClient(there, setup=False) as live:
            with contextlib.suppress(ConnectionClosed):  # the service was faster
                talk(live)
            code, reason = live.end()
        record = there.wait_record(1)
    if name == "close":
        assert (code, reason) == (4321, "so there")
        assert record.close_code == 4321
    else:
        assert code is None
    assert record.faults == (name,)


def test_the_quota_is_used_up():
    """1011 in place of setupComplete."""
    with (
        service(faults=[fault("quota")]) as there,
        LiveClient(there, setup=False) as live,
    ):
        live.send({"setup": {"model": "models/x"}})
        code, reason = live.end()
    assert code == 1011
    assert "quota" in reason


def test_no_answer_to_the_setup():
    """The connection stays, and nothing comes."""
    with (
        service(faults=[fault("no_setup_complete")]) as there,
        LiveClient(there, setup=False) as live,
    ):
        live.send({"setup": {"model": "models/x"}})
        with pytest.raises(TimeoutError):
            live.ws.recv(timeout=0.1)
        threading.Thread(target=there.close).start()
        assert live.end() == (1001, "the server is closing")


def test_mute():
    """Set up, and then nothing."""
    with service(faults=[fault("mute")]) as there, LiveClient(there) as live:
        live.write("hello")
        with pytest.raises(TimeoutError):
            live.ws.recv(timeout=0.1)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("wrong_first", '{"serverContent": {"turnComplete": true}}'),
        ("error_message", '"error"'),
        ("unknown_message", '"unheardOf"'),
        ("unknown_content", '"unheardOf"'),
        ("usage_only", '{"usageMetadata"'),
        ("null", "null"),
        ("list", "[]"),
        ("nested_json", "[[[["),
        ("bad_base64", "%%%%"),
        ("bad_types", '"perhaps"'),
        ("malformed_json", '"resp'),
        ("empty_text", ""),
    ],
)
def test_strange_messages(name, content):
    """They come where they are to, and the session goes on."""
    odd = fault(name, at="setup", count=100)
    with (
        service(faults=[odd], brain=EchoBrain()) as there,
        LiveClient(there, setup=False) as live,
    ):
        live.send({"setup": {"model": "models/x"}})
        first = live.ws.recv(timeout=10)
        text = first.decode() if isinstance(first, bytes) else first
        assert content in text
        assert "setupComplete" in live.next()
        live.write("hello")
        assert live.turn().sizes


@pytest.mark.parametrize("name", ["not_utf8", "huge_frame", "garbage"])
def test_what_a_client_must_not_bear(name):
    """It ends the connection from its side."""
    with (
        service(faults=[fault(name, at="ready")]) as there,
        LiveClient(there, setup=False) as live,
    ):
        live.send({"setup": {"model": "models/x"}})
        assert "setupComplete" in live.next()
        with pytest.raises(ConnectionClosed):
            for _ in range(3):
                json.loads(live.ws.recv(timeout=10))
                pytest.fail("it was taken for a message")


def test_a_huge_message():
    """Of so many bytes."""
    with (
        service(faults=[fault("huge_message", at="ready", count=300_000)]) as there,
        LiveClient(there) as live,
    ):
        assert len(live.ws.recv(timeout=10)) > 300_000


def test_a_burst():
    """Sound that nobody asked for, all at once."""
    with (
        service(faults=[fault("burst", seconds=24.0)]) as there,
        LiveClient(there) as live,
    ):
        live.write("hello")
        turn = live.turn()
        assert sum(turn.sizes) == 24 * 48_000 + 4800


def test_a_goaway_soon():
    """It says when, and keeps its word."""
    with (
        service(faults=[fault("go_away", seconds=0.05)]) as there,
        LiveClient(there) as live,
    ):
        assert live.next() == {"goAway": {"timeLeft": "0.05s"}}
        assert live.end() == (1000, "gone away")


def test_a_blackhole():
    """Nothing goes in or out; then everything goes on."""
    with (
        service(faults=[fault("blackhole", seconds=0.3)]) as there,
        LiveClient(there) as live,
    ):
        live.write("hello")
        with pytest.raises(TimeoutError):
            live.ws.recv(timeout=0.05)
        assert live.turn().has("generationComplete")


def test_a_blackhole_ends_with_the_service():
    """However long it would have been."""
    with (
        service(faults=[fault("blackhole", seconds=600)]) as there,
        LiveClient(there) as live,
    ):
        live.write("hello")
        live.ws.ping()
        with pytest.raises(TimeoutError):
            live.ws.recv(timeout=0.2)
        there.close()
        assert live.end() == (None, "")


def test_a_storm_of_calls():
    """So many in one message; their answers are taken."""
    with service(faults=[fault("tool_storm", count=300)]) as there:
        with LiveClient(there) as live:
            live.write("hello")
            storm = live.next()["toolCall"]["functionCalls"]
            assert len({each["id"] for each in storm}) == 300
            live.answer(*storm)
            assert live.turn().sizes
            live.close()
        assert not there.wait_record(1).breaches


def test_split_and_drip():
    """Fragments with a ping in between, byte by byte: the same messages."""
    with (
        service(faults=[fault("split"), fault("drip")]) as there,
        LiveClient(there) as live,
    ):
        live.write("hello")
        assert live.turn().sizes == [4800]


def test_merged_parts():
    """Several parts in one message."""
    with service(faults=[fault("merge")]) as there, LiveClient(there) as live:
        live.write(" ".join("w" * 12))
        messages = live.turn().messages
        assert [len(Turn([each]).sizes) for each in messages] == [4, 1, 0, 0]


def test_before_the_session():
    """The opening has its faults as well."""
    with service(faults=[fault("status", status=429, body="slow down")]) as there:
        with pytest.raises(Exception, match="429"):
            LiveClient(there)
        assert there.wait_record(1).status == 429
    for name in ("hang_up", "reset", "bad_accept", "not_http"):
        with service(faults=[fault(name, connections=1)]) as there:
            with pytest.raises((OSError, EOFError, WebSocketException)):
                LiveClient(there)
            with LiveClient(there) as live:
                live.write("hello")
                assert live.turn().sizes
