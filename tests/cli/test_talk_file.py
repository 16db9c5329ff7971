import wave

import numpy as np
import pytest

from tests.sound.server import write_wav
from voxsync.cli.main import main
from voxsync.cli.talk_file import _Answer, _receive
from voxsync.errors import ReceiveTimeout
from voxsync.gemini import ServerContent
from voxsync.simulators.gemini_brain import EchoBrain
from voxsync.simulators.gemini_faults import fault
from voxsync.simulators.phrases import PhraseRecogniser
from voxsync.simulators.voice import ToneVoice


@pytest.fixture
def talk(make_live, capsys, tmp_path):
    """Say a file; return exit code, output, error output and the service."""

    def run(path, *args, output=True, **settings):
        service = make_live(**{"paced": False} | settings)
        argv = ["talk", "--url", service.url, "--input", path, *args]
        if output:
            argv += ["--output", tmp_path / "answer.wav"]
        code = main(list(map(str, argv)))
        out, err = capsys.readouterr()
        return code, out, err, service

    return run


@pytest.fixture
def answer(tmp_path):
    """What is in the answer's file: rate and samples; None = there is none."""

    def read():
        path = tmp_path / "answer.wav"
        if not path.exists():
            return None
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
            data = file.readframes(file.getnframes())
            return file.getframerate(), np.frombuffer(data, "<i2")

    return read


def spoken(text):
    return np.concatenate(list(ToneVoice().say(text)))


def test_a_question_and_its_answer(talk, question, answer, tmp_path):
    """The words of both are printed; the answer is in the file, to the sample."""
    path = question("what time is it")
    ears = PhraseRecogniser(["what time is it", "good morning"])
    code, out, err, service = talk(path, answers=["ten past four"], recogniser=ears)
    assert code == 0
    assert out == "you: what time is it\nmodel: ten past four\n"
    rate, samples = answer()
    assert rate == 24000
    assert np.array_equal(samples, spoken("ten past four"))
    seconds = len(samples) / 24000
    assert err == f"{tmp_path}/answer.wav: {seconds:.2f} s, 24000 Hz\n"
    record = service.wait_record(1)
    assert record.close_code == 1000
    assert record.breaches == type(record.breaches)()
    with wave.open(str(path)) as file:
        said = file.getnframes() / file.getframerate()
    (turn,) = record.turns
    assert turn.seconds == pytest.approx(said, abs=0.002)


def test_every_frame_of_any_file_is_heard(talk, answer, tmp_path):
    """At another rate, and of a length that is no multiple of anything."""
    t = np.arange(30001) / 44100
    write_wav(tmp_path / "a.wav", 8000 * np.sin(2 * np.pi * 500 * t), 44100)
    code, out, _, _ = talk(tmp_path / "a.wav", brain=EchoBrain())
    assert (code, out) == (0, "")
    _, samples = answer()
    assert len(samples) / 24000 == pytest.approx(30001 / 44100, abs=0.005)
    power = np.abs(np.fft.rfft(samples)) ** 2
    assert np.argmax(power) * 24000 / len(samples) == pytest.approx(500, abs=2)


def test_only_the_words(talk, question, answer):
    """Without --output nothing is written."""
    assert talk(question(), output=False)[:3] == (0, "model: good day to you all\n", "")
    assert answer() is None


def test_a_model_that_says_nothing(talk, question, answer):
    """Is a failure where its answer was to be kept; there is no empty file."""
    code, out, err, _ = talk(question(), answers=[None])
    assert (code, out) == (1, "")
    assert err == "voxsync: the model said nothing that could be heard\n"
    assert answer() is None
    assert talk(question(), output=False, answers=[None])[:3] == (0, "", "")


def test_an_answer_that_is_there_is_kept(talk, question, answer):
    """Until --force is said."""
    assert talk(question(), answers=["one"])[0] == 0
    assert talk(question(), answers=["two three"])[0] == 2
    assert np.array_equal(answer()[1], spoken("one"))
    assert talk(question(), "--force", answers=["two three"])[0] == 0
    assert np.array_equal(answer()[1], spoken("two three"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no.wav: No such file or directory"),
        (b"", "no.wav"),
        (b"RIFF", "no.wav"),
        (0, "there is no audio in it"),
    ],
)
def test_files_that_are_no_use(talk, tmp_path, content, words):
    """Are noticed before the service is asked for anything."""
    path = tmp_path / "no.wav"
    if content == 0:
        write_wav(path, np.zeros(0), 16000)
    elif content is not None:
        path.write_bytes(content)
    code, _, err, service = talk(path)
    assert code == 1
    assert words in err
    assert len(err.splitlines()) == 1
    assert service.records == []


def test_a_file_that_is_shorter_than_it_says(talk, question, answer):
    """Is said as far as it goes, and told."""
    path = question()
    path.write_bytes(path.read_bytes()[:-1000])
    code, _, err, _ = talk(path)
    assert code == 0
    assert err.startswith(f"voxsync: {path}: ")
    assert answer() is not None


def test_an_answer_that_cannot_be_written(make_live, question, capsys, tmp_path):
    """Names the file."""
    service = make_live()
    args = ["--input", question(), "--output", tmp_path / "no" / "answer.wav"]
    assert main(["talk", "--url", service.url, *map(str, args)]) == 1
    assert "answer.wav: No such file or directory" in capsys.readouterr().err


def test_a_disk_that_fails_meanwhile(talk, question, monkeypatch):
    """Ends the session too, without a hang."""
    monkeypatch.setattr(
        "voxsync.media.wavwriter.WavWriter._append",
        lambda self, data: (_ for _ in ()).throw(OSError(28, "No space left")),
    )
    code, _, err, _ = talk(question())
    assert code == 1
    assert "No space left" in err


def test_a_question_that_cannot_be_read_to_its_end(talk, question, monkeypatch):
    """What the sender fails by is told, not that it has hung up."""

    def read(self, frames, timeout=None):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("voxsync.media.WavReader.read", read)
    code, _, err, _ = talk(question(), output=False)
    assert (code, err) == (1, "voxsync: Input/output error\n")


def test_a_service_that_goes(talk, question, answer):
    """Code and reason are one line; what was heard until then is kept."""
    end = fault("close", code=1011, reason="overloaded", at="answer")
    code, _, err, _ = talk(question(), faults=[end])
    assert code == 1
    assert "close code 1011: overloaded" in err
    assert len(answer()[1]) == 5760


def test_a_service_that_goes_while_it_listens(talk, question):
    """The sender has nobody to send to, which is not what is told."""
    end = fault("close", code=1011, reason="deaf", at="audio")
    code, _, err, _ = talk(question(silence=60.0), output=False, faults=[end])
    assert code == 1
    assert "close code 1011: deaf" in err


def test_a_model_that_thinks_for_ever(talk, question, monkeypatch):
    """Is not waited for any longer than it may think."""
    monkeypatch.setattr("voxsync.cli.talk_file._PATIENCE_S", 0.2)
    code, _, err, _ = talk(question(), output=False, faults=[fault("mute")])
    assert code == 1
    assert len(err.splitlines()) == 1


class Late:
    """A session whose answer comes late, and the thread that still sends."""

    def __init__(self, timeouts):
        self.timeouts = timeouts
        self.thread = self

    def receive_turn(self, timeout):
        if self.timeouts:
            self.timeouts -= 1
            raise ReceiveTimeout("nothing came")
        yield ServerContent(turn_complete=True)

    def is_alive(self):
        return self.timeouts > 0


@pytest.mark.parametrize(("timeouts", "is_late"), [(0, False), (3, True)])
def test_patience_begins_when_all_was_said(timeouts, is_late):
    """A file that takes long to send is no model that takes long to think."""
    late = Late(timeouts)
    with _Answer(None) as found:
        if is_late:
            with pytest.raises(ReceiveTimeout):
                _receive(late, late, found)
        else:
            _receive(late, late, found)
    assert late.timeouts == 0


class Interrupting:
    """Answers at length, and presses Ctrl-C meanwhile."""

    def __init__(self, interrupt):
        self.interrupt = interrupt

    def answer(self, turn):
        self.interrupt()
        return "this answer is long " * 10


def test_ctrl_c(talk, question, interrupt):
    """Ends it at once, with the code of what was interrupted."""
    code, _, err, _ = talk(
        question(), output=False, brain=Interrupting(interrupt), paced=True
    )
    assert (code, err) == (130, "voxsync: interrupted\n")


class Message:
    def __init__(self, rate, samples):
        self.sample_rate, self.audio = rate, samples


def test_answers_at_another_rate(answer, tmp_path):
    """Are resampled; messages without audio are none."""
    with _Answer(tmp_path / "answer.wav") as found:
        found.add(Message(None, None))
        for _ in range(10):
            found.add(Message(16000, np.ones(1600, np.int16)))
    rate, samples = answer()
    assert rate == 24000
    assert len(samples) / 24000 == pytest.approx(1.0, abs=0.01)
    assert found.frames == len(samples)


def test_offline(spawn, question, tmp_path):
    """As a process, without a key: question and answer are real speech."""
    path = tmp_path / "answer.wav"
    args = ["--input", question("good morning"), "--output", path]
    code, out, err = spawn("talk", "--simulated", *args).end()
    assert (code, out) == (0, "you: good morning\nmodel: Good morning to you.\n")
    assert err.startswith(f"{path}: ")
