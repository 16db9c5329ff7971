"""What a model was made with: all that each connection to it needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voxsync.dialects.gemini.codec import GeminiDialect
from voxsync.dialects.gemini.config import SessionResumptionConfig, resumption_to_wire

if TYPE_CHECKING:
    from voxsync.dialects.gemini.endpoints import Backend

__all__ = ["Plan", "Token", "resumption"]

Token = str | Callable[[], str] | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Plan:
    """What a model was made with: all that a connection needs.

    Attributes:
        backend: Whose service.
        base_url: Another server; None = the service's own.
        api_key: What tells who we are, or gives it.
        model: The name as given.
        settings: The first message of a session that is not to be resumed. As text,
            so that nothing done later to the caller's dicts gets into it.
        resumption: None = the session is not to be resumed.
    """

    backend: Backend
    base_url: str | None
    api_key: Token
    model: str
    settings: str
    resumption: SessionResumptionConfig | None = None

    def dialect(self) -> GeminiDialect:
        """A translator for one connection; asks for the key or token now."""
        key = self.api_key() if callable(self.api_key) else self.api_key
        setup = self.setup()
        inputs = json.loads(setup)["setup"].get("realtimeInputConfig", {})
        detection = inputs.get("automaticActivityDetection", {})
        return GeminiDialect(
            self.backend.url(self.base_url, key),
            self.backend.headers(key),
            setup,
            automatic_activity=not detection.get("disabled", False),
        )

    def setup(self) -> str:
        """The first message.

        Raises:
            TypeError, ValueError: The service does not resume like that.
        """
        if self.resumption is None:
            return self.settings
        found = json.loads(self.settings)["setup"]
        found["sessionResumption"] = resumption_to_wire(self.resumption)
        self.backend.complete(found)
        return json.dumps({"setup": found}, separators=(",", ":"))


def resumption(
    given: SessionResumptionConfig | Mapping[str, Any] | None,
) -> SessionResumptionConfig | None:
    """The setting as an object; None = the session is not to be resumed.

    Raises:
        TypeError: It is nothing of that.
    """
    if given is None or isinstance(given, SessionResumptionConfig):
        return given
    if not isinstance(given, Mapping):
        raise TypeError(
            "session_resumption must be SessionResumptionConfig(...) or a dict, not "
            f"{type(given).__name__}"
        )
    return SessionResumptionConfig(**given)
