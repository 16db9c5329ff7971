"""No secret of a session is in its trace, and nothing else is changed."""

import json

import pytest

from voxsync.trace.masking import Masker

AUDIO = "QUJD" * 400
HANDLE = "h4ndl3-s3cr3t-0123456789"


@pytest.mark.parametrize(
    "message",
    [
        # Gemini
        {"setup": {"model": "m", "sessionResumption": {"handle": HANDLE}}},
        {"setup": {"session_resumption": {"transparent": True, "handle": HANDLE}}},
        {"sessionResumptionUpdate": {"newHandle": HANDLE, "resumable": True}},
        {"session_resumption_update": {"new_handle": HANDLE}},
        {"setup": {"tools": [{"googleMaps": {"apiKeyString": HANDLE}}]}},
        {"setup": {"tools": [{"headers": {"Authorization": HANDLE}}]}},
        # VoxEngine: what an application passes on
        {"event": "start", "start": {"customParameters": {"accessToken": HANDLE}}},
        {
            "start": {
                "customParameters": {"tokens": "", "api_keys": "", "PASSWORD": HANDLE}
            }
        },
        {"params": {"client-secret": [HANDLE, HANDLE]}},
        {"cookie": HANDLE, "set-cookie": HANDLE},
        {"x": {"sessionKey": HANDLE + '"\\ é'}},
    ],
    ids=lambda message: next(iter(message)),
)
@pytest.mark.parametrize("indent", [None, 2])
def test_members_of_that_name(message, indent):
    """Their values are masked, in every spelling; it stays JSON of the same shape."""
    text = json.dumps(message, indent=indent)
    masked = Masker().text(text)
    assert HANDLE not in masked
    assert "***" in masked
    assert masked.count('"') == text.replace('\\"', "").count('"')
    assert json.loads(masked).keys() == message.keys()


@pytest.mark.parametrize(
    "text",
    [
        '{"usageMetadata":{"totalTokenCount":42,"tokensDetails":[{"modality":"AUDIO"}]}}',
        '{"sessionResumptionUpdate":{"resumable":true}}',
        '{"session_id":"f7014f95-6d6e-4448-976b-3c1ef7570420"}',
        '{"handle":"of a door","key":"c sharp","keyword":"tokens"}',
        '{"token":42,"password":null,"secret":{"x":"y"}}',
        '{"text":"my password is \\"token\\": she said"}',
        'the "token": "is not JSON"',
        "",
        f'{{"media":{{"payload":"{AUDIO}"}}}}',
    ],
)
def test_all_else_stays(text):
    """Byte by byte: a trace is replayed."""
    assert Masker().text(text) == text


def test_what_the_request_held():
    """Wherever it is repeated: a service may echo it."""
    masker = Masker(["my-own-secret"])
    masker.learn(
        "wss://u:passw0rd@x/?key=AIzaSyPlanted",
        [("Authorization", "Bearer t0ken-planted")],
    )
    text = "my-own-secret AIzaSyPlanted t0ken-planted passw0rd"
    assert masker.text(text) == "*** *** *** ***"
    assert "planted" not in masker.text(json.dumps({"error": "t0ken-planted"})).lower()


def test_secrets_that_cannot_be_masked():
    """Are refused, not passed over; the words do not repeat them."""
    for secrets in (["e"], [""], ["short"]):
        with pytest.raises(ValueError, match="6 characters or more") as told:
            Masker(secrets)
        assert "short'" not in str(told.value)
    with pytest.raises(TypeError, match="must be a str, not int"):
        Masker([3])
    for secrets in ("one secret", b"one secret"):
        with pytest.raises(TypeError, match="several"):
            Masker(secrets)


def test_many_secrets():
    """However many the caller names, handles are learned all the same."""
    masker = Masker([f"secret-{number}" for number in range(20)])
    masker.text(json.dumps({"newHandle": HANDLE}))
    assert masker.text(f"secret-19 {HANDLE}") == "*** ***"


def test_a_handle_that_was_given_out():
    """Is known from then on: a close reason may repeat it."""
    masker = Masker()
    masker.text(json.dumps({"sessionResumptionUpdate": {"newHandle": HANDLE}}))
    assert masker.text(f"no such handle: {HANDLE}") == "no such handle: ***"


@pytest.mark.parametrize("before", [0, 300])
@pytest.mark.parametrize("after", [0, 300])
def test_beside_audio(before, after):
    """Names are found on both sides of it, again and again."""
    masker = Masker()
    for _ in range(3):
        for name, value in (("token", "***"), ("other", "no secret at all")):
            told = HANDLE if name == "token" else value
            text = (
                f'{{"a":"{"x" * before}","{name}":"{told}","data":"{AUDIO}",'
                f'"{name}":"{told}","b":"{"y" * after}"}}'
            )
            assert masker.text(text).count(f'"{value}"') == 2


def test_a_name_at_the_edge():
    """Wherever the run of audio begins, and whatever stands around the colon."""
    for fill in range(200, 280):
        for colon in (":", " : ", ":" + " " * 300):
            text = f'{{"a":"{"x" * fill}","apiKey"{colon}"{HANDLE}","d":"{AUDIO}"}}'
            assert HANDLE not in Masker().text(text), (fill, colon)


def test_it_takes_no_time_to_speak_of():
    """Texts made to be slow to search are not: linear, so a megabyte is a moment."""
    hostile = '{"' * 200_000 + '"token":' * 1000 + '"\\' * 100_000
    masker = Masker()
    assert isinstance(masker.text(hostile), str)
