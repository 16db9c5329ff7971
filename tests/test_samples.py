"""Samples run as a user would run them."""

import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parent.parent / "samples"
EXPECTED = {
    "mimi_transcribe.py": "final: and mister john dashwood",
    "script_blocking.py": "True",
    "plain_echo_client.py": "closed: 1000 counted",
}


@pytest.mark.parametrize("name", list(EXPECTED))
def test_sample(name):
    """Exit code 0, the expected words, nothing on stderr."""
    done = subprocess.run(
        [sys.executable, str(SAMPLES / name)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert EXPECTED[name] in done.stdout


def test_every_sample_is_tested():
    """A new sample needs an expectation here or a test of its own."""
    others = {"plug_in_faster_whisper.py"}  # tests/simulators/test_recogniser.py
    assert {path.name for path in SAMPLES.glob("*.py")} == set(EXPECTED) | others
