import pytest

from voxsync.dialects.mimi import NictOptions
from voxsync.simulators.admission import Admission
from voxsync.simulators.mimi_request import MimiRequest


def judge(admission, token, *engines):
    request = MimiRequest(engines or ("asr",), "ja", token, None, NictOptions(), "")
    refusal = admission.judge(request)
    return None if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("tokens", "welcome"),
    [
        (None, {None, "one", "two"}),
        ("one", {"one"}),
        (["one", "two"], {"one", "two"}),
        (lambda token: token == "two", {"two"}),
        ([], set()),
    ],
)
def test_tokens_are_judged(tokens, welcome):
    """One token, several, a callable or none decide who is let in."""
    admission = Admission(tokens, ["asr"])
    for token in (None, "one", "two"):
        assert judge(admission, token) == (None if token in welcome else 401)
    admission.revoke("one")
    assert judge(admission, "one") == 401
    admission.revoke(None)
    assert judge(admission, "two") == 401


def test_all_engines_asked_for_must_be_known():
    """One unknown engine among several is enough for 401."""
    admission = Admission(None, ["asr", "nict-asr"])
    assert judge(admission, None, "asr", "nict-asr") is None
    assert judge(admission, None, "asr", "srs") == 401
