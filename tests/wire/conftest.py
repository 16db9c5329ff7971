"""Frames made by hand, so that the tests do not trust the encoder they test."""

import struct

import pytest


def _make_raw(head, payload=b"", *, key=None, form=None):
    size = len(payload)
    form = form or ("B" if size < 126 else "H" if size < 65536 else "Q")
    mask = 0 if key is None else 0x80
    if form == "B":
        frame = bytes((head, mask | size))
    elif form == "H":
        frame = struct.pack("!BBH", head, mask | 126, size)
    else:
        frame = struct.pack("!BBQ", head, mask | 127, size)
    if key is None:
        return frame + payload
    return (
        frame + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
    )


@pytest.fixture(scope="session")
def raw():
    """A function: first byte, payload, masking key, form of the length -> a frame."""
    return _make_raw
