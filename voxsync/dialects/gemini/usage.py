"""What a Live session has cost in tokens."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ModalityTokenCount", "UsageMetadata"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModalityTokenCount:
    """How many tokens were of one kind.

    Attributes:
        modality: e.g. `"TEXT"`, `"AUDIO"`.
        token_count: Default 0, which the service leaves out.
    """

    modality: str | None = None
    token_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageMetadata:
    """What the session has cost in tokens; None = the service did not say.

    Attributes:
        prompt_token_count: What was sent, the context so far included.
        cached_content_token_count: Of these from the cache.
        response_token_count: What the model said (Vertex: `candidatesTokenCount`).
        tool_use_prompt_token_count: Results of the service's own tools.
        thoughts_token_count: What the model thought.
        total_token_count: All of it.
        prompt_tokens_details: By kind, as are `cache_tokens_details`,
            `response_tokens_details` and `tool_use_prompt_tokens_details`.
        traffic_type: Vertex: how it is paid for.
    """

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    response_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    thoughts_token_count: int | None = None
    total_token_count: int | None = None
    prompt_tokens_details: tuple[ModalityTokenCount, ...] = ()
    cache_tokens_details: tuple[ModalityTokenCount, ...] = ()
    response_tokens_details: tuple[ModalityTokenCount, ...] = ()
    tool_use_prompt_tokens_details: tuple[ModalityTokenCount, ...] = ()
    traffic_type: str | None = None
