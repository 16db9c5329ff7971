"""D7: an hour of conversation, 1,000 turns: nothing grows."""

import collections
import gc
import threading
import tracemalloc
from pathlib import Path

import numpy as np

from tests.gemini.far import RATE, SOON, Far, Seen, content, sounds, update
from tests.server.conftest import until
from voxsync.clocks import VirtualClock
from voxsync.media import CallbackSink
from voxsync.session import SessionOptions

TURNS = 1000
HOUR = 3600.0
CONNECTION = 600.0  # seconds that the service lets one live
WARM = 300  # turns until everything has its size
MANUAL = {"realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}
SPOKEN = 4 * 0.24  # seconds of an answer
QUESTION = np.arange(16_000, dtype=np.int16)  # a second


def answer(turn):
    """What the service says to a question: 960 ms of voice, and what belongs to it."""
    return [
        content(inputTranscription={"text": f"question {turn}"}),
        *[sounds(n, 0.24) for n in range(4)],
        content(outputTranscription={"text": f"answer {turn}"}),
        content(generationComplete=True),
        {
            **content(turnComplete=True),
            "usageMetadata": {"totalTokenCount": turn},
        },
        update(f"handle-{turn:010}"),
    ]


class Service(Far):
    """Answers whenever the user has spoken; forgets what it heard."""

    def __init__(self):
        super().__init__()
        self.got = collections.deque(maxlen=10)
        self.turns = 0
        self.samples = 0
        self.answers = self.answer

    def answer(self, message):
        said = message["realtimeInput"]
        if "audio" in said:
            self.samples += len(said["audio"]["data"]) * 3 // 4 // 2
        if "text" in said:
            return [update(f"handle-{self.turns:010}")]
        if "activityEnd" not in said:
            return ()
        self.turns += 1
        return answer(self.turns)


def census():
    """Bytes, threads and descriptors in use."""
    gc.collect()
    return (
        tracemalloc.get_traced_memory()[0],
        threading.active_count(),
        len(list(Path("/proc/self/fd").iterdir())),
    )


class Talk:
    """The user's side."""

    def __init__(self, far, clock):
        options = SessionOptions(clock=clock)
        model = far.model(config=MANUAL, options=options)
        self.session = model.session({})
        self.clock = clock
        self.frames = 0
        self.texts = collections.deque(maxlen=2)
        self.link = self.session.send_media_to(CallbackSink(self.heard, RATE))
        self.errors = Seen(self.session, "error", "close")

    def heard(self, block):
        self.frames += len(block)

    def turn(self):
        """Ask, and take in the answer, to its end."""
        session = self.session
        session.send_activity_start()
        session.send_audio_realtime(QUESTION)
        session.send_activity_end()
        for message in session.receive(SOON):
            if message.type == "sessionResumptionUpdate":
                return
            for said in (message.input_transcription, message.output_transcription):
                if said is not None:
                    self.texts.append(said.text)
        raise AssertionError("the session has ended")

    def settle(self):
        """Exchange a word, for either side still holds the last that it read."""
        self.session.send_text_realtime("so far")
        next(self.session.receive(SOON))

    def hear(self, turns):
        """Let time pass until all of so many answers was heard."""

        def heard():
            self.clock.advance(0.02)
            return self.frames >= round(turns * SPOKEN * RATE)

        until(heard)


def test_an_hour():
    """Memory, threads and descriptors are the same after 300 turns and after 1,000.

    Every ten minutes the session goes on by another connection.
    """
    clock = VirtualClock()
    with Service() as far:
        talk = Talk(far, clock)
        tracemalloc.start()
        try:
            with talk.session as session:
                connected = clock.now()
                for turn in range(1, TURNS + 1):
                    talk.turn()
                    for _ in range(9):
                        clock.advance(HOUR / TURNS / 9)
                    if clock.now() - connected > CONNECTION - 30:
                        session.resume()
                        connected = clock.now()
                    if turn == WARM:
                        talk.hear(turn)
                        talk.settle()
                        before = census()
                talk.hear(TURNS)
                talk.settle()
                after = census()
        finally:
            tracemalloc.stop()
        assert clock.now() >= HOUR
        assert list(talk.texts) == [f"question {TURNS}", f"answer {TURNS}"]
        assert talk.session.usage.total_token_count == TURNS
        assert talk.session.resumption_handle == f"handle-{TURNS:010}"
        assert [event.type for event in talk.errors.comes()] == ["close"]
        assert talk.link.stats.lost == 0
        assert (far.turns, far.samples) == (TURNS, TURNS * len(QUESTION))
        assert len(far.setups) == 7
    assert talk.frames == round(TURNS * SPOKEN * RATE)
    assert after[1:] == before[1:]
    # Four connections more, of which the far end keeps the heads.
    assert after[0] - before[0] < 100_000
