import gc
import os
import subprocess
import sys
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsync.wire import masking
from voxsync.wire.masking import KeySource, Masker


def by_hand(key, data):
    return bytes(byte ^ key[index % 4] for index, byte in enumerate(data))


def take(source):
    try:
        return source.take()
    except StopIteration:
        return source.refill()


SHORT = [0, 1, 2, 3, 4, 5, 125, 126, 127, 190, 191, 192, 193, 194, 195, 196, 640]
LONG = [65533, 65535, 65536, 65537, 65539, 131072, 131073, 131271, 200001]


@pytest.mark.parametrize("size", [*SHORT, *LONG])
def test_every_path_agrees_with_the_definition(size):
    """XOR is that of RFC 6455, 5.3, for any length: integers, numpy, and pieces."""
    data, key = os.urandom(size), b"\x01\x80\xfe\x37"
    assert bytes(Masker().apply(key, data)) == by_hand(key, data)


@given(
    st.lists(
        st.tuples(st.binary(min_size=4, max_size=4), st.binary(max_size=600)),
        max_size=8,
    )
)
def test_reuse_leaves_no_trace(frames):
    """A masker gives the same whatever it masked before, and twice is identity."""
    masker = Masker()
    for key, data in frames:
        masked = bytes(masker.apply(key, data))
        assert masked == by_hand(key, data)
        assert bytes(masker.apply(key, masked)) == data


def test_sizes_that_change():
    """The buffer serves growing, shrinking and equal sizes."""
    masker, key = Masker(), b"abcd"
    for size in (640, 640, 200, 70000, 641, 65536, 320, 320):
        data = os.urandom(size)
        assert bytes(masker.apply(key, data)) == by_hand(key, data)


def test_each_key_is_used_once(monkeypatch):
    """Keys are the bytes of the random blocks, each four bytes once and in order."""
    given_out = []

    def urandom(size):
        block = b"".join(
            (len(given_out) * size // 4 + index).to_bytes(4, "big")
            for index in range(size // 4)
        )
        given_out.append(block)
        return block

    monkeypatch.setattr(masking.os, "urandom", urandom)
    source = KeySource()
    keys = [take(source) for _ in range(1300)]
    assert len(set(keys)) == 1300
    assert b"".join(given_out).startswith(b"".join(keys))
    assert all(len(block) >= 2048 for block in given_out)


def test_fork_hook_drops_all_keys(monkeypatch):
    """What runs in a child of fork() makes every source fetch a new block."""
    blocks = iter([bytes(2048), bytes(2048), b"\x01" * 2048, b"\x02" * 2048])
    monkeypatch.setattr(masking.os, "urandom", lambda _: next(blocks))
    one, two = KeySource(), KeySource()
    assert take(one) == take(two) == bytes(4)
    masking._drop_all()
    assert take(one) == b"\x01" * 4
    assert take(two) == b"\x02" * 4


def test_sources_are_not_kept_alive():
    """A source that nobody uses is freed: the fork hook holds it weakly."""
    source = KeySource()
    gone = weakref.ref(source)
    del source
    gc.collect()
    assert gone() is None


FORK = """
import os
from voxsync.wire import Role, Wire

def keys(wire):
    del wire.out[:]
    for _ in range(40):
        wire.send_binary(b"")
    return {bytes(wire.out[at + 2 : at + 6]) for at in range(0, len(wire.out), 6)}

wire = Wire(Role.CLIENT)
wire.send_binary(b"")
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.write(writer, b"".join(keys(wire)))
    os._exit(0)
os.close(writer)
mine = keys(wire)
data = b""
while piece := os.read(reader, 4096):
    data += piece
assert os.waitpid(child, 0)[1] == 0
theirs = {data[at : at + 4] for at in range(0, len(data), 4)}
assert len(theirs) > 30 and len(mine) > 30
# Two sets of 40 random keys share one by chance once in three million runs.
assert not mine & theirs
"""

SMALL = """
import sys
from voxsync.wire import Binary, Role, Wire

client, server = Wire(Role.CLIENT), Wire(Role.SERVER)
client.send_text("x" * 191)
server.receive(bytes(client.out))
server.messages(9)
server.send_binary(bytes(100_000))
client.receive(bytes(server.out))
client.messages(9)
assert "numpy" not in sys.modules
del client.out[:]
client.send_binary(bytes(192))
assert "numpy" in sys.modules
server.receive(bytes(client.out))
assert server.messages(9) == [Binary(bytes(192))]
"""


def run(script):
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


def test_parent_and_child_share_no_key():
    """After fork() the child masks with other keys than its parent."""
    run(FORK)


def test_numpy_is_imported_for_large_masked_frames_only():
    """Short frames, and frames that need no masking, do without numpy."""
    run(SMALL)
