"""WAV files as tests need them: byte by byte, right or wrong."""

import struct
import wave

GUID = bytes.fromhex("000000001000800000aa00389b71")
TAGS = {"pcm": 1, "float": 3, "alaw": 6, "ulaw": 7}


def chunk(name, body, size=None, pad=True):
    """One chunk; its size may be a lie."""
    told = len(body) if size is None else size
    return name + struct.pack("<I", told) + body + (b"\0" * (len(body) % 2 * pad))


def layout(
    tag=1, channels=1, rate=16000, bits=16, align=None, extensible=False, extra=b""
):
    """What a fmt chunk holds."""
    width = (bits + 7) // 8
    align = channels * width if align is None else align
    first = 0xFFFE if extensible else tag
    body = struct.pack(
        "<HHIIHH",
        first,
        channels,
        rate,
        min(rate * align, 0xFFFFFFFF),
        align,
        bits,
    )
    if extensible:
        body += struct.pack("<HHI", 22, bits, 0) + struct.pack("<H", tag) + GUID
    return body + extra


def riff(*chunks, mark=b"RIFF", size=None, kind=b"WAVE"):
    """A file of these chunks."""
    body = kind + b"".join(chunks)
    return mark + struct.pack("<I", len(body) if size is None else size) + body


def wav(data, **format):
    """A plain file of these samples."""
    return riff(chunk(b"fmt ", layout(**format)), chunk(b"data", data))


def by_wave(path_or_file, samples, channels=1, width=2, rate=16000):
    """The same, written by the standard library."""
    with wave.open(path_or_file, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples)
