"""Faults of one socket: which, when, and with which bytes."""

import base64
import json
import threading

import pytest

from tests.simulators.raw_client import RawClient
from tests.simulators.vox_app import App, noise, speech, until
from voxsync.clocks import Clock
from voxsync.simulators.thread import SerialThread
from voxsync.simulators.voximplant import VoxEngine, fault
from voxsync.simulators.voximplant_acts import VoxActs


@pytest.fixture
def raw():
    """Connect by hand to an engine with a fault."""
    made = []

    def connect(wrong):
        engine = VoxEngine(lambda engine: engine.call(), faults=[wrong]).start()
        made.append(engine)
        url = engine.allow_web_socket_connections()
        port, path = url.removeprefix("ws://127.0.0.1:").split("/", 1)
        engine.port = int(port)
        client = RawClient(engine, target=f"/{path}")
        made.append(client)
        return client

    yield connect
    for each in reversed(made):
        each.close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ping", b"\x89\x00"),
        ("ping_payload", b"\x89\x0eare you there?"),
        ("binary", b"\x82\x7e\x02\x80\x60\xff\x61\xff"),
        ("empty_text", b"\x81\x00"),
        ("malformed_json", b'\x81\x1f{"event":"media","media":{"payl'),
        ("not_utf8", b'\x81\x0e{"event":"\xff\xfe"}'),
        ("huge_frame", b"\x82\x7f\x40" + bytes(7)),
        ("garbage", b"\xff\xfe\xfd"),
        ("close_empty", b"\x88\x00"),
        ("close_short", b"\x88\x01\x03"),
    ],
)
def test_what_is_on_the_wire(raw, name, expected):
    """Each strange frame has exactly these bytes."""
    assert raw(fault(name)).read(len(expected)) == expected


def messages(peer, count):
    """So many text messages as objects."""
    found = [peer.read_frame() for _ in range(count)]
    assert {first for first, _ in found} == {0x81}
    return [json.loads(payload) for _, payload in found]


def test_strange_streams(raw):
    """Start, media, stop with the tag `fault`, but for what is wrong."""
    start, media, stop = messages(raw(fault("unknown_encoding")), 3)
    assert start["start"]["mediaFormat"] == {"encoding": "G729", "sampleRate": 16000}
    assert {m[m["event"]]["tag"] for m in (start, media, stop)} == {"fault"}
    start, media, stop = messages(raw(fault("odd_length")), 3)
    assert len(base64.b64decode(media["media"]["payload"])) == 639
    start, media, stop = messages(raw(fault("bad_base64")), 3)
    assert set(media["media"]["payload"]) & set("-_")
    (media,) = messages(raw(fault("no_start")), 1)
    assert len(base64.b64decode(media["media"]["payload"])) == 640


def test_a_flood(raw):
    """Twelve seconds at once, well counted."""
    found = messages(raw(fault("flood")), 602)
    assert [m["event"] for m in found[:2]] == ["start", "media"]
    assert found[-1]["event"] == "stop"
    media = [m["media"] for m in found[1:-1]]
    assert [m["chunk"] for m in media] == list(range(600))
    assert [m["timestamp"] for m in media[:3]] == [0, 320, 640]


def test_monsters(raw):
    """Deep, long, large: as much as was asked for."""
    _, payload = raw(fault("nested_json", count=70_000)).read_frame()
    assert payload.count(b"[") == 70_000
    _, payload = raw(fault("huge_number", count=5000)).read_frame()
    assert b"1" + b"0" * 5000 + b"," in payload
    _, payload = raw(fault("huge_message", count=300)).read_frame()
    assert payload == b"x" * 300


def test_a_client_masks_what_is_strange():
    """Where the engine dialled: the app understands the frame and not what is in it."""
    with App() as app:
        scenario = lambda engine: engine.create_web_socket(app.url)  # noqa: E731
        with VoxEngine(scenario, faults=[fault("unknown_event")]):
            assert "unheard-of" in app.wait_for("message")[0]


def test_points():
    """A fault at "audio" waits for so many bytes of the app's; each happens once."""
    late = fault("ping", at="audio", after_bytes=6400)
    early = fault("unknown_event", at="audio")
    said = fault("empty_text", at="message")

    def came(ws):
        ws.on_open = lambda _: speech(noise(0.1), ends=False).send_media_to(
            ws, paced=False, encoding="PCM16"
        )

    def scenario(engine):
        engine.call()
        engine.create_web_socket(app.url)

    with (
        App(on_socket=came) as app,
        VoxEngine(scenario, faults=[late, early, said]) as engine,
    ):
        assert "unheard-of" in app.wait_for("message")[0]
        until(lambda: engine.sockets[0].media_statistics.received[""].messages == 5)
        app.sockets[0].send("one")
        app.sockets[0].send("two")
        app.wait_for("message", "")
        engine.wait_for("message", text="two")
        assert app.named("message") == [app.named("message")[0], ""]


def test_what_follows_an_end_is_not_done():
    """The first that ends the session is the last."""
    ends = [fault("close", code=4001), fault("unknown_event")]

    def scenario(engine):
        engine.call()
        engine.create_web_socket(app.url)

    with App() as app, VoxEngine(scenario, faults=ends) as engine:
        assert engine.wait_for("close").fields["code"] == 4001
        assert app.wait_for("close") == [4001]
        assert app.named("message") == []


def test_a_peer_that_was_faster():
    """Has gone before the fault: that is no failure of the session."""
    acts = VoxActs(
        1,
        [fault("ping", at="message")],
        threading.Event(),
        SerialThread("acts", Clock(), print),
    )
    with App() as app, VoxEngine(lambda engine: engine.call()) as engine:
        ws = engine.create_web_socket(app.url)
        engine.wait_for("open")
        ws.close(wait=True)
        acts.happened(ws, "message")
        acts.happened(ws, "message")
    assert engine.error is None


def test_faults_are_chosen_by_socket():
    """A fault with `connections=2` is at work on the first two."""
    faults = [fault("status", status=429, connections=2)]
    thread = SerialThread("acts", Clock(), print)
    second, third = (VoxActs(n, faults, threading.Event(), thread) for n in (2, 3))
    assert second.refuse().status == 429
    assert third.refuse() is None
