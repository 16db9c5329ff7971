"""The Node peer against itself: it sends what it demands, and it demands enough."""

import base64
import hashlib
import json
import threading

import pytest

from tests.node import peer
from tests.node.peer import NodePeer, noise

START = {
    "event": "start",
    "sequenceNumber": 0,
    "start": {"tag": "a", "mediaFormat": {"encoding": "PCM8", "sampleRate": 8000}},
}
MEDIA = {
    "event": "media",
    "sequenceNumber": 1,
    "media": {
        "tag": "a",
        "chunk": 0,
        "timestamp": 0,
        "payload": base64.b64encode(bytes(320)).decode(),
    },
}
STOP = {
    "event": "stop",
    "sequenceNumber": 2,
    "stop": {"tag": "a", "mediaInfo": {"bytesSent": 320, "duration": 20}},
}


def change(message, **fields):
    """A message with other values in it: of its own, or else of its object."""
    kind = message["event"]
    changed = {**message, kind: dict(message[kind])}
    for name, value in fields.items():
        (changed if name in changed else changed[kind])[name] = value
    return json.dumps(changed)


@pytest.fixture(scope="module")
def pair():
    """A Node server and a Node client that are connected."""
    with NodePeer("serve") as server, NodePeer("dial", server.url) as client:
        server.wait("opened")
        client.wait("opened")
        yield server, client


def test_what_it_sends_is_what_it_demands():
    """Streams both ways at once, of all encodings, arrive to the byte; then 4401."""
    streams = {"": "PCM16", "b": "PCM8", "c": "ULAW", "d": "ALAW"}
    sizes = {"PCM16": 9600, "PCM8": 4800, "ULAW": 2400, "ALAW": 2400}  # 0.3 s
    with NodePeer("serve") as server, NodePeer("dial", server.url) as client:
        assert server.wait("opened")["protocol"] == "chat"
        client.wait("opened")
        for tag, encoding in streams.items():
            for end in (server, client):
                end.play(
                    tag,
                    encoding=encoding,
                    seed=tag + "!",
                    seconds=0.3,
                    parameters={"n": "7"},
                    parametersAs="string" if end is server else "object",
                )
        for end in (server, client):
            for tag, encoding in streams.items():
                stopped = end.wait("stopped", tag=tag)
                content = noise(tag + "!", sizes[encoding])
                assert stopped["sha256"] == hashlib.sha256(content).hexdigest()
                assert (stopped["bytesSent"], stopped["duration"]) == (
                    len(content),
                    300,
                )
                assert end.wait("started", tag=tag)["parameters"] == {"n": "7"}
            assert end.all("problem") == []
        client.do("text", text="goodbye\n{")
        assert server.wait("text")["text"] == "goodbye\n{"
        server.do("close", code=4401, reason="no more")
        for end in (server, client):
            closed = end.wait("closed")
            assert (closed["code"], closed["reason"]) == (4401, "no more")


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([json.dumps(MEDIA)], "media without start"),
        ([json.dumps(STOP)], "stop without start"),
        ([json.dumps(START)] * 2, "start of a stream that is open"),
        ([change(START, sequenceNumber=1)], "start has sequenceNumber 1"),
        (
            [change(START, mediaFormat={"encoding": "PCM16", "sampleRate": 8000})],
            "format PCM16 at 8000",
        ),
        ([change(START, colour="blue")], "a field colour"),
        ([json.dumps({**START, "tag": "a"})], "a field tag"),
        ([json.dumps(START), change(MEDIA, sequenceNumber=0)], "sequenceNumber 0"),
        ([json.dumps(START), change(MEDIA, chunk=2)], "chunk 2 after null"),
        ([json.dumps(START), change(MEDIA, chunk="0")], 'chunk is "0"'),
        ([json.dumps(START), change(MEDIA, timestamp=160)], "timestamp 160 at 0"),
        ([json.dumps(START), change(MEDIA, timestamp=0.0)], "timestamp is 0.0"),
        ([json.dumps(START), change(MEDIA, payload="AAA")], "not strict base64"),
        ([json.dumps(START), change(MEDIA, payload="_-8=")], "not strict base64"),
        ([json.dumps(START), change(MEDIA, payload="")], "not strict base64"),
        ([json.dumps(START), change(MEDIA, payload="AAAA")], "3 bytes in place of 320"),
        (
            [
                json.dumps(START),
                change(MEDIA, payload="AAA="),
                change(MEDIA, payload="AAA=", sequenceNumber=2, chunk=1, timestamp=1),
            ],
            "media after a short one",
        ),
        ([json.dumps(START), json.dumps(MEDIA), json.dumps(MEDIA)], "chunk 0 after 0"),
        (
            [
                json.dumps(START),
                json.dumps(MEDIA),
                change(STOP, mediaInfo={"bytesSent": 321, "duration": 20}),
            ],
            "bytesSent 321 of 320",
        ),
        (
            [
                json.dumps(START),
                json.dumps(MEDIA),
                change(STOP, mediaInfo={"bytesSent": 320, "duration": 0}),
            ],
            "duration 0 in place of 20",
        ),
    ],
)
def test_it_finds_what_is_wrong(pair, request, messages, problem):
    """Every rule of the checker finds its fault: silence of it means something."""
    server, client = pair
    tag = request.node.name  # a stream of its own
    for message in messages:
        client.do("text", text=message.replace('"a"', json.dumps(tag)))
    client.do("text", text=f"that was {tag}")
    server.wait("text", text=f"that was {tag}")
    found = [each["text"] for each in server.all("problem", tag=tag)]
    assert any(problem in text for text in found), found


def test_a_stream_that_is_never_stopped_is_noticed():
    """A close without a stop, too, is a fault that it finds."""
    with NodePeer("serve") as server, NodePeer("dial", server.url) as client:
        client.wait("opened")
        client.do("text", text=json.dumps(START))
        client.do("close")
        server.wait("closed")
        (problem,) = server.all("problem")
        assert problem["text"] == "no stop before the close"


def test_it_finds_nothing_wrong_with_what_is_right(pair):
    """The messages above as they are: no problem."""
    server, client = pair
    for message in (START, MEDIA, STOP):
        client.do("text", text=json.dumps(message))
    server.wait("stopped", tag="a")
    assert server.all("problem", tag="a") == []


def test_a_lost_chunk_is_noticed(pair):
    """`skip` loses what it says, and the receiver tells of it."""
    server, client = pair
    server.play("lossy", seconds=0.2, skip=[3], paced=False)
    assert client.wait("stopped", tag="lossy")["messages"] == 9
    found = [each["text"] for each in client.all("problem", tag="lossy")]
    assert any("chunk 4 after 2" in text for text in found)


def test_two_runs_may_fetch_at_once(tmp_path, monkeypatch):
    """Who comes second to bring `ws` finds it whole."""
    made = threading.Barrier(2)

    def npm(command, *, cwd, **_):
        folder = peer.Path(cwd) / "node_modules" / "ws"
        folder.mkdir(parents=True)
        (folder / "package.json").write_text("{}")
        made.wait(10)
        return peer.subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(peer.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(peer.subprocess, "run", npm)
    target = tmp_path / "modules"
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(peer.fetch(target)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert answers == [None, None]
    assert (target / "ws" / "package.json").exists()


def test_a_machine_without_node_is_told_what_to_install(monkeypatch):
    """No skip, no riddle: the words to type."""
    monkeypatch.setattr(peer.shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match="apt-get install nodejs node-ws"):
        peer.node()


def test_a_machine_without_ws_is_told_what_to_install(tmp_path, monkeypatch):
    """Neither npm nor Debian's package: the same words, and what was tried."""
    lock = tmp_path / "package-lock.json"
    lock.write_text(peer.LOCK.read_text())
    monkeypatch.setattr(peer, "HERE", tmp_path)
    monkeypatch.setattr(peer, "DEBIAN", tmp_path)
    monkeypatch.setattr(peer.shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"no npm\).*nodejs node-ws"):
        peer.modules()


def test_debians_package_does(tmp_path, monkeypatch):
    """Where npm cannot bring it, what apt brought is taken."""
    (tmp_path / "debian" / "ws").mkdir(parents=True)
    monkeypatch.setattr(peer, "HERE", tmp_path)
    monkeypatch.setattr(peer, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(peer.shutil, "which", lambda name: None)
    assert peer.modules() == tmp_path / "debian"
