"""What was lost since one looked last."""

from voxsync.session.stats import Stats
from voxsync.trace.losses import Losses


def test_what_has_risen():
    """By name, count of messages and seconds of audio; each loss once."""
    losses = Losses()
    assert losses.new(Stats()) == []
    first = Stats(send_refused=2, audio_gated=0.5, receive_dropped=1)
    assert losses.new(first) == [
        ("refused", 2, 0.0),
        ("dropped", 1, 0.0),
        ("gated", 0, 0.5),
    ]
    assert losses.new(first) == []
    second = Stats(
        send_refused=5,
        audio_gated=0.5,
        receive_dropped=1,
        unsent=3,
        audio_unlinked=1.5,
        audio_refused=0.25,
        audio_lost=0.1,
        audio_dropped=2.0,
    )
    assert losses.new(second) == [
        ("refused", 3, 0.0),
        ("unsent", 3, 0.0),
        ("refused", 0, 0.25),
        ("dropped", 0, 2.0),
        ("missing", 0, 0.1),
    ]
