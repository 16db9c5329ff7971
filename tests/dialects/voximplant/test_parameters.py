"""A parameters object, or its fields by name: never both, never nonsense."""

import pytest

from voxsync.dialects.voximplant.names import (
    ClearMediaBufferParameters,
    SendMediaParameters,
)
from voxsync.dialects.voximplant.parameters import send_parameters, tag_given


def test_either_way_is_the_same():
    """And what was given is not changed."""
    fields = {"tag": "a", "encoding": "ULAW", "custom_parameters": {"k": "v"}}
    found = send_parameters(fields)
    assert found == SendMediaParameters("a", "ULAW", {"k": "v"})
    given = {"parameters": found}
    assert send_parameters(given) is found
    assert given == {"parameters": found}
    assert send_parameters({}) == SendMediaParameters()
    assert send_parameters({"parameters": None, "tag": "a"}).tag == "a"


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"parameters": SendMediaParameters(), "tag": ""}, TypeError, "not both"),
        ({"parameters": {"tag": "a"}}, TypeError, "SendMediaParameters.*not dict"),
        ({"tga": "a", "encodnig": 1}, TypeError, "encodnig, tga; there are tag"),
        ({"encoding": "pcm"}, ValueError, "PCM8"),
    ],
)
def test_nonsense(given, error, words):
    """Told with what there is."""
    with pytest.raises(error, match=words):
        send_parameters(given)


@pytest.mark.parametrize("kind", [SendMediaParameters, ClearMediaBufferParameters])
def test_a_tag_either_way(kind):
    """None is no tag; the parameters' default is theirs."""
    assert tag_given(None, None, kind) is None
    assert tag_given(None, "a", kind) == "a"
    assert tag_given(kind("a"), None, kind) == "a"
    assert tag_given(kind(), None, kind) == kind().tag
    for parameters, tag, words in [
        (kind("a"), "a", "not both"),
        ("a", None, "tag=..."),
        (None, 5, "tag must be a str"),
        (object(), None, f"{kind.__name__}.*not object"),
    ]:
        with pytest.raises(TypeError, match=words):
            tag_given(parameters, tag, kind)
