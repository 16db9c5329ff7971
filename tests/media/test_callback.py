"""Units made of a function, or of memory."""

import threading

import numpy as np
import pytest

from tests.media.toys import BLOCK, RATE, SOON, Ear, Errors, in_thread, numbered
from voxsync.errors import FormatError, MediaError
from voxsync.media.callback import BufferSink, CallbackSink, CallbackSource
from voxsync.media.source import EndOfStream


def speaking(*steps):
    """A source's function that goes through the steps; then the end."""
    left = list(steps)

    def make(frames):
        if not left:
            raise EndOfStream
        step = left.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step

    return make


# CallbackSource


@pytest.mark.parametrize(
    "block",
    [
        numbered(0, 10),
        numbered(0, 10).astype(">i2"),
        numbered(0, 10).tobytes(),
        bytearray(numbered(0, 10).tobytes()),
        memoryview(numbered(0, 10).tobytes()),
    ],
    ids=["int16", "big-endian", "bytes", "bytearray", "memoryview"],
)
def test_what_a_function_may_return(block):
    """int16 in either byte order, or bytes of it."""
    source = CallbackSource(speaking(block))
    assert list(source.read(10)) == list(range(10))
    with pytest.raises(EndOfStream):
        source.read(10)
    source.close()


def test_the_functions_array_is_its_own():
    """It may use the same array again."""
    scratch = np.zeros(4, np.int16)

    def make(frames):
        scratch[:] += 1
        return scratch

    source = CallbackSource(make)
    assert list(source.read(8)) == [1, 1, 1, 1, 2, 2, 2, 2]
    assert source.level.peak < 0
    source.close()


def test_it_is_asked_for_what_is_needed():
    """20 ms at its own rate, from a link."""
    asked = []

    def make(frames):
        asked.append(frames)
        if len(asked) == 3:
            raise EndOfStream
        return np.zeros(frames, np.int16)

    source = CallbackSource(make, 8000)
    source.send_media_to(Ear(8000), paced=False).wait(SOON)
    assert asked == [160, 160, 160]


def test_nothing_for_a_while():
    """None is no end: it is asked again, and what comes then is heard whole."""
    source = CallbackSource(
        speaking(numbered(0, BLOCK), None, None, None, numbered(BLOCK, BLOCK), None)
    )
    ear = Ear()
    source.send_media_to(ear).wait(SOON)
    assert np.array_equal(ear.heard, numbered(0, 2 * BLOCK))


def test_an_empty_block_is_nothing_yet():
    """It is asked again later, not at once for ever."""
    source = CallbackSource(speaking(b"", np.zeros(0, np.int16), numbered(0, BLOCK)))
    ear = Ear()
    source.send_media_to(ear).wait(SOON)
    assert np.array_equal(ear.heard, numbered(0, BLOCK))


@pytest.mark.parametrize(
    ("block", "error", "words"),
    [
        (numbered(0, 2000), FormatError, "asked for 320 frames, the function .* 2000"),
        (np.zeros(320), FormatError, "int16, not float64"),
        (np.zeros(320, np.float32), FormatError, "float_to_int16"),
        (np.zeros((320, 2), np.int16), FormatError, "mono"),
        (b"odd", FormatError, "16-bit samples"),
        ([0, 1, 2], TypeError, "not list"),
        ("text", TypeError, "not str"),
        (ZeroDivisionError("theirs"), ZeroDivisionError, "theirs"),
        (StopIteration(), StopIteration, None),
    ],
    ids=["long", "float64", "float32", "stereo", "odd", "list", "str", "raise", "stop"],
)
def test_what_ends_it(block, error, words):
    """A clear error, for its links and its listeners; what came before is heard."""
    source = CallbackSource(speaking(numbered(0, BLOCK), block))
    errors = Errors(source)
    ears = [Ear(), Ear()]
    for ear in ears:
        ear.open = False
    links = [source.send_media_to(ear, paced=False) for ear in ears]
    for ear in ears:
        ear.uncover()
    for link in links:
        with pytest.raises(error, match=words):
            link.wait(SOON)
    assert errors.come()
    assert errors.seen == [source.error]
    assert source.links == ()
    assert np.array_equal(ears[0].heard, numbered(0, BLOCK))


def test_a_function_that_leaves_the_program():
    """`sys.exit()` in it ends the link with that, not silently."""
    source = CallbackSource(speaking(SystemExit(3)))
    link = source.send_media_to(Ear())
    with pytest.raises(SystemExit):
        link.wait(SOON)


def test_a_function_that_takes_long_holds_up_no_other_source():
    """And its links can be stopped meanwhile, without waiting for it for ever."""
    inside, gate = threading.Event(), threading.Event()

    def make(frames):
        inside.set()
        assert gate.wait(SOON)
        return np.zeros(frames, np.int16)

    source, ear = CallbackSource(make), Ear()
    link = source.send_media_to(ear)
    assert inside.wait(SOON)
    other, other_ear = CallbackSource(speaking(numbered(0, BLOCK))), Ear()
    other.send_media_to(other_ear).wait(SOON)
    assert len(other_ear.heard) == BLOCK
    join = in_thread(link.stop)
    gate.set()
    join()
    link.wait(SOON)
    assert len(ear.heard) == 0


@pytest.mark.parametrize("make", [CallbackSource, CallbackSink])
def test_what_is_no_function(make):
    """Refused at once; so is one that would have to be awaited."""

    async def coroutine(frames):
        """Nobody would await it."""

    with pytest.raises(TypeError, match="callable"):
        make(5)
    with pytest.raises(TypeError, match="coroutine"):
        make(coroutine)


# CallbackSink


def test_each_block_is_handed_over():
    """As an array that is the function's own, at the sink's rate."""
    blocks = []
    source = CallbackSource(speaking(numbered(0, BLOCK), numbered(BLOCK, 100)))
    sink = CallbackSink(blocks.append)
    source.send_media_to(sink, paced=False).wait(SOON)
    assert [len(block) for block in blocks] == [BLOCK, 100]
    assert np.array_equal(np.concatenate(blocks), numbered(0, 420))
    before = sink.level
    blocks[0][:] = blocks[1][:] = 0
    assert sink.level == before or sink.level.peak == -120  # of the last 100 ms
    assert sink.stats.frames == 420


def test_a_function_that_raises_ends_its_link_only():
    """The source and its other links live on; the error is told and raised."""
    sink = CallbackSink(lambda block: 1 / 0)
    errors = Errors(sink)
    left = [BLOCK] * 5

    def make(frames):
        if not left:
            raise EndOfStream
        left.pop()
        return np.zeros(frames, np.int16)

    source = CallbackSource(make)
    ear = Ear()
    healthy = source.send_media_to(ear)
    link = source.send_media_to(sink)
    with pytest.raises(ZeroDivisionError):
        link.wait(SOON)
    healthy.wait(SOON)
    assert len(ear.heard) == 5 * BLOCK
    assert errors.come()
    assert errors.seen == [sink.error] == [link.error]
    assert source.error is None


def test_a_sink_serves_the_next_link_after_a_failure():
    """A function that failed once may be used again."""
    fails = [True]
    heard = []

    def take(block):
        if fails:
            fails.pop()
            raise OSError("once")
        heard.append(block)

    sink = CallbackSink(take)
    link = CallbackSource(speaking(numbered(0, BLOCK))).send_media_to(sink)
    with pytest.raises(OSError, match="once"):
        link.wait(SOON)
    CallbackSource(speaking(numbered(0, BLOCK))).send_media_to(sink).wait(SOON)
    assert len(heard) == 1


def test_writing_by_hand():
    """Without a link: arrays and bytes, and an exception comes back to the caller."""
    heard = []
    sink = CallbackSink(heard.append)
    sink.write(numbered(0, 10))
    sink.write(numbered(10, 10).tobytes())
    assert np.array_equal(np.concatenate(heard), numbered(0, 20))
    failing = CallbackSink(lambda block: 1 / 0)
    errors = Errors(failing)
    with pytest.raises(ZeroDivisionError):
        failing.write(numbered(0, 10))
    assert errors.come()


@pytest.mark.parametrize("act", ["stop", "close sink", "close source", "clear"])
def test_a_function_may_act_on_its_own_link(act):
    """On the link's own thread: nobody waits for itself."""
    done = threading.Event()

    def take(block):
        if act == "stop":
            link.stop()
        elif act == "close sink":
            sink.close()
        elif act == "close source":
            source.close()
        else:
            source.clear_media_buffer()
        done.set()

    sink = CallbackSink(lambda block: ready.wait(SOON) and take(block))
    ready = threading.Event()
    source = CallbackSource(lambda frames: np.zeros(frames, np.int16))
    link = source.send_media_to(sink)
    ready.set()
    assert done.wait(SOON)
    if act == "clear":
        assert link.is_active
        link.stop()
    link.wait(SOON)
    assert link.error is None


# BufferSink


def test_what_is_kept():
    """All of it, as a copy."""
    sink = BufferSink()
    assert len(sink.frames) == 0
    sink.write(numbered(0, 10))
    sink.write(b"")
    sink.write(numbered(10, 10))
    sink.frames[:] = 0
    assert np.array_equal(sink.frames, numbered(0, 20))
    assert sink.stats.frames == 20
    assert sink.stats.buffered == 0
    sink.take()
    assert len(sink.frames) == 0


def test_the_bound():
    """What does not fit is refused, counted, told once, and not kept alive (I8)."""
    sink = BufferSink(0.1)  # 1600 frames
    errors = Errors(sink)
    for number in range(20):
        sink.write(numbered(100 * number, 100))
    assert errors.come()
    assert len(errors.seen) == 1
    assert isinstance(errors.seen[0], MediaError)
    assert "holds its 0.1 s" in str(errors.seen[0])
    assert np.array_equal(sink.frames, numbered(0, 1600))
    assert sink.stats.refused == 400
    assert sink.stats.frames == 1600
    for _ in range(1000):
        sink.write(numbered(0, 100))
        sink.write(b"")
    assert len(sink._blocks) == 16
    sink.take()
    sink.write(numbered(0, 100))
    assert len(sink.frames) == 100


def test_it_hears_a_link():
    """The same through a link, paced or not."""
    sink = BufferSink()
    source = CallbackSource(speaking(*(numbered(n * 160, 160) for n in range(10))))
    source.send_media_to(sink, paced=False).wait(SOON)
    assert np.array_equal(sink.frames, numbered(0, 1600))


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_no_room_at_all(seconds):
    """A bound is positive, and is one."""
    with pytest.raises(ValueError, match="seconds must be a positive number"):
        BufferSink(seconds)


@pytest.mark.parametrize("seconds", ["a", None, True])
def test_a_bound_is_a_number(seconds):
    """Told at once, by its name."""
    with pytest.raises(TypeError, match="seconds must be a number"):
        BufferSink(seconds)


@pytest.mark.parametrize("sink", [BufferSink(), CallbackSink(print)])
def test_what_is_not_wanted_any_more(sink):
    """A block that was cleared while it was on its way is not taken."""
    assert sink._put(numbered(0, 10), lambda: False) is False
    assert sink.stats.frames == 0


def test_rates_are_checked():
    """By each unit, before anything else happens."""
    with pytest.raises(ValueError, match="sample_rate"):
        BufferSink(sample_rate=16)
    assert CallbackSink(print, RATE, name="mine").name == "mine"
