"""What a Live session has cost in tokens."""

import dataclasses

import pytest

from voxsync.dialects.gemini.usage import ModalityTokenCount, UsageMetadata


def test_what_the_service_did_not_say_is_none():
    """Which is something else than 0."""
    usage = UsageMetadata(prompt_token_count=0)
    assert usage.prompt_token_count == 0
    assert usage.total_token_count is None
    assert usage.prompt_tokens_details == ()
    assert usage != UsageMetadata()


def test_a_kind_without_a_count():
    """The service leaves a 0 out."""
    assert ModalityTokenCount(modality="TEXT").token_count == 0


@pytest.mark.parametrize("made", [UsageMetadata(), ModalityTokenCount()])
def test_nobody_changes_them(made):
    """They are shared between threads."""
    for each in dataclasses.fields(made):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(made, each.name, None)
