"""Which API a path means, and who may enter."""

import pytest

from voxsync.server import IncomingRequest, Refusal
from voxsync.simulators.gemini_entrance import Door, Entrance

AI = "/ws/google.ai.generativelanguage.{}.GenerativeService.BidiGenerateContent"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
FIREBASE = "/ws/google.firebase.vertexai.v1beta.{}/BidiGenerateContent"


def request(path, query=(), **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return IncomingRequest(path, dict(query), names, ("127.0.0.1", 1))


@pytest.mark.parametrize(
    ("path", "api"),
    [
        (AI.format("v1beta"), "developer"),
        (AI.format("v1"), "developer"),
        ("/" + AI.format("v1alpha"), "developer"),
        (AI.format("v1beta") + "Constrained", "constrained"),
        (VERTEX, "vertex"),
        (VERTEX.replace("/", "//"), "vertex"),
        (FIREBASE.format("GenerativeService"), "firebase"),
        (
            FIREBASE.format("LlmBidiService") + "/locations/us-central1",
            "firebase-vertex",
        ),
        ("/", "any"),
        ("//", "any"),
    ],
)
def test_the_paths_of_all_apis(path, api):
    """Of any version, with doubled slashes taken for one."""
    door = Entrance().judge(request(path))
    assert door == Door(api)
    assert door.counts_candidates == (api in ("vertex", "firebase-vertex"))


@pytest.mark.parametrize(
    "path",
    [
        "/ws",
        AI.format("v1beta").replace(".Bidi", "/Bidi"),
        AI.format("beta"),
        VERTEX.replace("/Bidi", ".Bidi"),
        FIREBASE.format("LlmBidiService"),
        FIREBASE.format("LlmBidiService") + "/locations/",
        AI.format("v1") + "/",
        AI.format("v1") + "\n",
    ],
)
def test_other_paths_are_not_found(path):
    """404, a slash for a dot included."""
    refusal = Entrance().judge(request(path))
    assert isinstance(refusal, Refusal)
    assert refusal.status == 404


PLAIN, BOUND = AI.format("v1beta"), AI.format("v1beta") + "Constrained"


@pytest.mark.parametrize(
    ("path", "query", "headers", "status"),
    [
        (PLAIN, {"key": "k"}, {}, None),
        (PLAIN, {}, {"x_goog_api_key": "k"}, None),
        (PLAIN, {"key": "wrong"}, {"x_goog_api_key": "k"}, None),
        (PLAIN, {"key": "wrong"}, {}, 403),
        (PLAIN, {}, {}, 401),
        (PLAIN, {"key": ""}, {}, 401),
        (PLAIN, {}, {"authorization": "Bearer k"}, 401),
        (BOUND, {}, {"authorization": "Token k"}, None),
        (BOUND, {}, {"authorization": "token  k", "x_goog_api_key": "wrong"}, None),
        (BOUND, {"access_token": "k"}, {}, None),
        (BOUND, {}, {"x_goog_api_key": "k"}, None),
        (BOUND, {}, {"authorization": "Token"}, 401),
        (VERTEX, {}, {"authorization": "Bearer k"}, None),
        (VERTEX, {}, {"authorization": "Bearer wrong"}, 403),
        (VERTEX, {}, {"x_goog_api_key": "k"}, None),
        (VERTEX, {}, {"authorization": "Token k"}, 401),
        (
            FIREBASE.format("GenerativeService"),
            {"key": "k"},
            {"authorization": "Firebase user"},
            None,
        ),
        ("/", {"access_token": "k"}, {}, None),
        ("/", {}, {"authorization": "Bearer k"}, None),
    ],
)
def test_credentials_where_each_api_has_them(path, query, headers, status):
    """None is 401, a wrong one 403."""
    found = Entrance("k").judge(request(path, query, **headers))
    assert getattr(found, "status", None) == status


def test_keys_may_be_several_or_judged():
    """As one, as a collection, as a function."""
    there = request(PLAIN, {"key": "b"})
    for keys in ("b", ["a", "b"], {"b"}, lambda key: key == "b"):
        assert isinstance(Entrance(keys).judge(there), Door)
    for keys in ("a", [], lambda key: False):
        assert isinstance(Entrance(keys).judge(there), Refusal)
