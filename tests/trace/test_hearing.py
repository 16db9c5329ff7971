"""Going through a trace; what is understood of each service is in `test_ears`."""

import numpy as np

from tests.trace.written import LIVE, RATE, binary, content, event, written
from voxsync.trace.hearing import Sound, hear


def test_every_record_is_passed_on(tmp_path):
    """With what is heard in it, if anything."""
    lines = [event(0, "open"), binary(1, "in", 0.1, 5), event(2, "close")]
    trace = written(tmp_path, lines)
    found = list(hear(trace))
    assert [record for record, _ in found] == list(trace)
    assert [len(heard) for _, heard in found] == [0, 1, 0]
    (sound,) = found[1][1]
    assert isinstance(sound, Sound)
    assert sound.seconds == 0.1
    assert sound.samples.dtype == np.int16
    assert np.abs(sound.samples).tolist() == [5] * (RATE // 10)


def test_each_connection_is_understood_by_itself(tmp_path):
    """A session that is resumed begins anew: no words of before are in its words."""
    line = content(1, outputTranscription={"text": "one"})
    again = {**content(2, outputTranscription={"text": "two"}), "conn": 2}
    trace = written(tmp_path, [line, again], **LIVE)
    assert [heard[0].text for _, heard in hear(trace)] == ["one", "two"]
