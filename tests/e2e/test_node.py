"""C4: a Node.js program on the npm package ws, with our client and with our server.

It is no relation of voxsync (tests/node): what both understand is the protocol.
"""

import contextlib
import json

import pytest

from tests.node.call import RATES, Call, Ear, Mouth, content, sha256
from tests.node.peer import NodePeer
from voxsync.errors import ProtocolError, SessionClosed
from voxsync.voximplant import (
    SendMediaParameters,
    WebSocket,
    WebSocketParameters,
    WebSocketServer,
)


@pytest.fixture(params=["client", "server"])
def call(request):
    """Makes a call, ours being the client, or the server."""
    with contextlib.ExitStack() as stack:
        yield lambda *args, **kwargs: Call(stack, request.param, *args, **kwargs)


# The long one


@pytest.mark.timeout(240)
def test_a_minute_both_ways_with_both_ends_loses_nothing(minute):
    """C4: 60 s, four streams each way, our client and our server at the same time."""
    told, _ = minute.communicate(timeout=200)
    assert minute.returncode == 0, told
    assert told == "nothing lost\n"


# Short ones, each with our client and with our server


def test_the_handshake_of_ws(call):
    """Subprotocol `chat` is agreed on; path, query and headers get there."""
    made = call(
        parameters=WebSocketParameters(headers=[{"name": "X-Call", "value": "blue"}]),
        headers={"X-Call": "blue"},
    )
    assert made.opened["protocol"] == "chat"
    request = made.ws.request
    if request is None:
        assert made.opened["path"] == "/media?call=7"
        assert made.opened["headers"]["x-call"] == "blue"
        assert made.opened["headers"]["sec-websocket-protocol"] == "chat"
    else:
        assert (request.path, request.query["call"]) == ("/media", "7")
        assert request.headers["x-call"] == "blue"
        assert request.headers["sec-websocket-protocol"] == "chat"


def test_a_peer_without_subprotocols_is_taken(call):
    """Who ignores `chat`, or does not offer it, is spoken to all the same."""
    made = call(protocol=None, echo=True)
    assert made.opened["protocol"] == ""
    made.ws.send("hello")
    assert made.events.wait("message").text == "hello"


def test_text_both_ways(call):
    """Whatever is no media event is a message, to the letter and in order."""
    texts = [
        "plain",
        "朝日が昇る 🌅",
        "",
        json.dumps({"customEvent": "clear", "payload": {"event": "media"}}),
        json.dumps({"event": "info", "text": "an event of their own"}),
        "{not JSON",
        "x" * 100_000,
    ]
    made = call(echo=True)
    for text in texts:
        made.ws.send(text)
    made.events.wait("message", len(texts))
    assert [event.text for event in made.events.all("message")] == texts
    made.node.wait("text", count=len(texts))
    assert [each["text"] for each in made.node.all("text")] == texts
    made.is_flawless()


@pytest.mark.parametrize("form", ["object", "string"])
@pytest.mark.parametrize("strings", [False, True])
def test_numbers_and_parameters_in_either_form(call, form, strings):
    """Numbers may be strings, custom parameters JSON in a string; no difference."""
    ear = Ear("PCM16")
    made = call(lambda ws: ws.send_media_to(ear, tag="voice"))
    given = {"room": "blue", "n": "7"}
    made.node.play(
        "voice", seconds=0.2, strings=strings, parameters=given, parametersAs=form
    )
    started = made.events.wait("media-started")
    assert (started.tag, started.encoding) == ("voice", "PCM16")
    assert started.custom_parameters == given
    heard = ear.wait(3200)
    assert heard.tobytes() == content("PCM16", "seed", 0.2)
    made.is_flawless()


@pytest.mark.parametrize("encoding", RATES)
def test_our_parameters_reach_the_peer(call, encoding):
    """A start of ours says what the program said; the stream is its audio, no more."""
    made = call()
    mouth = Mouth(encoding, content(encoding, "x", 0.21))
    mouth.send_media_to(
        made.ws,
        SendMediaParameters(
            tag="out", encoding=encoding, custom_parameters={"turn": "3"}
        ),
    ).wait(30)
    started = made.node.wait("started", tag="out")
    assert (started["encoding"], started["sampleRate"]) == (encoding, RATES[encoding])
    assert (started["parameters"], started["parametersAs"]) == ({"turn": "3"}, "object")
    stopped = made.node.wait("stopped", tag="out")
    assert stopped["sha256"] == sha256(mouth.data)
    assert (stopped["messages"], stopped["short"]) == (11, 1)
    made.is_flawless()


def test_voxengines_side_writes_parameters_as_text():
    """side="voxengine": customParameters is JSON in a string, as VoxEngine sends it."""
    with (
        NodePeer("serve") as node,
        WebSocket(node.url, side="voxengine") as ws,
    ):
        mouth = Mouth("PCM8", content("PCM8", "x", 0.04))
        mouth.send_media_to(ws, custom_parameters={"a": "1"}).wait(30)
        started = node.wait("started", tag="")
        assert (started["parameters"], started["parametersAs"]) == (
            {"a": "1"},
            "string",
        )
        node.wait("stopped", tag="")
        assert node.all("problem") == []


def test_messages_of_any_length(call):
    """5 to 100 ms a message, from the first chunk number 1: all heard, in order."""
    ear = Ear("PCM8")
    made = call(lambda ws: ws.send_media_to(ear, tag="odd"))
    made.node.play(
        "odd",
        encoding="PCM8",
        seconds=0.6,
        milliseconds=[5, 60, 20, 10, 100, 30],
        firstChunk=1,
    )
    heard = ear.wait(4800)
    assert heard.tobytes() == content("PCM8", "seed", 0.6)
    assert made.ws.media_statistics.received["odd"].frames == 4800
    made.is_flawless()


def test_a_clip_at_once(call):
    """Nobody has to pace: a second and a half comes at once and is heard whole."""
    ear = Ear("PCM16")
    made = call(lambda ws: ws.send_media_to(ear))
    made.node.play(seconds=1.5, paced=False)
    heard = ear.wait(24000)
    assert heard.tobytes() == content("PCM16", "seed", 1.5)
    made.is_flawless()


def test_lost_chunks_are_silence(call):
    """What the peer counts and never sends is counted and concealed, in its place."""
    ear = Ear("PCM8")
    made = call(lambda ws: ws.send_media_to(ear, tag="a"))
    made.node.play("a", encoding="PCM8", seconds=0.2, skip=[4, 5])
    heard = ear.wait(1600).tobytes()
    whole = content("PCM8", "seed", 0.2)
    assert heard == whole[: 4 * 320] + bytes(2 * 320) + whole[6 * 320 :]
    received = made.ws.media_statistics.received["a"]
    assert (received.lost, received.concealed, received.messages) == (2, 320, 8)
    (told,) = made.events.all("error")
    assert isinstance(told.error, ProtocolError)
    assert "lost 2 chunks" in str(told.error)


def test_an_echo_is_bit_exact(call):
    """What the peer says on a tag comes back to it on that tag."""
    made = call()
    made.ws.send_media_to(made.ws, tag="e", encoding="PCM16")
    made.node.play("e", seconds=0.5)
    made.node.wait("heard", tag="e", bytes=16000)
    made.ws.close()  # ends the echo's stream
    stopped = made.node.wait("stopped", tag="e")
    assert stopped["sha256"] == sha256(content("PCM16", "seed", 0.5))
    made.is_flawless()


def test_the_peer_closes_first(call):
    """Code and reason of the peer reach us; the audio until then was heard."""
    ear = Ear("PCM16")
    made = call(lambda ws: ws.send_media_to(ear, tag="a"))
    made.node.play("a", seconds=0.2)
    assert len(ear.wait(3200)) == 3200
    made.node.do("close", code=4401, reason="token expired, señor")
    close = made.events.wait("close")
    assert (close.code, close.reason) == (4401, "token expired, señor")
    assert close.was_clean
    assert made.events.types()[-1] == "close"
    assert (
        made.node.wait("closed")["code"] == 4401
    )  # our answer; a reason is the first's
    assert made.node.all("problem") == []


def test_we_close_first_in_mid_utterance(call):
    """Our stop comes before our Close frame, whose code and reason the peer sees."""
    made = call()
    mouth = Mouth("PCM16", content("PCM16", "x", 30))
    link = mouth.send_media_to(made.ws, tag="long")
    made.node.wait("started", tag="long")
    made.ws.close(4401, "no more")
    closed = made.node.wait("closed")
    assert (closed["code"], closed["reason"]) == (4401, "no more")
    assert made.node.wait("stopped", tag="long")["bytesSent"] < 30 * 32000
    close = made.events.wait("close")
    assert (close.code, close.reason, close.was_clean) == (4401, "no more", True)
    assert made.node.all("problem") == []
    with pytest.raises(SessionClosed):
        link.wait(30)


def test_the_peer_is_cut_off_in_mid_utterance(call):
    """TCP ends without a word: 1006, not clean; the stream ends before the close."""
    ear = Ear("PCM16")
    made = call(lambda ws: ws.send_media_to(ear, tag="a"))
    made.node.play("a", seconds=30)
    mouth = Mouth("PCM16", content("PCM16", "x", 30))
    link = mouth.send_media_to(made.ws, tag="b")
    made.events.wait("media-started")
    made.node.wait("started", tag="b")
    ear.wait(3200)
    made.node.do("terminate")
    close = made.events.wait("close")
    assert (close.code, close.was_clean) == (1006, False)
    assert made.events.types()[-3:] == ["media-ended", "error", "close"]
    ended = made.events.wait("media-ended")
    assert (ended.tag, ended.media_info.reason) == ("a", "close")
    with pytest.raises(SessionClosed):
        link.wait(30)
    heard = ear.heard().tobytes()
    assert heard == content("PCM16", "seed", 30)[: len(heard)]


def test_a_refused_peer_sees_the_status():
    """`authenticate` judges ws's request; what it answers is what ws reports."""
    with (
        WebSocketServer(authenticate=lambda request: 403) as server,
        NodePeer("dial", server.url) as node,
    ):
        assert node.wait("refused")["status"] == 403
        assert node.all("opened") == []
