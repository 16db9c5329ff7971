"""`--stats`: figures on the error output, however a session ends."""

import io
import re
import sys
import threading

import pytest

from voxsync.cli.main import main
from voxsync.cli.progress import LiveLine
from voxsync.cli.stats import shown
from voxsync.media import BufferSink, WavReader
from voxsync.media.unit import UnitStats
from voxsync.mimi import MimiSession
from voxsync.plain import PlainSession
from voxsync.simulators.faults import fault

HEAD = re.compile(r"figures of (.+):(.*)")
ROW = re.compile(r"  (\S+(?: \S+)*)  +(\S.*)")


def tables(err):
    """The figures by name, and the other lines; values begin in one column."""
    found, others, columns = {}, [], set()
    for line in err.splitlines():
        if head := HEAD.fullmatch(line):
            rows = found[head[1]] = {"": head[2].strip()}
            columns = set()
        elif row := ROW.fullmatch(line):
            rows[row[1]] = row[2]
            columns.add(row.start(2))
            assert len(columns) == 1
        else:
            others.append(line)
    return found, others


@pytest.fixture
def transcribe(service, capsys):
    """Transcribe with figures; return exit code, output, tables and other lines."""

    def run(*args, url=None):
        argv = ["transcribe", "--stats", "--language", "en", "--url"]
        code = main([*argv, url or service.url, *map(str, args)])
        out, err = capsys.readouterr()
        return code, out, *tables(err)

    return run


def test_figures_of_each_file(transcribe, make_wav):
    """With units, in order, and nothing that did not happen."""
    files = [make_wav("a.wav"), make_wav("b.wav", seconds=2.0)]
    code, out, found, others = transcribe(*files)
    assert (code, out.count("\n"), others) == (0, 2, [])
    assert list(found) == ["a.wav", "b.wav"]
    assert re.fullmatch(
        r"32\.\d kB in 11 messages, 1\.00 s of audio", found["a.wav"]["sent"]
    )
    assert found["b.wav"]["sent"].endswith("2.00 s of audio")
    assert re.fullmatch(r"\d+\.\d (s|ms)", found["a.wav"]["connected in"])
    assert "after the first audio" in found["a.wav"]["first result"]
    assert "voxsync.cli." in found["a.wav"]["listeners"]
    assert not found["a.wav"].keys() & {"lost", "ping round trip", "receive queue"}


def test_only_where_they_are_wanted(service, make_wav, capsys):
    """Without the option there are none."""
    assert main(["transcribe", "--url", service.url, str(make_wav())]) == 0
    assert capsys.readouterr().err == ""


def test_after_an_error(transcribe, make_service, make_wav):
    """What was done until then; the error is told behind it."""
    service = make_service(faults=[fault("close", code=4003, at="audio")])
    code, _, found, others = transcribe(make_wav(), url=service.url)
    assert code == 1
    assert "of audio" in found["a.wav"]["sent"]
    assert len(others) == 1
    assert "4003" in others[0]


def test_a_session_that_never_opened(transcribe, make_wav, tmp_path):
    """One line says so; of a file that cannot be read there is no session."""
    code, _, found, others = transcribe(make_wav(), url="ws://127.0.0.1:1/")
    assert (code, found) == (1, {"a.wav": {"": "none, it never opened"}})
    assert "could not connect" in others[0]
    code, _, found, _ = transcribe(tmp_path / "none.wav")
    assert (code, found) == (1, {})


def test_after_ctrl_c(spawn, make_service, make_tap, make_wav):
    """A first one, and a second one that gives up."""
    tap = make_tap(6400)
    service = make_service(recogniser=tap, faults=[fault("no_final")])
    argv = ["transcribe", "--stats", "--url", service.url, "--realtime"]
    child = spawn(*argv, make_wav("a.wav", seconds=60.0))
    assert tap.reached.wait(20)
    child.interrupt()
    assert child.error_line() == "stopping; Ctrl-C again gives up\n"
    child.interrupt()
    code, out, err = child.end()
    found, others = tables(err)
    assert (code, out, others) == (130, "", ["voxsync: interrupted"])
    assert "of audio" in found["a.wav"]["sent"]


def test_talk_by_text(make_live, monkeypatch, capsys):
    """What nobody was to hear is not lost."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("hello\n"))
    service = make_live(paced=False)
    assert main(["talk", "--text", "--stats", "--url", service.url]) == 0
    found, others = tables(capsys.readouterr().err)
    rows = found["the session"]
    assert others == []
    assert "of audio" in rows["received"]
    assert "of audio" not in rows["sent"]
    assert "receive queue" in rows
    assert "lost" not in rows


def test_talk_by_file(make_live, question, capsys):
    """Both ways; the answer was taken from its messages."""
    service = make_live(paced=False)
    argv = ["talk", "--stats", "--url", service.url, "--input", str(question())]
    assert main(argv) == 0
    rows = tables(capsys.readouterr().err)[0]["the session"]
    assert "of audio" in rows["received"]
    assert "of audio" in rows["sent"]
    assert "after the first audio" in rows["first result"]
    assert "lost" not in rows


def test_talk_by_voice(make_live, question, interrupt, monkeypatch, capsys):
    """Also when devices are in use, and Ctrl-C ends it; they have names."""
    heard = threading.Event()

    class Card:
        name = "the card"

    class Ear(WavReader):
        device = Card

        def __init__(self, device, *, name, sample_rate=None):
            super().__init__(question(silence=20.0), name=name)

    class Mouth(BufferSink):
        device = Card

        def __init__(self, device, *, name, sample_rate=None):
            super().__init__(60, 24000, name=name)

        def _put(self, block, wanted):
            if not heard.is_set():
                heard.set()
                interrupt()
            return super()._put(block, wanted)

    monkeypatch.setattr("voxsync.media.Microphone", Ear, raising=False)
    monkeypatch.setattr("voxsync.media.Speaker", Mouth, raising=False)
    service = make_live()
    assert main(["talk", "--stats", "--url", service.url]) == 0
    rows = tables(capsys.readouterr().err)[0]["the session"]
    assert "of audio" in rows["sent"]
    assert "of audio" in rows["received"]
    assert "receive() will not see" not in rows.get("lost", "")


class Lossy(BufferSink):
    """A device that has lost something."""

    @property
    def stats(self):
        return UnitStats(dropped=4000, refused=4000, overflows=1, underflows=2)


def test_losses_of_devices(make_service):
    """They are told with the session's."""
    out = io.StringIO()
    device, fine = Lossy(1, 16000, name="mic"), BufferSink(1, name="speaker")
    session = MimiSession(None, url=make_service().url)
    with (
        shown(session, LiveLine(out), wanted=True, units=(device, fine)),
        session,
    ):
        pass
    rows = tables(out.getvalue())[0]["the session"]
    assert rows["mic"] == (
        "0.50 s lost, input lost by the sound system 1 time(s), "
        "nothing to play 2 time(s)"
    )
    assert "speaker" not in rows


def test_names_do_not_steer_the_terminal():
    """A file may be called anything."""
    out = io.StringIO()
    session = PlainSession("ws://127.0.0.1:9/")
    with shown(session, LiveLine(out), wanted=True, name="a\x1b[2Jb"):
        pass
    assert out.getvalue() == "figures of a [2Jb: none, it never opened\n"


@pytest.mark.parametrize("command", ["transcribe", "talk"])
def test_help(command, capsys):
    """It is documented, with an example."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    out = capsys.readouterr().out
    assert out.count("--stats") >= 3  # usage, options, examples
