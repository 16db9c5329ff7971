"""What a model was made with: all that each connection to it needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from voxsync.dialects.gemini.config import (
    SessionResumptionConfig,
    resumption_config,
    resumption_to_wire,
)
from voxsync.dialects.gemini.endpoints import FirebaseBackend, VertexAIBackend
from voxsync.errors import InvalidState
from voxsync.gemini.turns import TurnsDialect

if TYPE_CHECKING:
    from voxsync.dialects.gemini.endpoints import Backend

__all__ = ["Plan", "Token"]

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

    def dialect(self) -> TurnsDialect:
        """A translator for one connection; asks for the key or token now."""
        key = self.api_key() if callable(self.api_key) else self.api_key
        setup = self.setup()
        inputs = json.loads(setup)["setup"].get("realtimeInputConfig", {})
        detection = inputs.get("automaticActivityDetection", {})
        return TurnsDialect(
            self.backend.url(self.base_url, key),
            self.backend.headers(key),
            setup,
            automatic_activity=not detection.get("disabled", False),
        )

    @property
    def calls_have_ids(self) -> bool:
        """Whether the service gives each function call an id (Gemini notes, 2.6)."""
        backend = self.backend
        if isinstance(backend, FirebaseBackend):
            return backend.location is None
        return not isinstance(backend, VertexAIBackend)

    def resumed(
        self,
        given: SessionResumptionConfig | Mapping[str, Any] | None,
        latest: str | None,
    ) -> Plan:
        """What the next connection of an open session needs.

        Args:
            given: Whose handle counts, if it has one.
            latest: The handle otherwise.

        Raises:
            TypeError: `given` makes no sense.
            InvalidState: There is no handle, or the session was not to be resumed.
        """
        if self.resumption is None:
            raise InvalidState(
                "Cannot resume session: it was opened without session_resumption={}"
            )
        config = resumption_config(given) or self.resumption
        if given is None or config.handle is None:
            if latest is None:
                raise InvalidState(
                    "the service has sent no resumption handle yet: it sends one "
                    "behind each turn of the model's; resume() after the first"
                )
            config = replace(config, handle=latest)
        return replace(self, resumption=config)

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
