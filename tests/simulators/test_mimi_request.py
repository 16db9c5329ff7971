import pytest

from voxsync.audio import AudioFormat
from voxsync.dialects.mimi import NictOptions
from voxsync.server import IncomingRequest
from voxsync.simulators.mimi_request import MimiRequest

V1 = NictOptions(response_format="v1")


def read(headers=None, query=None):
    return MimiRequest.read(
        IncomingRequest("/", query or {}, headers or {}, ("127.0.0.1", 1))
    )


def test_nothing_said_means_the_documented_defaults():
    """No engine, no token, Japanese, 16 kHz mono PCM, v1 results."""
    assert read() == MimiRequest((), "ja", None, AudioFormat(), V1, "")


def test_headers_count_more_than_the_query():
    """Each setting is read from its header, else from its parameter."""
    query = {
        "process": "asr",
        "input-language": "en",
        "access-token": "query-token",
        "content-type": "audio/x-pcm;rate=8000",
        "nict-asr-options": "response_format=v2",
    }
    found = read(query=query)
    assert (found.engines, found.language) == (("asr",), "en")
    assert (found.token, found.audio) == ("query-token", AudioFormat("pcm16", 8000))
    assert found.nict == NictOptions(temporary=False)
    found = read(
        {
            "x-mimi-process": "nict-asr, asr,nict-asr",
            "x-mimi-input-language": "zh-TW",
            "authorization": "bearer header-token",
            "content-type": "audio/x-pcm;rate=44100",
            "x-mimi-content-type": "audio/x-pcm;rate=48000",
            "x-mimi-nict-asr-options": "response_format=v1",
        },
        query,
    )
    assert (found.engines, found.language) == (("nict-asr", "asr"), "zh-TW")
    assert (found.token, found.audio) == ("header-token", AudioFormat("pcm16", 48000))
    assert found.nict.response_format == "v1"
    assert "-token" not in repr(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "response_format=v2;progressive=true;temporary=false;temporary_interval=900",
            NictOptions(progressive=True, temporary=False, temporary_interval=900),
        ),
        (
            "response_format=v2; progressive=True ;temporary=TRUE",
            NictOptions(progressive=True),
        ),
        ("response_format=v2;progressive=false", NictOptions(temporary=False)),
        (
            "response_format=v1",
            NictOptions(response_format="v1", temporary=False),
        ),
        ("unheard=of;;", NictOptions(response_format="v1", temporary=False)),
        (" ", V1),
    ],
)
def test_options_are_read_in_any_writing(text, expected):
    """Subsets, capitals and spaces are understood; unknown options are ignored."""
    assert read({"x-mimi-nict-asr-options": text}).nict == expected


def test_what_makes_no_sense_is_a_problem_not_an_exception():
    """Bad audio formats and options are told of by `problem`."""
    assert "audio/ogg" in read({"content-type": "audio/ogg"}).problem
    told = read({"content-type": "audio/PCMU"})
    assert "PCM or FLAC" in told.problem
    assert told.audio is None
    assert "v9" in read({"x-mimi-nict-asr-options": "response_format=v9"}).problem
    assert read({"authorization": "Basic abc"}).token is None
