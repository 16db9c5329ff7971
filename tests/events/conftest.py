"""A screen for each module that opens windows."""

import pytest

from tests.events.screen import Screen


@pytest.fixture(scope="module")
def screen():
    """A private X server."""
    with Screen() as screen:
        yield screen
