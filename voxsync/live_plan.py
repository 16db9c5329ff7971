"""What a model was made with: all that each connection to it needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voxsync.dialects.gemini import requests
from voxsync.dialects.gemini.codec import GeminiDialect
from voxsync.dialects.gemini.config import SessionResumptionConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxsync.dialects.gemini.config import LiveGenerationConfig
    from voxsync.dialects.gemini.endpoints import Backend

__all__ = ["Plan", "Token", "resumption"]

Token = str | Callable[[], str] | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Plan:
    """What a model was made with: all that a connection needs."""

    backend: Backend
    base_url: str | None
    api_key: Token
    model: str
    config: LiveGenerationConfig | Mapping[str, Any] | None
    system_instruction: object
    tools: Sequence[object] | None
    tool_config: Mapping[str, Any] | None
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
        """The first message."""
        return requests.setup(
            self.model,
            self.config,
            system_instruction=self.system_instruction,
            tools=self.tools,
            tool_config=self.tool_config,
            resumption=self.resumption,
            backend=self.backend,
        )


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
