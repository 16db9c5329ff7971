"""A minute of audio both ways with Node's `ws`, with our client and our server at once.

    python -m tests.node.minute

For most of it nobody has anything to do, so that the tests let it run beside them, in
a process of its own (tests/e2e/conftest.py). Exit code 0: every byte arrived.
"""

import contextlib

import numpy as np

from tests.node.call import RATES, Call, Ear, Mouth, content, samples, sha256

SECONDS = 60
# Each way of each connection: the tag and what flows there.
STREAMS = {"voice": "PCM16", "phone": "PCM8", "law": "ULAW", "": "ALAW"}


class LongCall(Call):
    """All streams both ways from the first moment; `check` waits for their ends."""

    def __init__(self, stack, role):
        self.role = role
        self.ears = {tag: Ear(encoding) for tag, encoding in STREAMS.items()}
        self.mouths = {
            tag: Mouth(encoding, content(encoding, f"{role} out {tag}", SECONDS))
            for tag, encoding in STREAMS.items()
        }
        streams = [
            {
                "tag": tag,
                "encoding": encoding,
                "seed": f"{role} in {tag}",
                "seconds": SECONDS,
                "parameters": {"is": role},
            }
            for tag, encoding in STREAMS.items()
        ]
        super().__init__(stack, role, self.listen, play=streams)
        self.links = [
            mouth.send_media_to(self.ws, tag=tag, encoding=STREAMS[tag])
            for tag, mouth in self.mouths.items()
        ]

    def listen(self, ws):
        for tag, ear in self.ears.items():
            ws.send_media_to(ear, tag=tag)

    def check(self):
        for link in self.links:
            link.wait(SECONDS + 60)
        for tag, encoding in STREAMS.items():
            sent = self.mouths[tag].data
            stopped = self.node.wait("stopped", tag=tag, timeout=60)
            assert stopped["encoding"] == encoding
            assert stopped["bytes"] == stopped["bytesSent"] == len(sent)
            assert stopped["duration"] == SECONDS * 1000
            assert stopped["messages"] == SECONDS * 50
            assert stopped["sha256"] == sha256(sent)

            sent = content(encoding, f"{self.role} in {tag}", SECONDS)
            played = self.node.wait("played", tag=tag, timeout=60)
            assert played["sha256"] == sha256(sent)
            heard = self.ears[tag].wait(SECONDS * RATES[encoding], 60)
            np.testing.assert_array_equal(heard, samples(encoding, sent))
            received = self.ws.media_statistics.received[tag]
            assert received.messages == played["messages"] == SECONDS * 50
            assert received.declared_bytes == len(sent)
        self.is_flawless()


def main():
    """Both calls at the same time, to their ends."""
    with contextlib.ExitStack() as stack:
        calls = [LongCall(stack, "client"), LongCall(stack, "server")]
        for each in calls:
            each.check()
        for each in calls:
            # No stream is open any more, so this is the end and nothing else.
            each.ws.close()
            assert each.node.wait("closed")["code"] == 1000
            assert each.events.wait("close").was_clean
            assert each.events.types()[:2] == ["created", "open"]
            started = {event.tag for event in each.events.all("media-started")}
            assert started == set(STREAMS)
            each.is_flawless()
    print("nothing lost")


if __name__ == "__main__":
    main()
