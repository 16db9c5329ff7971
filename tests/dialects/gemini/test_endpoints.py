"""Whose service: addresses, credentials, names of models."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.dialects.base import UpgradeRequest
from voxsync.dialects.gemini.endpoints import (
    FirebaseBackend,
    GoogleAIBackend,
    VertexAIBackend,
)

# A busy machine is no fault of a test's.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

DEVELOPER = (
    "wss://generativelanguage.googleapis.com/ws/"
    "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
)
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
FIREBASE = "wss://firebasevertexai.googleapis.com/ws/google.firebase.vertexai.v1beta."
TOKEN = "auth_tokens/a1b2c3d4"
KEY = "AIza-very-secret-key"
BACKENDS = [
    GoogleAIBackend(),
    VertexAIBackend("p"),
    VertexAIBackend(),
    FirebaseBackend("p"),
    FirebaseBackend("p", "eu"),
]


@pytest.mark.parametrize(
    ("backend", "key", "url", "headers"),
    [
        (GoogleAIBackend(), None, DEVELOPER, ()),
        (GoogleAIBackend(), KEY, DEVELOPER, (("x-goog-api-key", KEY),)),
        (
            GoogleAIBackend("v1"),
            KEY,
            DEVELOPER.replace("v1beta", "v1"),
            (("x-goog-api-key", KEY),),
        ),
        (
            GoogleAIBackend(api_version="v1alpha"),
            TOKEN,
            DEVELOPER.replace("v1beta", "v1alpha") + "Constrained",
            (("Authorization", f"Token {TOKEN}"),),
        ),
        (
            VertexAIBackend("p"),
            KEY,
            f"wss://us-central1-aiplatform.googleapis.com{VERTEX}",
            (("Authorization", f"Bearer {KEY}"),),
        ),
        (
            VertexAIBackend("p", "global", "v1"),
            None,
            f"wss://aiplatform.googleapis.com{VERTEX}".replace("v1beta1", "v1"),
            (),
        ),
        (
            VertexAIBackend(),
            KEY,
            f"wss://aiplatform.googleapis.com{VERTEX}",
            (("x-goog-api-key", KEY),),
        ),
        (
            FirebaseBackend("p"),
            KEY,
            f"{FIREBASE}GenerativeService/BidiGenerateContent?key={KEY}",
            (),
        ),
        (
            FirebaseBackend("p", "europe-west4"),
            None,
            f"{FIREBASE}LlmBidiService/BidiGenerateContent/locations/europe-west4",
            (),
        ),
        (
            FirebaseBackend("p", app_check_token="app", auth_token="user"),
            "a&b=c",
            f"{FIREBASE}GenerativeService/BidiGenerateContent?key=a%26b%3Dc",
            (("X-Firebase-AppCheck", "app"), ("Authorization", "Firebase user")),
        ),
    ],
)
def test_services(backend, key, url, headers):
    """Each service has its address, and knows the caller in its own way."""
    assert backend.url(None, key) == url
    assert backend.headers(key) == headers


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("ws://127.0.0.1:80", "ws://127.0.0.1:80/ws/google.ai"),
        ("http://127.0.0.1:80/", "ws://127.0.0.1:80/ws/google.ai"),
        ("https://[::1]:8443/proxy/", "wss://[::1]:8443/proxy/ws/google.ai"),
        ("wss://example.org/a?b=c", "wss://example.org/a/ws/google.ai"),
    ],
)
def test_another_server(base_url, url):
    """The service's own path follows that of the other server."""
    found = GoogleAIBackend().url(base_url)
    assert found.startswith(url)
    assert found.endswith("BidiGenerateContent" + ("?b=c" if "?" in base_url else ""))


def test_another_address():
    """An address that names the method is taken as it is."""
    whole = "https://example.org/mine/BidiGenerateContent?x=1"
    wanted = "wss://example.org/mine/BidiGenerateContent?x=1"
    assert GoogleAIBackend().url(whole) == wanted
    assert VertexAIBackend("p").url(whole) == wanted
    assert FirebaseBackend("p").url(whole, KEY) == f"{wanted}&key={KEY}"


@pytest.mark.parametrize(
    ("base_url", "error", "words"),
    [
        ("example.org", ValueError, "ws://, wss://, http:// or https:// and a host"),
        ("ftp://example.org", ValueError, "ws://, wss://, http:// or https://"),
        ("wss://", ValueError, "and a host, not 'wss://'"),
        ("wss://example.org#x", ValueError, "base_url has a fragment"),
        ("wss://example.org:port", ValueError, "base_url has no port that could be"),
        ("wss://example.org:99999", ValueError, "base_url has no port that could be"),
        (b"wss://example.org", TypeError, "base_url must be a str, not bytes"),
    ],
)
def test_what_is_no_server(base_url, error, words):
    """What cannot be connected to is refused at once."""
    for backend in BACKENDS:
        with pytest.raises(error, match=words):
            backend.url(base_url)


def test_errors_about_servers_hide_secrets():
    """What stands in a URL may be a password."""
    with pytest.raises(ValueError, match="and a host") as caught:
        GoogleAIBackend().url("ftp://user:geheim-123@example.org/?key=geheim-123")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "error", "words"),
    [
        ("", ValueError, "key is empty; leave it out"),
        (b"secret", TypeError, "key must be a str, not bytes"),
        (" secret", ValueError, "key has spaces around it"),
        ("secret\r\nX: y", ValueError, "characters that no header can carry"),
        ("secr€t", ValueError, "characters that no header can carry"),
    ],
)
def test_what_is_no_key(key, error, words):
    """A key that cannot be one is refused, and nothing of it is said."""
    for make in (
        GoogleAIBackend().headers,
        VertexAIBackend("p").headers,
        lambda key: GoogleAIBackend().url(None, key),
        lambda key: FirebaseBackend("p").url(None, key),
    ):
        with pytest.raises(error, match=words) as caught:
            make(key)
        assert "secr" not in str(caught.value)
    for name in ("app_check_token", "auth_token"):
        with pytest.raises(error, match=words.replace("key", name)):
            FirebaseBackend("p", **{name: key})


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: GoogleAIBackend(""), ValueError, "api_version must be a name, not ''"),
        (lambda: GoogleAIBackend(1), TypeError, "api_version must be a str, not int"),
        (lambda: VertexAIBackend("p/../q"), ValueError, "project must be a name"),
        (lambda: VertexAIBackend("p", "x.org/"), ValueError, "location must be a name"),
        (lambda: VertexAIBackend("p", None), TypeError, "location must be a str"),
        (lambda: VertexAIBackend("p", "l", "v?"), ValueError, "api_version must be a"),
        (lambda: FirebaseBackend(""), ValueError, "project must be a name, not ''"),
        (lambda: FirebaseBackend(None), TypeError, "project must be a str, not None"),
        (lambda: FirebaseBackend("p", "a b"), ValueError, "location must be a name"),
    ],
)
def test_what_is_no_backend(make, error, words):
    """What would make another address than it says is refused."""
    with pytest.raises(error, match=words):
        make()


def test_projects_of_a_domain():
    """Projects of an organisation have its domain before their name."""
    name = VertexAIBackend("example.org:p").model_name("x")
    assert name.startswith("projects/example.org:p/locations/us-central1/publishers/")


FULL = "projects/p/locations/us-central1/publishers/google/models/x"


@pytest.mark.parametrize(
    ("backend", "model", "full"),
    [
        (GoogleAIBackend(), "x", "models/x"),
        (GoogleAIBackend(), "models/x", "models/x"),
        (GoogleAIBackend(), "tunedModels/x", "tunedModels/x"),
        (VertexAIBackend("p"), "x", FULL),
        (VertexAIBackend("p"), "models/x", FULL),
        (VertexAIBackend("p"), "publishers/google/models/x", FULL),
        (VertexAIBackend("p"), FULL, FULL),
        (VertexAIBackend("p"), "projects/q/models/x", "projects/q/models/x"),
        (VertexAIBackend(), "x", "publishers/google/models/x"),
        (VertexAIBackend(), "models/x", "publishers/google/models/x"),
        (FirebaseBackend("p"), "x", "projects/p/models/x"),
        (FirebaseBackend("p"), "models/x", "projects/p/models/x"),
        (FirebaseBackend("p"), "projects/q/models/x", "projects/q/models/x"),
        (FirebaseBackend("p", "us-central1"), "x", FULL),
        (FirebaseBackend("p", "us-central1"), "models/x", FULL),
    ],
)
def test_names_of_models(backend, model, full):
    """Any part of a model's name will do."""
    assert backend.model_name(model) == full


@CALM
@given(
    st.sampled_from(BACKENDS),
    st.sampled_from(["", "models/", "publishers/google/models/"]),
    st.from_regex(r"[a-z0-9](-[a-z0-9.]*[a-z0-9])?", fullmatch=True),
)
def test_names_are_made_once(backend, prefix, model):
    """A full name stays; nothing is put before it twice."""
    if ".." in model:
        return
    full = backend.model_name(prefix + model)
    assert backend.model_name(full) == full
    assert "models/models" not in full
    assert full.endswith(model)


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("", ValueError),
        ("../x", ValueError),
        ("models/..", ValueError),
        ("x?y", ValueError),
        ("x&y=1", ValueError),
        ("x y", ValueError),
        ("gemini-ä", ValueError),
        ("/x", ValueError),
        ("x/", ValueError),
        ("a//b", ValueError),
        (None, TypeError),
    ],
)
def test_what_is_no_model(model, error):
    """A name that would lead elsewhere is refused."""
    for backend in BACKENDS:
        with pytest.raises(error, match="model must be"):
            backend.model_name(model)


VERTEX_ONLY = [
    {"explicitVadSignal": False},
    {"sessionResumption": {"transparent": True}},
]


@pytest.mark.parametrize("setup", VERTEX_ONLY)
@pytest.mark.parametrize("backend", [GoogleAIBackend(), FirebaseBackend("p")])
def test_what_only_vertex_knows(backend, setup):
    """The Developer API would end the session on these fields."""
    with pytest.raises(ValueError, match="is for Vertex AI only: leave it out here"):
        backend.complete(setup)


@pytest.mark.parametrize("setup", [*VERTEX_ONLY, {"sessionResumption": {}}])
@pytest.mark.parametrize(
    "backend", [VertexAIBackend("p"), VertexAIBackend(), FirebaseBackend("p", "eu")]
)
def test_vertex_knows_it(backend, setup):
    """Vertex AI takes them, behind Firebase's proxy too."""
    given = {**setup}
    backend.complete(given)
    assert given.items() >= setup.items()


@pytest.mark.parametrize("backend", [GoogleAIBackend(), FirebaseBackend("p")])
def test_what_all_know(backend):
    """Resumption itself is everywhere, and nothing is added."""
    setup = {"sessionResumption": {"handle": "h"}, "generationConfig": {}}
    backend.complete(setup)
    assert setup == {"sessionResumption": {"handle": "h"}, "generationConfig": {}}


@pytest.mark.parametrize(
    ("backend", "given", "sent"),
    [
        (VertexAIBackend("p"), {}, {"responseModalities": ["AUDIO"]}),
        (
            VertexAIBackend("p"),
            {"responseModalities": ["TEXT"]},
            {"responseModalities": ["TEXT"]},
        ),
        (VertexAIBackend(), {}, {}),
    ],
)
def test_vertex_wants_a_modality(backend, given, sent):
    """Of a project's own it must be said, as Google's SDK does."""
    setup = {"generationConfig": given}
    backend.complete(setup)
    assert setup == {"generationConfig": sent}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("key", [KEY, TOKEN])
def test_no_repr_holds_a_secret(backend, key):
    """What a log may show is masked."""
    url, headers = backend.url(None, key), backend.headers(key)
    shown = repr(UpgradeRequest(url=url, headers=headers)) + repr(backend)
    assert key not in shown
    assert key.rpartition("/")[2] not in shown


def test_tokens_of_a_firebase_backend_are_secrets():
    """They are no part of its repr."""
    backend = FirebaseBackend("p", app_check_token="app-secret", auth_token="u-secret")
    assert repr(backend) == "FirebaseBackend(project='p', location=None)"
