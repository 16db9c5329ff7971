"""Masking (RFC 6455, 5.3): keys that nobody can guess, and a quick XOR.

Keys come from `os.urandom` in blocks, because one call per frame costs as much as
the XOR. Each is used once. A child of `fork()` would share the rest of its parent's
block, so it drops every block before any other code runs there.
"""

from __future__ import annotations

import operator
import os
import struct
import sys
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["KeySource", "Masker"]

_BLOCK = 2048  # bytes: 512 keys
_SMALL = 192  # below this many bytes, XOR of Python integers is the quicker way
_CHUNK = 64 * 1024  # the most bytes masked at a time; a multiple of 4 keeps the phase


class KeySource:
    """Masking keys for one connection. One thread at a time.

    Attributes:
        take: Gives the next key, four bytes; StopIteration means: call `refill`.
    """

    __slots__ = ("__weakref__", "take")

    take: Callable[[], bytes]

    def __init__(self) -> None:
        self.drop()
        _sources.add(self)

    def drop(self) -> None:
        """Forget the keys that are left."""
        self.take = iter(()).__next__

    def refill(self) -> bytes:
        """Get a new block and take its first key."""
        block = struct.iter_unpack("4s", os.urandom(_BLOCK))
        keys: Iterator[bytes] = map(operator.itemgetter(0), block)
        # The block lives in this iterator only, which cannot go back: no key can
        # be taken twice.
        self.take = keys.__next__
        return self.take()


# Weak: a connection that is gone must not be kept by the process's fork hook.
_sources: weakref.WeakSet[KeySource] = weakref.WeakSet()


def _drop_all() -> None:
    for source in list(_sources):
        source.drop()


if sys.platform != "win32":  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_drop_all)


class Masker:
    """XOR of any bytes with a four-byte key; the same call masks and unmasks.

    Large payloads go through one buffer that is made once: numpy sees it as words
    and the key as a scalar inside it, so that a frame needs no new arrays. The
    buffer is as large as the largest payload so far, at most 64 KiB; longer
    payloads pass through it in pieces. One thread at a time.
    """

    __slots__ = ("_all_words", "_buffer", "_key", "_size", "_view", "_words", "_xor")

    _xor: np.ufunc
    _key: NDArray[np.uint32]
    _all_words: NDArray[np.uint32]
    _words: NDArray[np.uint32]
    _view: memoryview

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._size = -1

    def apply(self, key: bytes, data: bytes | memoryview) -> bytes | memoryview:
        """XOR `data` with `key`.

        Returns:
            New bytes, or a view of the buffer: valid until the next call, so copy
            it at once.
        """
        size = len(data)
        if size < _SMALL:
            # The key is laid end to end as one long integer.
            spread = int.from_bytes((key * ((size + 3) >> 2))[:size], "little")
            return (int.from_bytes(data, "little") ^ spread).to_bytes(size, "little")
        if size > _CHUNK:
            return self._apply_in_pieces(key, data)
        if size != self._size:
            self._fit(size)
        buffer = self._buffer
        # Same lengths on both sides: nothing is resized, which arrays that look
        # into the buffer would forbid.
        buffer[:4] = key
        buffer[4 : 4 + size] = data
        self._xor(self._words, self._key, self._words)
        return self._view

    def _fit(self, size: int) -> None:
        """Make ready for payloads of `size` bytes (audio: they are all alike)."""
        count = (size + 3) >> 2  # words; up to three bytes of the last are not used
        if 4 + 4 * count > len(self._buffer):
            self._grow(4 * count)
        self._words = self._all_words[:count]
        self._view = memoryview(self._buffer)[4 : 4 + size]
        self._size = size

    def _grow(self, room: int) -> None:
        # Imported here: a connection that sends short texts does without numpy.
        import numpy as np  # noqa: PLC0415

        self._buffer = bytearray(4 + (1 << (room - 1).bit_length()))
        self._xor = np.bitwise_xor
        self._key = np.ndarray((), np.uint32, self._buffer)
        self._all_words = np.frombuffer(self._buffer, np.uint32, offset=4)

    def _apply_in_pieces(self, key: bytes, data: bytes | memoryview) -> memoryview:
        result = bytearray()
        view = memoryview(data)
        for start in range(0, len(data), _CHUNK):
            result += self.apply(key, view[start : start + _CHUNK])
        return memoryview(result)
