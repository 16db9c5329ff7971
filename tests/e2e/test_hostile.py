"""C6: whatever messages strangers send, the server stays whole and in use.

A flood from a seeded generator, on connections that stay open: right, nearly right and
absurd JSON. After each batch a text message is answered.
"""

import base64
import contextlib
import gc
import json
import random
import sys
import time
from collections import Counter

from tests.e2e.conftest import GREETING, MOST, TOKEN, descriptors
from tests.server.conftest import RawClient
from voxsync.wire import Text

MESSAGES = 10_000
ROUNDS = 5


class Writer:
    """Makes messages that are right, nearly right, or not right at all."""

    def __init__(self, rng):
        self.rng = rng
        self.tags = ("voice", "", "a", "b", "c")

    def start(self, **more):
        tag = self.rng.choice(self.tags)
        encoding, rate = self.rng.choice(
            [("PCM8", 8000), ("PCM16", 16000), ("ULAW", 8000), ("audio/x-mulaw", 8000)]
        )
        form = {"encoding": encoding, "sampleRate": rate}
        inner = {"tag": tag, "mediaFormat": form, "customParameters": {"key": TOKEN}}
        return {"event": "start", "sequenceNumber": 0, "start": inner | more}

    def media(self, **more):
        number, size = self.rng.randrange(100), 2 * self.rng.randrange(200)
        inner = {
            "tag": self.rng.choice(self.tags),
            "chunk": number,
            "timestamp": 160 * number,
            "payload": base64.b64encode(self.rng.randbytes(size)).decode(),
        }
        return {"event": "media", "sequenceNumber": number, "media": inner | more}

    def stop(self, **more):
        info = {"bytesSent": 640, "duration": 40}
        inner = {"tag": self.rng.choice(self.tags), "mediaInfo": info} | more
        return {"event": "stop", "sequenceNumber": 9, "stop": inner}

    def other(self):
        return {"customEvent": "x", "payload": {"token": TOKEN}}

    def any(self):
        return self.rng.choice([self.start, self.media, self.stop, self.other])()

    def right(self):
        """As it should be."""
        return json.dumps(self.any())

    # Values

    def value(self):
        """Anything that JSON can hold."""
        rng = self.rng
        return rng.choice(
            [
                *(None, True, False, 0, -1, 1.5, 2**63, 2**64 - 1, 2**64, 10**30),
                *(float("nan"), float("inf"), float("-inf"), 1e308, -0.0),
                *("", "0", "-1", "1e3", "18446744073709551616", "9" * 5000),
                *("\ud800", "\udfff\ud800", "\x00", "é", "💬", "x" * 10_000),
                *([], {}, [[]], {"event": "media"}, [1] * 1000, {"": {"": {}}}),
                *("start", "media", "stop", "init", "__proto__", "PCM16", "OPUS"),
            ]
        )

    def mutated(self):
        """A right message with one to four members changed."""
        found = self.any()
        for _ in range(self.rng.randint(1, 4)):
            inner = found
            while True:
                key = self.rng.choice(list(inner))
                if (
                    isinstance(inner[key], dict)
                    and inner[key]
                    and self.rng.random() < 0.7
                ):
                    inner = inner[key]
                    continue
                break
            what = self.rng.randrange(5)
            if what == 0:
                del inner[key]
            elif what == 1:
                inner[str(self.value())[:200]] = inner.pop(key)
            else:
                inner[key] = self.value()
            if not found:
                break
        return json.dumps(found)

    def scribbled(self):
        """The text of a right message, with characters put in, out or elsewhere."""
        text = list(json.dumps(self.any()))
        for _ in range(self.rng.randint(1, 6)):
            at = self.rng.randrange(len(text) or 1)
            what = self.rng.randrange(4)
            if what == 0:
                del text[at:]
            elif what == 1:
                del text[at : at + self.rng.randrange(20)]
            elif what == 2:
                text.insert(at, self.rng.choice('{}[]",:\\ \t\x00\x1f0-.eé\u2028💬'))
            else:
                text[at:at] = text[: self.rng.randrange(30)]
        return "".join(text)

    def doubled(self):
        """Members with the same name, at several levels."""
        one, two = (json.dumps(self.any())[1:-1] for _ in range(2))
        return "{" + one + ", " + two + ', "event": ' + json.dumps(self.value()) + "}"

    def mistyped(self):
        """Each member as each kind of value."""
        name = self.rng.choice(["start", "media", "stop"])
        inner = {
            key: self.value()
            for key in ("tag", "mediaFormat", "payload", "chunk", "timestamp")
            if self.rng.random() < 0.6
        }
        found = {"event": name, name: self.rng.choice([inner, self.value()])}
        return json.dumps(found | {"sequenceNumber": self.value()})

    def payload(self):
        """What is no base64, or not of whole samples."""
        rng = self.rng
        good = base64.b64encode(rng.randbytes(rng.randrange(400))).decode()
        payload = rng.choice(
            [
                good[:-1],
                good + "=",
                good.replace("A", "-").replace("B", "_"),
                "\n".join(good),
                good + "!" + good,
                "=" * rng.randrange(9),
                "A" * rng.randrange(9),
                "é" * 8,
                base64.b64encode(b"RIFF\xff\xff\xff\xffWAVEfmt \x10").decode(),
                base64.b64encode(b"RIFF\x00\x00\x00\x00WAVEdata" + bytes(9)).decode(),
                TOKEN,
            ]
        )
        return json.dumps(self.media(payload=payload, tag=rng.choice(["voice", "a"])))

    def numbers(self):
        """Chunks and timestamps that jump, and numbers of all kinds and sizes."""
        rng = self.rng
        pick = lambda: rng.choice(  # noqa: E731
            [
                0,
                1,
                2**32,
                2**63,
                2**64 - 1,
                rng.getrandbits(64),
                str(rng.getrandbits(64)),
            ]
        )
        return json.dumps(self.media(chunk=pick(), timestamp=pick()))

    def rates(self):
        """Formats that contradict themselves, and media in them."""
        rng = self.rng
        if rng.random() < 0.5:
            return json.dumps(self.media(tag="voice"))
        form = {
            "encoding": rng.choice(["PCM16", "PCM8", "ULAW", "audio/l16", "OPUS", "?"]),
            "sampleRate": rng.choice(
                [
                    8000,
                    16000,
                    44100,
                    48000,
                    1,
                    7,
                    999,
                    1000,
                    12345,
                    384000,
                    384001,
                    -8000,
                ]
            ),
            "channels": rng.choice([1, 1, 1, 2, 0, 3, 255, 2**40, "2"]),
        }
        start = self.start(mediaFormat=form, tag="voice")
        return json.dumps(start)

    def parameters(self):
        """Custom parameters of all kinds."""
        text = self.rng.choice(
            ['{"a": 1}', "[]", "{", "[" * 100_000, "9" * 5000, "", " ", "null", TOKEN]
        )
        return json.dumps(
            self.start(customParameters=self.rng.choice([text, self.value()]))
        )

    def many_tags(self):
        """Ever new streams, opened, used and left open or stopped."""
        tag = f"tag {self.rng.randrange(100_000)}" * self.rng.choice([1, 1, 1, 200])
        kind = self.rng.choice([self.start, self.start, self.media, self.stop])
        return json.dumps(kind(tag=tag))

    def odd_tags(self):
        """Tags that are hard to write down."""
        tag = self.rng.choice(["\ud800", "\x00", "\u202e", '"}}', "💬" * 50, "%s{0}"])
        kind = self.rng.choice([self.start, self.media, self.stop])
        return json.dumps(kind(tag=tag), ensure_ascii=tag.startswith("\ud800"))

    def nested(self):
        """A hundred thousand levels, begun in many ways."""
        begin = self.rng.choice(
            ["", '{"event":', '{"event":"media","media":', '{"event":"start","start":']
        )
        level = self.rng.choice(["[", '{"a":'])
        end = self.rng.choice(["", "]" * 100_000])
        return begin + level * 100_000 + end

    def long(self):
        """As long as a message may be, nearly."""
        room = MOST - 1000
        kind = self.rng.randrange(6)
        if kind == 0:
            return "x" * room
        if kind == 1:
            return json.dumps(self.media(payload="A" * (room // 4 * 4)))
        if kind == 2:
            return json.dumps(self.start(tag="t" * room))
        if kind == 3:
            return '{"event": "media", "media": {"chunk": ' + "9" * room + "}}"
        if kind == 4:
            return '{"event": "media", "media": [' + "0," * (room // 2 - 50) + "0]}"
        return '{"event": "media", ' + '"a": 1e999999, ' * (room // 20) + '"b": 0}'

    def odd(self):
        """No JSON, or nearly none."""
        return self.rng.choice(
            [
                *("", " ", "{", "}", "null", "[]", '"event"', "NaN", "{}", "{}{}"),
                *("\ufeff{}", '{"event"}', '{"event": "pong"}', '{"event": []}'),
                *("hello " + TOKEN, '\x0b{"event": "init"}', "{'event': 'media'}"),
            ]
        )


# name: messages of a batch, share of all batches
KINDS = {
    "right": (50, 30),
    "mutated": (50, 60),
    "scribbled": (50, 30),
    "doubled": (50, 10),
    "mistyped": (50, 20),
    "payload": (50, 10),
    "numbers": (50, 10),
    "rates": (40, 10),
    "parameters": (20, 10),
    "many_tags": (50, 20),
    "odd_tags": (50, 10),
    "odd": (50, 10),
    "nested": (4, 6),
    "long": (4, 6),
}


def is_delivered(text):
    """Whether it is the application's: no media event, and nothing absurd."""
    if not text.lstrip(" \t\n\r").startswith("{"):
        return True
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return True
    except (ValueError, RecursionError):
        return False  # so many digits, or levels
    return found.get("event") not in ("start", "media", "stop", "init")


class Caller(RawClient):
    """A client that sends batches, and waits after each until all of it was seen."""

    def __init__(self, port):
        super().__init__(port)
        self.sock.settimeout(30)
        self.send(GREETING)
        assert self.answer().startswith(b"HTTP/1.1 101 ")
        self.port = self.sock.getsockname()[1]
        self.probes = 0
        self.say([])  # the app knows us when that is answered

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def say(self, texts):
        self.probes += 1
        probe = f"probe {self.probes}"
        for text in [*texts, probe]:
            self.wire.send_text(text)
        self.flush()
        while (got := self.next()) != Text(probe):
            # What comes between is the echo of media.
            assert isinstance(got, Text), got
            assert got.data.startswith('{"event":'), got

    def leave(self):
        self.wire.send_close(1000)
        self.flush()
        assert self.until_close().code == 1000
        assert self.rest() == b""


class Flood:
    """Batches of messages on some connections, and what each kind took."""

    def __init__(self, app):
        self.app = app
        self.rng = random.Random(20261121)
        self.writer = Writer(self.rng)
        self.names = [name for name, (_, share) in KINDS.items() for _ in range(share)]
        self.spent, self.count = Counter(), Counter()

    def run(self, messages, connections=4):
        end = self.count.total() + messages
        with contextlib.ExitStack() as stack:
            port = self.app.server.port
            callers = [stack.enter_context(Caller(port)) for _ in range(connections)]
            while self.count.total() < end:
                self.batch(self.rng.choice(callers), self.rng.choice(self.names))
            for caller in callers:
                caller.leave()

    def batch(self, caller, name):
        size = KINDS[name][0]
        texts = [getattr(self.writer, name)() for _ in range(size)]
        heard = self.app.heard[caller.port]
        began = time.perf_counter()
        caller.say(texts)
        self.spent[name] += time.perf_counter() - began
        self.count[name] += size
        assert heard == [text for text in texts if is_delivered(text)], name
        heard.clear()

    def show(self):
        usual = self.spent["right"] / self.count["right"]
        print("\nmilliseconds a message, and how often the usual:")
        for name, number in self.count.items():
            each = self.spent[name] / number
            print(f"  {name:10} {1e3 * each:8.3f} {each / usual:7.1f}  ({number})")


def test_hostile_json(app):
    """After every batch the connection is in use; what was the app's came unchanged."""
    flood, before, grown = Flood(app), descriptors(), []
    for _ in range(ROUNDS):
        flood.run(MESSAGES // ROUNDS)
        app.check()
        gc.collect()
        grown.append(sys.getallocatedblocks())
    assert flood.count.total() >= MESSAGES
    assert descriptors() <= before + 1
    # The first round fills caches; then that is that.
    assert grown[-1] - grown[0] < 5000, grown
    assert app.errors["ProtocolError"] > MESSAGES // 10
    flood.show()
    print(grown, app.errors)
