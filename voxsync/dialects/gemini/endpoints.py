"""Whose service: its address, how it knows the caller, how it names models.

Keys go into headers, where logs and proxies do not look; only Firebase's proxy wants
its key, which is public by design, in the URL.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from voxsync.redact import redact_url

if TYPE_CHECKING:
    from typing import TypeAlias

    Headers: TypeAlias = tuple[tuple[str, str], ...]

__all__ = ["Backend", "FirebaseBackend", "GoogleAIBackend", "VertexAIBackend"]

_METHOD = "BidiGenerateContent"
_TOKEN = "auth_tokens/"  # noqa: S105 - ephemeral tokens begin so
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?::[A-Za-z0-9.-]+)?")
_MODEL = re.compile(r"[\w.@:-]+(/[\w.@:-]+)*", re.ASCII)
# Gemini notes, 1.7 and 2.3: fields of Vertex AI alone.
_VERTEX_ONLY = {
    "explicit_vad_signal": ("explicitVadSignal",),
    "session_resumption.transparent": ("sessionResumption", "transparent"),
}


class Backend(ABC):
    """One service that speaks the Live protocol."""

    __slots__ = ()

    @abstractmethod
    def url(self, base_url: str | None = None, key: str | None = None) -> str:
        """Where to connect to.

        Args:
            base_url: Another server: `ws`, `wss`, `http` or `https`, with or without a
                path before the service's own; a URL that names the method
                (`.../BidiGenerateContent`) is taken as it is. None = the service.
            key: As for `headers`.

        Raises:
            TypeError, ValueError: One of them makes no sense.
        """

    @abstractmethod
    def headers(self, key: str | None = None) -> Headers:
        """What tells the service who we are.

        Args:
            key: An API key or a token; None = say nothing.

        Raises:
            TypeError, ValueError: It is no str, empty, or cannot stand in a header.
        """

    @abstractmethod
    def model_name(self, model: str) -> str:
        """A model's name in full; `model` is its bare name or any part of the full one.

        Raises:
            TypeError, ValueError: It cannot be the name of a model.
        """

    def complete(self, setup: dict[str, Any]) -> None:
        """Add to `setup`, the message's fields, what this service wants said.

        Raises:
            ValueError: It says what only another service knows.
        """
        for name, path in _VERTEX_ONLY.items():
            found: Any = setup
            for key in path:
                found = found.get(key) if found else None
            if found is not None:
                raise ValueError(f"{name} is for Vertex AI only: leave it out here")


@dataclass(frozen=True, slots=True)
class GoogleAIBackend(Backend):
    """The Gemini Developer API, for an API key or an ephemeral token.

    Attributes:
        api_version: `"v1beta"` (default), `"v1"`, `"v1alpha"` (what Google's own SDK
            asks for with tokens).

    Raises:
        TypeError, ValueError: It is no version.
    """

    api_version: str = "v1beta"

    def __post_init__(self) -> None:
        _checked("api_version", self.api_version)

    def url(self, base_url: str | None = None, key: str | None = None) -> str:
        """Where to connect to; a token (`auth_tokens/...`) has a method of its own."""
        checked = _key(key)
        constrained = "Constrained" if checked and checked.startswith(_TOKEN) else ""
        service = f"google.ai.generativelanguage.{self.api_version}.GenerativeService"
        # A dot before the method here, a slash elsewhere (Gemini notes, 2.1).
        return _address(
            base_url,
            "generativelanguage.googleapis.com",
            f"/ws/{service}.{_METHOD}{constrained}",
        )

    def headers(self, key: str | None = None) -> Headers:
        """The key as `x-goog-api-key`, a token as `Authorization`."""
        checked = _key(key)
        if checked is None:
            return ()
        if checked.startswith(_TOKEN):
            return (("Authorization", f"Token {checked}"),)
        return (("x-goog-api-key", checked),)

    def model_name(self, model: str) -> str:
        """`"x"` and `"models/x"` as `"models/x"`; other paths stay."""
        checked = _model(model)
        return checked if "/" in checked else f"models/{checked}"


@dataclass(frozen=True, slots=True)
class VertexAIBackend(Backend):
    """Vertex AI (Agent Platform), for an access token of the cloud-platform scope.

    Attributes:
        project: The cloud project; None = express mode: the key is an API key.
        location: Region, or `"global"`.
        api_version: Default `"v1beta1"`.

    Raises:
        TypeError, ValueError: One of them cannot stand in a URL.
    """

    project: str | None = None
    location: str = "us-central1"
    api_version: str = "v1beta1"

    def __post_init__(self) -> None:
        if self.project is not None:
            _checked("project", self.project)
        _checked("location", self.location)
        _checked("api_version", self.api_version)

    def url(self, base_url: str | None = None, key: str | None = None) -> str:
        """Where to connect to; in express mode that is global."""
        del key
        everywhere = self.project is None or self.location == "global"
        return _address(
            base_url,
            f"{'' if everywhere else self.location + '-'}aiplatform.googleapis.com",
            f"/ws/google.cloud.aiplatform.{self.api_version}.LlmBidiService/{_METHOD}",
        )

    def headers(self, key: str | None = None) -> Headers:
        """The token as `Authorization`, an express key as `x-goog-api-key`."""
        checked = _key(key)
        if checked is None:
            return ()
        if self.project is None:
            return (("x-goog-api-key", checked),)
        return (("Authorization", f"Bearer {checked}"),)

    def model_name(self, model: str) -> str:
        """`"x"` and `"models/x"` as `"projects/.../publishers/google/models/x"`."""
        return _published(model, self.project, self.location)

    def complete(self, setup: dict[str, Any]) -> None:
        """Ask for audio, where nothing is asked for: only elsewhere is it default."""
        if self.project is not None:
            modalities = setup.setdefault("generationConfig", {})
            modalities.setdefault("responseModalities", ["AUDIO"])


@dataclass(frozen=True, slots=True)
class FirebaseBackend(Backend):
    """Firebase AI Logic: its proxy, for the web API key of a Firebase project.

    Attributes:
        project: The Firebase project.
        location: Of Vertex AI behind the proxy; None = the Developer API behind it.
        app_check_token: Of App Check, where the project asks for it.
        auth_token: Of the signed-in user, where the project asks for it.

    Raises:
        TypeError, ValueError: One of them makes no sense.
    """

    project: str
    location: str | None = None
    app_check_token: str | None = field(default=None, repr=False, kw_only=True)
    auth_token: str | None = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        _checked("project", self.project)
        if self.location is not None:
            _checked("location", self.location)
        _key(self.app_check_token, "app_check_token")
        _key(self.auth_token, "auth_token")

    def url(self, base_url: str | None = None, key: str | None = None) -> str:
        """Where to connect to, with the key as the proxy wants it."""
        path = (
            f"/ws/google.firebase.vertexai.v1beta.GenerativeService/{_METHOD}"
            if self.location is None
            else "/ws/google.firebase.vertexai.v1beta.LlmBidiService/"
            f"{_METHOD}/locations/{self.location}"
        )
        found = _address(base_url, "firebasevertexai.googleapis.com", path)
        checked = _key(key)
        if checked is None:
            return found
        mark = "&" if "?" in found else "?"
        return f"{found}{mark}key={quote(checked, safe='')}"

    def headers(self, key: str | None = None) -> Headers:
        """The tokens of App Check and of the user; the key is in the URL."""
        del key
        found = []
        if self.app_check_token is not None:
            found.append(("X-Firebase-AppCheck", self.app_check_token))
        if self.auth_token is not None:
            found.append(("Authorization", f"Firebase {self.auth_token}"))
        return tuple(found)

    def model_name(self, model: str) -> str:
        """The bare name, or any part of the full one, as the proxy wants it."""
        if self.location is not None:
            return _published(model, self.project, self.location)
        checked = _model(model)
        if checked.startswith("projects/"):
            return checked
        return f"projects/{self.project}/models/{checked.removeprefix('models/')}"

    def complete(self, setup: dict[str, Any]) -> None:
        """Nothing; but with the Developer API behind it, refuse what that does."""
        if self.location is None:
            Backend.complete(self, setup)


def _published(model: str, project: str | None, location: str) -> str:
    checked = _model(model).removeprefix("models/")
    if "/" not in checked:
        checked = f"publishers/google/models/{checked}"
    if project is None or not checked.startswith("publishers/"):
        return checked
    return f"projects/{project}/locations/{location}/{checked}"


def _model(model: str) -> str:
    if not isinstance(model, str):
        raise TypeError(f"model must be a str, not {type(model).__name__}")
    # What is said of a model ends up in paths, behind the service's door.
    if not _MODEL.fullmatch(model) or ".." in model:
        raise ValueError(f"model must be a name, e.g. 'gemini-live', not {model!r}")
    return model


def _checked(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not _NAME.fullmatch(value):
        raise ValueError(f"{name} must be a name, not {value!r}")


def _key(key: str | None, name: str = "key") -> str | None:
    """The key; nothing of it is told in an error."""
    if key is None:
        return None
    if not isinstance(key, str):
        raise TypeError(f"{name} must be a str, not {type(key).__name__}")
    if not key:
        raise ValueError(f"{name} is empty; leave it out where none is wanted")
    if not key.isascii() or not key.isprintable() or key.strip() != key:
        raise ValueError(
            f"{name} has spaces around it, or characters that no header can carry"
        )
    return key


def _address(base_url: str | None, host: str, path: str) -> str:
    """The service's URL, or what stands for it on another server."""
    if base_url is None:
        return f"wss://{host}{path}"
    if not isinstance(base_url, str):
        raise TypeError(f"base_url must be a str, not {type(base_url).__name__}")
    parts = urlsplit(base_url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError(
            "base_url must be ws://, wss://, http:// or https:// and a host, not "
            f"{redact_url(base_url)!r}"
        )
    try:
        _ = parts.port  # which raises
    except ValueError:
        raise ValueError(
            f"base_url has no port that could be: {redact_url(base_url)!r}"
        ) from None
    if parts.fragment:
        raise ValueError(f"base_url has a fragment: {redact_url(base_url)!r}")
    whole = _METHOD in parts.path
    path = parts.path if whole else parts.path.rstrip("/") + path
    scheme = _SCHEMES[parts.scheme]
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))
