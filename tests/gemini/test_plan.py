"""What a model was made with, and what each connection gets of it."""

import json

import pytest

from voxsync.dialects.base import Reply, SendAudio
from voxsync.dialects.gemini import requests
from voxsync.errors import InvalidState
from voxsync.gemini import (
    FirebaseBackend,
    GoogleAIBackend,
    SessionResumptionConfig,
    VertexAIBackend,
)
from voxsync.gemini.plan import Plan


def plan(backend=None, *, config=None, key="k3y-0123456789", **more):
    backend = backend or GoogleAIBackend()
    return Plan(
        backend=backend,
        base_url=None,
        api_key=key,
        model="gemini-live",
        settings=requests.setup("gemini-live", config, backend=backend),
        **more,
    )


def body(made):
    return json.loads(made.setup())["setup"]


def test_without_resumption():
    """The first message is what the model was made with."""
    made = plan(config={"temperature": 0.5})
    assert made.setup() == made.settings
    assert body(made) == {
        "model": "models/gemini-live",
        "generationConfig": {"temperature": 0.5},
    }


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (SessionResumptionConfig(), {}),
        (SessionResumptionConfig(handle="h-1"), {"handle": "h-1"}),
    ],
)
def test_with_resumption(given, sent):
    """An empty setting asks for handles; the rest stays as it was."""
    made = plan(resumption=given)
    assert body(made) == {**body(plan()), "sessionResumption": sent}


def test_what_a_service_does_not_know():
    """Transparent resumption is Vertex AI's; elsewhere it is refused at once."""
    given = SessionResumptionConfig(transparent=True)
    with pytest.raises(ValueError, match="Vertex"):
        plan(resumption=given).setup()
    made = plan(VertexAIBackend("p"), resumption=given)
    assert body(made)["sessionResumption"] == {"transparent": True}


def test_texts_of_all_languages():
    """They survive the second writing."""
    made = Plan(
        backend=GoogleAIBackend(),
        base_url=None,
        api_key=None,
        model="m",
        settings=requests.setup("m", system_instruction="夜 🌙"),
        resumption=SessionResumptionConfig(),
    )
    assert body(made)["systemInstruction"]["parts"] == [{"text": "夜 🌙"}]


def test_a_dialect():
    """Where to, who we are, and what is said first."""
    dialect = plan().dialect()
    asked = dialect.request()
    assert asked.url.startswith("wss://generativelanguage.googleapis.com/ws/")
    assert asked.headers == (("x-goog-api-key", "k3y-0123456789"),)
    assert list(dialect.opened()) == [Reply(plan().settings)]


def test_keys_are_asked_for():
    """A callable is asked for each connection, for tokens get old."""
    keys = iter(["first-0123", "second-0123"])
    made = plan(key=lambda: next(keys))
    found = [made.dialect().request().headers[0][1] for _ in range(2)]
    assert found == ["first-0123", "second-0123"]


def test_a_key_that_is_none():
    """What the callable returns is looked at as well."""
    with pytest.raises(TypeError, match="int"):
        plan(key=lambda: 5).dialect()


@pytest.mark.parametrize(("disabled", "ends"), [(True, 0), (False, 1), (None, 1)])
def test_who_finds_out_who_speaks(disabled, ends):
    """The end of audio is told only where the service listens for itself."""
    detection = {} if disabled is None else {"disabled": disabled}
    config = {"realtime_input_config": {"automatic_activity_detection": detection}}
    dialect = plan(config=config).dialect()
    dialect.encode(SendAudio("", b"\0\0"))
    assert sum(type(each) is Reply for each in dialect.finish()) == ends


def test_it_shows_nothing():
    """A plan may be printed."""
    assert "k3y" not in repr(plan())


def test_the_next_connection():
    """The handle given counts, else the latest; the rest of the setting stays."""
    vertex = VertexAIBackend("p")
    made = plan(vertex, resumption=SessionResumptionConfig(transparent=True))
    for given in (None, {}, {"transparent": True}):
        found = made.resumed(given, "latest").resumption
        assert found.handle == "latest"
        assert found.transparent is (None if given == {} else True)
    assert made.resumed({"handle": "h"}, "latest").resumption.handle == "h"
    assert made.resumption.handle is None


def test_the_first_handle_is_not_the_latest():
    """What the session was opened with is old by now."""
    made = plan(resumption=SessionResumptionConfig(handle="first"))
    assert made.resumed(None, "latest").resumption.handle == "latest"


def test_no_next_connection():
    """There has to be a handle, and the wish to have one."""
    with pytest.raises(InvalidState, match="without session_resumption"):
        plan().resumed({"handle": "h"}, "latest")
    with pytest.raises(InvalidState, match="no resumption handle"):
        plan(resumption=SessionResumptionConfig()).resumed({}, None)


@pytest.mark.parametrize(
    ("backend", "have"),
    [
        (GoogleAIBackend(), True),
        (FirebaseBackend("p"), True),
        (FirebaseBackend("p", "us-central1"), False),
        (VertexAIBackend("p"), False),
    ],
)
def test_ids_of_calls(backend, have):
    """Vertex AI may give none."""
    assert plan(backend).calls_have_ids is have
