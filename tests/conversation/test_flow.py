"""The audio of a conversation: where it comes from, where it goes, how it ends."""

import contextlib
import threading
from types import SimpleNamespace

import pytest

from tests.conversation.model import SOON
from tests.media.fake_sound import sound  # noqa: F401 - a fixture
from tests.media.toys import BLOCK, Ear, Feed
from voxsync.conversation.flow import Flow, Levels
from voxsync.errors import DeviceError, FormatError, SessionClosed
from voxsync.events import EventType
from voxsync.media import CallbackSink, Microphone, Speaker
from voxsync.mimi import MimiSession


@pytest.fixture
def begin():
    """Lets flows flow; undoes all at the end."""
    with contextlib.ExitStack() as stack:

        def begin_(session, microphone, speaker, failed=print):
            flow = Flow(session, microphone, speaker, failed=failed)
            flow.prepare(stack)
            flow.begin(stack)
            return flow

        begin_.stack = stack
        yield begin_


def test_audio_flows_both_ways(far, session, begin):
    """At the rates of either end."""
    mic, ear = Feed(), Ear(24_000)
    flow = begin(session, mic, ear)
    mic.give(BLOCK)
    far.hears(lambda far: len(far.audio) == BLOCK)
    far.speak(0.2, 1234)
    assert ear.hears(24_000 // 5)
    assert set(ear.heard.tolist()) == {1234}
    assert flow.levels.output.peak == pytest.approx(-28.5, abs=0.1)
    assert not flow.runs_here()


def test_before_it_flows_all_is_silent(session):
    """And it can be muted."""
    flow = Flow(session, Feed(), Ear(), failed=print)
    assert flow.levels == Levels()
    flow.silence()
    assert not flow.runs_here()
    flow.on_media(SimpleNamespace(tag=""))
    assert flow.mute is False
    flow.mute = True
    with contextlib.ExitStack() as stack:
        flow.prepare(stack)
        assert flow._gate.mute is True
        flow.mute = False
        assert flow._gate.mute is flow.mute is False


def test_silence_ends_it_at_once(far, session, begin):
    """What waits is not heard."""
    ear = Ear(24_000, clock=True)
    ear.uncover(False)
    flow = begin(session, Feed(), ear)
    far.speak(1.0)
    assert ear.waits.wait(SOON)
    flow.silence()
    flow.wait()
    ear.uncover()
    assert not len(ear.heard)


def test_a_microphone_that_fails_ends_it(session, begin):
    """The error is told; at its end alone nothing is."""
    told = []
    mic = Feed()
    flow = begin(session, mic, Ear(), told.append)
    mic.over(fault := OSError("no card"))
    flow.wait()
    assert told == [fault]


def test_a_microphone_at_its_end_ends_nothing(far, session, begin):
    """The model still answers."""
    told, mic, ear = [], Feed(), Ear(24_000)
    flow = begin(session, mic, ear, told.append)
    mic.give(BLOCK)
    mic.over()
    assert far.hears(lambda far: far.marks == ["start", "audio", "end"])
    far.speak(0.1)
    assert ear.hears(2400)
    assert flow._down.is_active
    assert told == []


def test_the_end_of_the_session_is_heard_to_the_end(far, session, begin):
    """What has arrived sounds; then the flow is over, without an error."""
    told, ear = [], Ear(24_000, clock=True)
    ear.uncover(False)
    flow = begin(session, Feed(), ear, told.append)
    far.speak(1.0)
    assert ear.waits.wait(SOON)
    far.session.close()
    session.wait_closed(SOON)
    ear.uncover()
    flow.wait()
    assert len(ear.heard) == 24_000
    assert told == []


def test_a_speaker_that_fails_ends_it(far, session, begin):
    """`wait` raises the error."""
    fault = OSError("no card")

    def take(block):
        raise fault

    flow = begin(session, Feed(), CallbackSink(take))
    far.speak(0.1)
    with pytest.raises(OSError, match="no card"):
        flow.wait()


def test_a_units_function_runs_here(far, session, begin):
    """It must not wait for the end."""
    found = []
    come = threading.Event()

    def take(block):
        found.append(flow.runs_here())
        come.set()

    flow = begin(session, Feed(), CallbackSink(take))
    far.speak(0.1)
    assert come.wait(SOON)
    assert found[0] is True


def test_half_duplex_looks_at_the_stream_that_is_heard(session, begin):
    """Others have other tags."""
    flow = begin(session, Feed(), Ear())
    gate, told = flow._gate, []
    gate.sounding = told.append
    for tag, kind in (
        ("", EventType.MEDIA_STARTED),
        ("other", EventType.MEDIA_ENDED),
        ("", EventType.MEDIA_ENDED),
    ):
        flow.on_media(SimpleNamespace(tag=tag, type=kind))
    assert told == [True, False]


def test_half_duplex_learns_of_a_burst_that_is_on(session, begin, monkeypatch):
    """Where nothing has been told yet: that would be newer."""
    for playing, kind, expected in (
        (True, None, [True]),
        (False, None, []),
        (True, EventType.MEDIA_ENDED, [False]),
    ):
        flow = Flow(session, Feed(), Ear(), failed=print)
        flow.look_for_media()  # before there is a gate
        flow.prepare(begin.stack)
        told = []
        flow._gate.sounding = told.append
        monkeypatch.setattr(session, "_is_playing", {"": playing}.get)
        if kind is not None:
            flow.on_media(SimpleNamespace(tag="", type=kind))
        flow.look_for_media()
        assert told == expected


def test_two_sessions_can_talk_with_each_other(far, make, begin):
    """A call that came in, for instance; it hangs up, and that is a good end."""
    one = make()
    assert far.here.wait(SOON)
    far_one = far.session
    far.here.clear()
    far.session = None
    other = make()
    assert far.here.wait(SOON)
    flow = begin(one, other, other)
    far.speak(0.2, 55)  # the one at the other session
    far.hears(lambda far: len(far.audio) >= 3000)
    far_one.send_binary(bytes(4800))
    far.hears(lambda far: 0 in far.audio)
    other.close()
    with pytest.raises(SessionClosed):
        flow.wait()
    assert one.is_active


def test_the_systems_devices_are_closed_again(session, sound, begin):  # noqa: F811
    """Microphone and speaker of our own making; no sound card is needed here."""
    flow = begin(session, None, None)
    assert isinstance(flow._microphone, Microphone)
    assert isinstance(flow._speaker, Speaker)
    assert len(sound.streams) == 2
    begin.stack.close()
    assert all(stream.is_closed for stream in sound.streams)


def test_of_two_devices_one_does_not_open(session, sound):  # noqa: F811
    """The other is closed again."""
    sound.devices = [("Microphone", 1, 0, 16000)]
    with contextlib.ExitStack() as stack, pytest.raises(DeviceError):
        Flow(session, None, None, failed=print).prepare(stack)
    assert len(sound.streams) == 1
    assert sound.streams[0].is_closed


def test_a_service_that_only_listens():
    """There is nobody to talk with."""
    session = MimiSession("token", url="ws://127.0.0.1:1/")
    flow = Flow(session, Feed(), Ear(), failed=print)
    with contextlib.ExitStack() as stack, pytest.raises(FormatError, match="no audio"):
        flow.prepare(stack)


@pytest.mark.parametrize("unit", [Microphone, "microphone", 7, print])
def test_what_is_no_unit(session, unit):
    """Is refused at once, and said what would do."""
    with pytest.raises(TypeError, match="microphone must be a unit"):
        Flow(session, unit, None, failed=print)
    with pytest.raises(TypeError, match="speaker must be a unit"):
        Flow(session, None, unit, failed=print)
