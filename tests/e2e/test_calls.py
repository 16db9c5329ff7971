"""C5 in short: calls side by side lose nothing; how late they are, no test judges."""

from benchmarks.calls import compare, sound


def test_ten_calls_lose_nothing():
    """Half of them incoming, media both ways; every chunk is heard once, in order."""
    for found in compare(calls=10, seconds=3):
        assert sound(found), found
        assert found["chunks"] == 10 * 150
        assert found["threads"] <= 4  # of a call
