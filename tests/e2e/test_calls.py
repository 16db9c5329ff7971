"""C5 in short: calls side by side lose nothing; how late they are, no test judges."""

import pytest

from benchmarks.calls import compare, sound


@pytest.mark.parametrize(
    "own", [True, False], ids=["own I/O threads", "one I/O thread"]
)
def test_ten_calls_lose_nothing(own):
    """Half of them incoming, media both ways; every chunk is heard once, in order."""
    for found in compare(calls=10, seconds=3, own=own):
        assert sound(found), found
        assert found["chunks"] == 10 * 150
        shared = 0 if own else 1
        assert found["threads"] * 10 <= 4 * 10 + shared
