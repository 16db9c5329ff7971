"""Bytes with a name for their kind, and base64 as services write it."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voxsync.dialects.gemini.fields import (
    WireObject,
    member,
    option,
    string,
    to_wire,
)
from voxsync.errors import FormatError

__all__ = ["Blob", "blob_to_wire", "decode_base64", "encode_base64"]


def decode_base64(data: str) -> bytes:
    """The bytes of a base64 text: either alphabet, with or without padding.

    Raises:
        ValueError: It is no base64.
    """
    try:
        return a2b_base64(data, strict_mode=True)
    except ValueError:
        # Twice as fast as str.translate.
        bare = data.rstrip("=").replace("-", "+").replace("_", "/")
        return a2b_base64(bare + "=" * (-len(bare) % 4), strict_mode=True)


def encode_base64(data: bytes) -> str:
    """Standard alphabet, padded, on one line."""
    return b2a_base64(data, newline=False).decode("ascii")


def _encoded(_where: str, value: object) -> str:
    assert isinstance(value, bytes)
    return encode_base64(value)


@dataclass(frozen=True, slots=True, repr=False)
class Blob(WireObject):
    """Bytes and what they are.

    Attributes:
        mime_type: e.g. `"image/jpeg"`, `"audio/pcm;rate=16000"`.
        data: The bytes themselves, not their base64 form. Bytes-like objects are
            copied.

    Raises:
        TypeError: The data are not bytes; of a base64 text make them by
            `base64.b64decode`.
        ValueError: The mime type is empty.
    """

    # Not an option(): type checkers are to know that there is no default.
    mime_type: str = field(metadata={"kind": string})
    data: bytes = option(_encoded, default=b"")

    def __post_init__(self) -> None:
        string("Blob.mime_type", self.mime_type)
        if type(self.data) is not bytes:
            if not isinstance(self.data, bytes | bytearray | memoryview):
                raise TypeError(
                    f"Blob.data must be bytes, not {type(self.data).__name__}"
                )
            object.__setattr__(self, "data", bytes(self.data))

    def wire(self) -> dict[str, object]:
        """The JSON object to send.

        Raises:
            FormatError: 16-bit PCM with half a sample at its end, upon which a service
                ends the session.
        """
        mime = self.mime_type.lower().partition(";")[0].strip()
        if mime == "audio/pcm" and len(self.data) % 2:
            raise FormatError(
                f"{len(self.data)} bytes of {self.mime_type} are not whole 16-bit "
                "samples: keep the last one for the next blob"
            )
        return WireObject.wire(self)

    @classmethod
    def from_wire(cls, obj: Mapping[str, Any]) -> Blob:
        """Read the JSON object `obj`: keys in either case, base64 in either alphabet.

        `data` may also be bytes already.

        Raises:
            TypeError, ValueError: It is not what a blob is.
        """
        data = member(obj, "data", b"")
        return cls(
            member(obj, "mimeType"),
            decode_base64(data) if isinstance(data, str) else data,
        )

    def __repr__(self) -> str:
        return f"Blob(mime_type={self.mime_type!r}, data=<{len(self.data)} bytes>)"


def blob_to_wire(where: str, value: object) -> dict[str, object]:
    """A blob, or a dict that stands for one, as JSON object.

    Args:
        where: Its name for errors.
        value: The dict has keys in either case; its data are bytes or base64.

    Raises:
        TypeError, ValueError: It is neither, or what it holds is not what a blob is.
    """
    if isinstance(value, Mapping) and isinstance(value.get("data"), str):
        try:
            value = {**value, "data": decode_base64(value["data"])}
        except ValueError:
            raise ValueError(f"the data of {where} are a str, but no base64") from None
    if isinstance(value, Mapping) and member(value, "mimeType") is None:
        raise TypeError(f'{where} has no mime_type: give one, e.g. "image/jpeg"')
    return to_wire(where, value, Blob)
