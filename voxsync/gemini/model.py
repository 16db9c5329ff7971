"""A model to talk with; it opens sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voxsync.dialects.gemini import requests
from voxsync.dialects.gemini.config import resumption_config
from voxsync.dialects.gemini.endpoints import Backend, GoogleAIBackend
from voxsync.gemini.plan import Plan, Token
from voxsync.gemini.session import LiveSession
from voxsync.session.options import check_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voxsync.dialects.gemini import LiveGenerationConfig, SessionResumptionConfig
    from voxsync.session import SessionOptions

__all__ = ["LiveGenerativeModel"]


class LiveGenerativeModel:
    """A model to talk with, and how; `connect` opens a session.

    Args:
        model: Its name, bare or in full.
        api_key: Key, ephemeral token (`auth_tokens/...`) or, for Vertex AI, access
            token; or a callable that gives one at each connection. Sent in a header.
        backend: Whose service: `GoogleAIBackend()` (default), `VertexAIBackend(...)`,
            `FirebaseBackend(...)`.
        config: `LiveGenerationConfig` or a dict of its fields.
        system_instruction: Text, `Part` or `Content`.
        tools: Tools as dicts, in the service's words.
        tool_config: Likewise.
        base_url: Another server, such as `GeminiService().url`.
        options: Limits and timeouts of the sessions.

    Raises:
        TypeError, ValueError: An argument makes no sense.

    Thread: any; one model makes as many sessions as are wanted.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: Token = None,
        backend: Backend | None = None,
        config: LiveGenerationConfig | Mapping[str, Any] | None = None,
        system_instruction: object = None,
        tools: Sequence[object] | None = None,
        tool_config: Mapping[str, Any] | None = None,
        base_url: str | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        backend = GoogleAIBackend() if backend is None else backend
        if not isinstance(backend, Backend):
            raise TypeError(
                "backend must be GoogleAIBackend(...), VertexAIBackend(...) or "
                f"FirebaseBackend(...), not {backend!r}"
            )
        if not (api_key is None or isinstance(api_key, str) or callable(api_key)):
            raise TypeError(
                f"api_key must be a str or a callable, not {type(api_key).__name__}"
            )
        # What makes no sense is told now, not at connect().
        known = api_key if isinstance(api_key, str) else None
        backend.url(base_url, known)
        backend.headers(known)
        settings = requests.setup(
            model,
            config,
            system_instruction=system_instruction,
            tools=tools,
            tool_config=tool_config,
            backend=backend,
        )
        check_options(options)
        self._options = options
        self._plan = Plan(
            backend=backend,
            base_url=base_url,
            api_key=api_key,
            model=model,
            settings=settings,
        )

    @property
    def model(self) -> str:
        """The name as given."""
        return self._plan.model

    def session(
        self,
        session_resumption: SessionResumptionConfig | Mapping[str, Any] | None = None,
    ) -> LiveSession:
        """A session that is not open yet, to attach listeners and units to.

        Args:
            session_resumption: As in `connect`.
        """
        plan = replace(self._plan, resumption=resumption_config(session_resumption))
        plan.setup()  # says now what is wrong with it
        return LiveSession(plan, self._options)

    def connect(
        self,
        session_resumption: SessionResumptionConfig | Mapping[str, Any] | None = None,
        *,
        timeout: float | None = 10.0,
    ) -> LiveSession:
        """Open a session and return it; the service has accepted the setup then.

        Args:
            session_resumption: None = this session cannot be resumed. Empty (`{}` or
                `SessionResumptionConfig()`) = it can. With a handle: go on with that
                session.
            timeout: Seconds for connection and setup together.

        Raises:
            SetupError: The service refused the setup: `code`, `reason`.
            HandshakeError, ConnectError, OpenTimeout: See `Session.connect`.

        Thread: any; blocks.
        """
        return self.session(session_resumption).connect(timeout)

    def __repr__(self) -> str:
        return f"<LiveGenerativeModel {self._plan.model!r} at {self._plan.backend!r}>"
