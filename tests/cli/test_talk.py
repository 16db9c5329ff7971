"""`voxsync talk`: its command line, and a whole conversation on a sound card.

How it talks is in test_talk_live.py, test_talk_file.py and test_talk_text.py.
"""

import io
import re
import sys

import numpy as np
import pytest

from voxsync.audio.resample import Resampler
from voxsync.cli.main import main
from voxsync.simulators.gemini_faults import fault
from voxsync.simulators.phrases import PhraseRecogniser

KEY = "planted-key-7f3a91"


@pytest.fixture
def typed(monkeypatch):
    """What is on the standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "set the environment variable GEMINI_API_KEY to your key, or try --sim"),
        (["--text", "--input", "a.wav"], "choose one"),
        (["--text", "--device", "0"], "are of no use to --text"),
        (["--input", "a.wav", "--half-duplex"], "are of no use to --input"),
        (["--output", "a.wav"], "--output goes with --input"),
        (["--input", "a.wav", "--output", "a.mp3"], "must end in .wav"),
        (["--input", "there.wav", "--output", "there.wav"], "the same file"),
        (["--input", "a.wav", "--output", "there.wav"], "--force overwrites it"),
        (["--simulated", "--text", "--model", "a b"], "model must be a name"),
        (["--url", "ftp://x"], "base_url must be ws://"),
        (["--simulated", "--input", "a.raw"], "a WAV file is needed"),
    ],
)
def test_a_command_line_that_makes_no_sense(capsys, monkeypatch, tmp_path, args, words):
    """Exit code 2 and what to write instead, before a device or service is asked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.wav").touch()
    assert main(["talk", *args]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("variable", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_the_key_comes_from_the_environment(
    make_live, monkeypatch, typed, capsys, variable
):
    """From one of two variables; it is printed nowhere."""
    service = make_live(keys=KEY, paced=False)
    monkeypatch.setenv(variable, f" {KEY}\n")
    typed("hello\n")
    assert main(["talk", "--text", "--url", service.url]) == 0
    assert capsys.readouterr().out == "good day to you all\n"


def test_a_key_that_is_refused(make_live, monkeypatch, typed, capsys):
    """Exit code 3, and one line that names the variable, and not the key."""
    service = make_live(keys=KEY)
    monkeypatch.setenv("GEMINI_API_KEY", "wrong-key-55")
    typed("hello\n")
    assert main(["talk", "--text", "--url", service.url]) == 3
    out, err = capsys.readouterr()
    assert re.fullmatch(
        "voxsync: the service refused with status 403 and said .*; the key comes from "
        "the environment variable GEMINI_API_KEY\n",
        err,
    )
    assert "wrong-key-55" not in out + err


def test_a_key_that_no_header_can_carry(monkeypatch, capsys):
    """Is a wrong command line."""
    monkeypatch.setenv("GOOGLE_API_KEY", "a\nb")
    assert main(["talk"]) == 2
    err = capsys.readouterr().err
    assert err == (
        "voxsync: GOOGLE_API_KEY holds a line break or another character no key has\n"
    )


def test_what_the_model_is_asked_for(make_live, typed):
    """Model, voice and instruction; speech, with the words of both."""
    service = make_live(paced=False)
    typed("hello\n")
    args = ["--model", "m", "--voice", "Kore", "--system", "Be brief."]
    assert main(["talk", "--text", "--url", service.url, *args]) == 0
    setup = service.wait_record(1).setup
    assert setup["model"] == "models/m"
    generation = setup["generationConfig"]
    assert generation["responseModalities"] == ["AUDIO"]
    speech = generation["speechConfig"]["voiceConfig"]
    assert speech["prebuiltVoiceConfig"]["voiceName"] == "Kore"
    assert setup["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert {"inputAudioTranscription", "outputAudioTranscription"} <= setup.keys()
    assert "realtimeInputConfig" not in setup


@pytest.mark.parametrize(
    ("settings", "args", "words"),
    [
        ({}, ["--voice", "Nobody"], "close code 1007: voice 'Nobody' is not available"),
        ({"models": ["a"]}, [], "close code 1008"),
        ({"faults": [fault("quota")]}, [], "close code 1011: You exceeded"),
        ({"faults": [fault("status", status=503)]}, [], "refused with status 503"),
    ],
)
def test_a_service_that_refuses(make_live, typed, capsys, settings, args, words):
    """Is one line with code and reason, and exit code 1."""
    service = make_live(**settings)
    typed("hello\n")
    assert main(["talk", "--text", "--url", service.url, *args]) == 1
    err = capsys.readouterr().err
    assert words in err
    assert len(err.splitlines()) == 1


def test_simulated_without_an_extra(monkeypatch, capsys, typed):
    """The message names what to install."""
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    assert main(["talk", "--simulated", "--text"]) == 1
    assert "pip install 'voxsync[demo]'" in capsys.readouterr().err


def test_simulated_without_a_voice(monkeypatch, capsys, typed):
    """It answers in tones, and says so; the words are right all the same."""
    monkeypatch.setattr("shutil.which", lambda name: None)
    typed("good morning\n")
    assert main(["talk", "--simulated", "--text"]) == 0
    out, err = capsys.readouterr()
    assert out == "Good morning to you.\n"
    assert err.startswith("voxsync: no voice is installed")


# For real


def understood(samples, rate):
    """What a recogniser finds in it that knows what could have been said."""
    phrases = ["good morning to you", "what time is it", "it is on now", "i am quiet"]
    resampler = Resampler(rate, 16000)
    heard = np.concatenate([resampler.process(samples), resampler.flush()])
    stream = PhraseRecogniser(phrases).open(sample_rate=16000, language="en")
    found = [*stream.feed(heard.astype("<i2").tobytes()), *stream.finish()]
    stream.close()
    return [each.text for each in found if each.is_final and each.text]


def exchange(child, sound, recording, path):
    """Say "good morning", and once more where a busy machine has left gaps in it.

    Returns what was printed and what was heard.
    """
    for _ in range(3):
        begin = len(recording.samples)
        assert sound.speak(path).wait(20) == 0
        lines = [child.process.stdout.readline()]
        while not lines[-1].startswith("model: "):
            assert lines[-1], lines
            lines.append(child.process.stdout.readline())
        recording.wait_for(0.3)
        heard = understood(recording.samples[begin:], recording.rate)
        if len(lines) == 2 and heard:
            break
    return lines, heard


def test_a_conversation_by_microphone_and_speaker(
    spawn, sound, question, make_terminal
):
    """What is spoken is understood, and what is answered is heard: no account needed.

    Levels of both are shown; Ctrl-C ends it with exit code 0.
    """
    terminal = make_terminal(100)
    with sound.record() as recording:
        env = sound.environment
        child = spawn("talk", "--simulated", env=env, stderr=terminal.slave)
        terminal.close_slave()
        terminal.wait_for("listening to default; Ctrl-C ends\r\n")
        lines, heard = exchange(child, sound, recording, question("good morning"))
        child.interrupt()
        code, out, _ = child.end()
    assert lines == ["you: good morning\n", "model: Good morning to you.\n"]
    assert heard == ["good morning to you"]
    assert (code, out) == (0, "")
    states = terminal.end()
    assert states[-1] == ""
    assert any(re.match(r"0:\d\d you \[##.*\] *-\d+ dB model ", s) for s in states)
    assert any(re.search(r" model \[##.*\] *-\d+ dB ", s) for s in states)
    assert any("model: Good" in s for s in states)
    assert max(map(len, states)) <= 97


def test_a_device_that_is_not_there(spawn, sound, make_live):
    """Is noticed before the service is asked for anything."""
    service = make_live()
    args = ["talk", "--url", service.url, "--output-device", "none such"]
    code, _, err = spawn(*args, env=sound.environment).end()
    assert code == 1
    assert "no output device has 'none such' in its name" in err
    assert service.records == []
