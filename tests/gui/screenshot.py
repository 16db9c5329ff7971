"""A picture of what is on an X server's screen, as PNG: no package is needed for it."""

import socket
import struct
import zlib

import numpy as np

_GET_IMAGE, _Z_PIXMAP, _ALL_PLANES = 73, 2, 0xFFFFFFFF


def screenshot(display, path):
    """Save the whole screen.

    Args:
        display: As in DISPLAY, e.g. ":1"; of 24 bits, on this machine.
        path: Of the PNG file.
    """
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(20)
        server.connect(f"/tmp/.X11-unix/X{display.lstrip(':')}")
        server.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        welcome, _, _, words = struct.unpack("<BxHHH", _read(server, 8))
        setup = _read(server, 4 * words)
        assert welcome == 1, setup
        vendor, formats = struct.unpack_from("<H3xB", setup, 16)
        at = 32 + (vendor + 3) // 4 * 4 + 8 * formats  # of the first screen
        root, width, height = struct.unpack_from("<I16xHH", setup, at)
        area = (0, 0, width, height)
        server.sendall(
            struct.pack(
                "<BBHIHHHHI", _GET_IMAGE, _Z_PIXMAP, 5, root, *area, _ALL_PLANES
            )
        )
        kind, words = struct.unpack("<BxxxI24x", _read(server, 32))
        assert kind == 1, "no picture"
        pixels = np.frombuffer(_read(server, 4 * words), np.uint8)
    path.write_bytes(_png(pixels.reshape(height, width, 4)[:, :, 2::-1]))


def _read(server, count):
    data = b""
    while len(data) < count:
        piece = server.recv(count - len(data))
        assert piece, "the X server has gone"
        data += piece
    return data


def _png(picture):
    """`(height, width, 3)` of red, green and blue, one byte each, as a file."""
    height, width, _ = picture.shape
    lines = np.zeros((height, 1 + 3 * width), np.uint8)  # each behind its filter: none
    lines[:, 1:] = picture.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"IDAT", zlib.compress(lines.tobytes())),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )  # fmt: skip
