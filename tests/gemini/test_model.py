"""The door to Gemini: what a model is made of, and what its connections say first."""

import logging
import pathlib
import subprocess
import sys

import pytest

import voxsync
import voxsync.gemini
from tests.gemini.far import HANDLE, KEY, Far, update
from tests.peers import close_frame
from tests.session.test_secrets import everything
from voxsync.errors import (
    ConnectError,
    HandshakeError,
    InvalidState,
    OpenTimeout,
    SetupError,
)
from voxsync.gemini import (
    FirebaseBackend,
    GoogleAIBackend,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveSession,
    SessionResumptionConfig,
    SpeechConfig,
    VertexAIBackend,
)
from voxsync.session import SessionOptions
from voxsync.simulators.gemini import GeminiService

GOOGLE = "/ws/google.ai.generativelanguage"
FIREBASE = "/ws/google.firebase.vertexai.v1beta"


@pytest.fixture
def far():
    with Far() as made:
        yield made


# Names


@pytest.mark.parametrize("name", voxsync.gemini.__all__)
def test_names(name):
    """Every public name can be had, and is documented where it is a class."""
    found = getattr(voxsync.gemini, name)
    if isinstance(found, type):
        assert found.__name__ == name
        assert found.__doc__


def test_all_names_at_once():
    """A star gets them all, in a fresh interpreter."""
    code = "from voxsync.gemini import *; print(*dir())"
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=pathlib.Path(voxsync.__file__).parents[1],
    ).stdout.split()
    assert set(voxsync.gemini.__all__) <= set(shown)
    assert voxsync.gemini.__all__ == sorted(set(voxsync.gemini.__all__))


def test_a_name_that_is_not_there():
    """A typing error is an AttributeError like anywhere else."""
    with pytest.raises(AttributeError, match="LiveSesion"):
        _ = voxsync.gemini.LiveSesion


def test_no_numpy_to_begin_with():
    """A model is made without what only audio needs."""
    code = (
        "import sys; from voxsync.gemini import LiveGenerativeModel;"
        "LiveGenerativeModel('m', api_key='k3y-012345').session();"
        "print([n for n in ('numpy', 'websockets') if n in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=pathlib.Path(voxsync.__file__).parents[1],
    ).stdout
    assert shown.strip() == "[]"


# What a model is made of


@pytest.mark.parametrize(
    ("wrong", "error", "match"),
    [
        ({"model": ""}, ValueError, "model"),
        ({"model": "a/../b"}, ValueError, "model"),
        ({"model": "a?key=b"}, ValueError, "model"),
        ({"model": None}, TypeError, "model"),
        ({"api_key": 5}, TypeError, "api_key"),
        ({"api_key": ""}, ValueError, "key is empty"),
        ({"api_key": "two\r\nlines"}, ValueError, "header"),
        ({"backend": GoogleAIBackend}, TypeError, "backend must be"),
        ({"backend": "vertex"}, TypeError, "backend must be"),
        ({"base_url": "localhost:8000"}, ValueError, "base_url"),
        ({"config": 5}, TypeError, "config"),
        ({"config": {"temprature": 1, "temperature": "hot"}}, TypeError, "temperature"),
        ({"config": {"tools": []}}, ValueError, "tools"),
        ({"config": {"explicit_vad_signal": True}}, ValueError, "Vertex"),
        ({"system_instruction": b"x"}, TypeError, "bytes"),
        ({"tools": "lamp"}, TypeError, "tools"),
        ({"tool_config": 5}, TypeError, "tool_config"),
    ],
)
def test_what_makes_no_sense(wrong, error, match):
    """It is told when the model is made, and names the argument."""
    with pytest.raises(error, match=match):
        LiveGenerativeModel(**{"model": "m", "api_key": KEY, **wrong})


def test_options_that_are_none():
    """They are refused when the model is made."""
    with pytest.raises(TypeError, match="options must be SessionOptions"):
        LiveGenerativeModel("m", options={})


def test_everything_reaches_the_setup(far):
    """Names as the service has them, what is hoisted where it belongs."""
    schema = {"type": "object", "properties": {"room_name": {"type": "string"}}}
    model = far.model(
        config=LiveGenerationConfig(
            temperature=0.5,
            response_modalities=["AUDIO"],
            speech_config=SpeechConfig(voice_name="Leda", language_code="en-GB"),
            input_audio_transcription={},
            context_window_compression={"sliding_window": {"target_tokens": 100}},
        ),
        system_instruction="Answer in one line.",
        tools=[
            {"function_declarations": [{"name": "lamp", "parameters": schema}]},
        ],
        tool_config={"function_calling_config": {"mode": "ANY"}},
    )
    with model.connect({}) as session:
        assert isinstance(session, LiveSession)
    assert far.setups == [
        {
            "model": "models/gemini-live",
            "generationConfig": {
                "temperature": 0.5,
                "responseModalities": ["AUDIO"],
                "speechConfig": {
                    "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Leda"}},
                    "languageCode": "en-GB",
                },
            },
            "inputAudioTranscription": {},
            "contextWindowCompression": {"slidingWindow": {"targetTokens": 100}},
            "systemInstruction": {
                "role": "system",
                "parts": [{"text": "Answer in one line."}],
            },
            "tools": [
                {"functionDeclarations": [{"name": "lamp", "parameters": schema}]}
            ],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
            "sessionResumption": {},
        }
    ]


def test_settings_are_fixed(far):
    """What is done to the dicts behind its back is not the model's."""
    config, tools = {"temperature": 0.5}, [{"google_search": {}}]
    model = far.model(config=config, tools=tools, system_instruction="One.")
    config["temperature"] = 2
    tools.append({"code_execution": {}})
    with model.connect({"handle": "h-1"}):
        pass
    with model.connect():
        pass
    first, second = far.setups
    assert first.pop("sessionResumption") == {"handle": "h-1"}
    assert first == second
    assert second["generationConfig"] == {"temperature": 0.5}
    assert second["tools"] == [{"googleSearch": {}}]


def test_sessions_are_independent(far):
    """One model makes as many as are wanted; one's end is not another's."""
    model = far.model()
    with model.connect() as one, model.connect() as other:
        one.close()
        assert one.is_closed
        assert not other.is_closed
        other.send("still here")
        assert far.hears(1)
    assert len(far.setups) == 2


def test_a_session_for_later(far):
    """Listeners can be attached before it is opened; `open` comes to them."""
    session = far.model().session()
    told = []
    session.on_open = lambda event: told.append(event.type)
    with pytest.raises(InvalidState, match="connect"):
        session.send("too soon")
    with pytest.raises(InvalidState, match="connect"):
        next(iter(session.receive()))
    assert (session.usage, session.session_id) == (None, None)
    assert session.resumption_handle is None
    with session:  # connects
        session.send("now")
        far.hears(1)
    assert told == ["open"]


@pytest.mark.parametrize("given", [{"transparent": True}])
def test_resumption_that_the_service_does_not_know(far, given):
    """It is refused before anything is sent."""
    with pytest.raises(ValueError, match="Vertex"):
        far.model().connect(given)
    assert far.peer.requests == []


def test_a_handle_to_begin_with(far):
    """The handle given is the one known, until the service sends another."""
    with far.model().connect(SessionResumptionConfig(handle="h-0")) as session:
        assert session.resumption_handle == "h-0"
        far.say(update())
        assert next(session.receive(10)).new_handle == HANDLE
        assert session.resumption_handle == HANDLE
    assert far.setups[0]["sessionResumption"] == {"handle": "h-0"}


# Whose service


@pytest.mark.parametrize(
    ("backend", "path", "name", "header"),
    [
        (
            None,
            f"{GOOGLE}.v1beta.GenerativeService.BidiGenerateContent",
            "models/gemini-live",
            ("x-goog-api-key", KEY),
        ),
        (
            VertexAIBackend("p-1", "europe-west4"),
            "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent",
            "projects/p-1/locations/europe-west4/publishers/google/models/gemini-live",
            ("authorization", f"Bearer {KEY}"),
        ),
        (
            FirebaseBackend("p-1", app_check_token="app-check-012345"),
            f"{FIREBASE}.GenerativeService/BidiGenerateContent?key={KEY}",
            "projects/p-1/models/gemini-live",
            ("x-firebase-appcheck", "app-check-012345"),
        ),
    ],
)
def test_services(far, backend, path, name, header):
    """Each has its own address, its own way to know us, and its own model names."""
    model = far.model(backend=backend, base_url=far.url.rstrip("/"))
    with model.connect() as session:
        assert KEY not in session.url
    assert far.path() == path
    assert far.headers()[header[0]] == header[1]
    assert far.setups[0]["model"] == name


def test_an_ephemeral_token(far):
    """It goes another way than a key: header and method."""
    with far.model(api_key="auth_tokens/t0ken-0123").connect():
        pass
    assert far.path().endswith("BidiGenerateContentConstrained")
    assert far.headers()["authorization"] == "Token auth_tokens/t0ken-0123"
    assert "x-goog-api-key" not in far.headers()


def test_a_key_is_asked_for(far):
    """A callable gives one for each connection, also for those that resume."""
    keys = iter([f"k3y-{n}-0123456789" for n in range(3)])
    with far.model(api_key=lambda: next(keys)).connect({"handle": "h"}) as session:
        session.resume()
    found = [far.headers(n)["x-goog-api-key"] for n in range(2)]
    assert found == ["k3y-0-0123456789", "k3y-1-0123456789"]


def test_a_key_that_cannot_be_had(far):
    """What the callable raises comes out of connect()."""

    def lost():
        raise LookupError("no key today")

    with pytest.raises(LookupError, match="no key today"):
        far.model(api_key=lost).connect()


def test_no_key(far):
    """Nothing is sent then: a proxy may know who we are."""
    with far.model(api_key=None).connect():
        pass
    assert {"x-goog-api-key", "authorization"}.isdisjoint(far.headers())


def test_options_reach_the_session(far):
    """Limits and headers."""
    options = SessionOptions(headers={"X-Mine": "1"}, receive_queue=7)
    with far.model(options=options).connect() as session:
        assert session.options.receive_queue == 7
    assert far.headers()["x-mine"] == "1"


# How an opening fails; see test_ends.py for what the service refuses


def test_nobody_is_there():
    """A port that nobody listens on is a ConnectError."""
    with GeminiService() as service:
        url = service.url
    with pytest.raises(ConnectError):
        LiveGenerativeModel("m", base_url=url).connect()


def test_the_wrong_key():
    """The service says so before the upgrade."""
    with GeminiService(keys="another") as service:
        model = LiveGenerativeModel("m", api_key=KEY, base_url=service.url)
        with pytest.raises(HandshakeError) as caught:
            model.connect()
    assert caught.value.is_auth
    assert KEY not in everything(caught.value)


def test_a_timeout_that_makes_no_sense(far):
    """It is refused; None is the options' own."""
    with pytest.raises(ValueError, match="positive"):
        far.model().connect(timeout=0)
    options = SessionOptions(open_timeout=0.05)
    far.first = (b"\x8a\x00",)  # a pong answers no setup
    with pytest.raises(OpenTimeout, match=r"0\.05"):
        far.model(options=options).connect(timeout=None)


# Secrets


def test_keys_and_handles_are_not_shown(far, caplog, capfd):
    """Not by repr, log, error or output, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    far.answers = lambda _: [update()]
    model = far.model(backend=FirebaseBackend("p-1", auth_token="us3r-t0ken-012345"))
    shown = [repr(model)]
    with model.connect({"handle": HANDLE}) as session:
        session.send("hello")
        next(session.receive(10))
        shown += [repr(session), repr(session.stats), str(session)]
        session.resume()
        conn = far.conn
        far.first = (close_frame(1007, f"{KEY} is no key"),)
        with pytest.raises(SetupError) as caught:
            session.resume()
        shown.append(everything(caught.value))
        conn.send(close_frame(1007, f"key={KEY} is bad"))
        shown.append(everything(session.wait_closed(10).error))
    far.first = ({"error": {"message": f"bad key {KEY}", "code": 400}},)
    with pytest.raises(SetupError, match=r"400.*\*\*\*") as caught:
        model.connect()
    shown.append(everything(caught.value))
    shown += [*capfd.readouterr(), caplog.text]
    for secret in (KEY, "us3r-t0ken-012345"):
        assert all(secret not in text for text in shown)
    # A handle is no header: nothing that failed has repeated it.
    assert all(HANDLE not in text for text in shown)


def test_a_model_says_what_it_is():
    """Name and service, no key."""
    model = LiveGenerativeModel("gemini-live", api_key=KEY)
    assert model.model == "gemini-live"
    assert "gemini-live" in repr(model)
    assert "GoogleAIBackend" in repr(model)
    assert KEY not in repr(model)
