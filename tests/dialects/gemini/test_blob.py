"""Bytes with a name for their kind."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.dialects.gemini.blob import (
    Blob,
    blob_to_wire,
    decode_base64,
    encode_base64,
)

# A busy machine is no fault of a test's.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@CALM
@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_base64_of_either_alphabet(data, url_safe, padded):
    """Standard and URL-safe alphabet, with and without padding, say the same."""
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    text = encode(data).decode()
    assert decode_base64(text if padded else text.rstrip("=")) == data


@CALM
@given(st.binary(max_size=200))
def test_base64_goes_out_in_the_standard_alphabet(data):
    """What is sent is the standard alphabet, padded, without line breaks."""
    assert encode_base64(data) == base64.b64encode(data).decode()


@pytest.mark.parametrize("text", ["A", "AAAAA", "AA AA", "AAA\n", "A*==", "ß", "=A=="])
def test_what_is_no_base64(text):
    """Half a byte, a blank or a foreign letter is an error, not skipped."""
    with pytest.raises(ValueError, match=r".+"):
        decode_base64(text)


@pytest.mark.parametrize("data", [b"abc", bytearray(b"abc"), memoryview(b"abc")])
def test_a_blob_is_bytes(data):
    """Bytes-like objects are copied: what is done to them later changes nothing."""
    blob = Blob("image/png", data)
    assert blob == Blob(mime_type="image/png", data=b"abc")
    assert type(blob.data) is bytes
    assert hash(blob) == hash(Blob("image/png", b"abc"))


def test_a_memoryview_of_other_items():
    """Of a view of samples the bytes are taken."""
    view = memoryview(b"abcd").cast("h")
    assert Blob("audio/pcm", view).data == b"abcd"


def test_subclasses_of_bytes_are_made_plain():
    """What is kept is nothing but bytes."""

    class Mine(bytes):
        pass

    assert type(Blob("image/png", Mine(b"a")).data) is bytes


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("image/png", "YWJj"), TypeError, "Blob.data must be bytes, not str"),
        (("image/png", [1]), TypeError, "Blob.data must be bytes, not list"),
        (("image/png", 3), TypeError, "Blob.data must be bytes, not int"),
        (("", b"a"), ValueError, "Blob.mime_type is empty"),
        ((None, b"a"), TypeError, "Blob.mime_type must be a str, not NoneType"),
    ],
)
def test_what_is_no_blob(arguments, error, words):
    """A mistake is told when the blob is made."""
    with pytest.raises(error, match=words):
        Blob(*arguments)


def test_no_repr_holds_the_data():
    """A repr is for logs; what is said or seen is not."""
    assert repr(Blob("image/png", b"secret")) == (
        "Blob(mime_type='image/png', data=<6 bytes>)"
    )


@pytest.mark.parametrize(
    "obj",
    [
        {"mimeType": "audio/pcm", "data": "+/8="},
        {"mime_type": "audio/pcm", "data": "-_8"},
        {"mimeType": "audio/pcm", "data": b"\xfb\xff"},
    ],
)
def test_reading_a_blob(obj):
    """Both cases, both alphabets, and bytes are read alike, and sent in one way."""
    blob = Blob("audio/pcm", b"\xfb\xff")
    assert Blob.from_wire(obj) == blob
    sent = {"mimeType": "audio/pcm", "data": "+/8="}
    assert blob_to_wire("x", obj) == blob_to_wire("x", blob) == blob.wire() == sent


def test_a_blob_without_data():
    """proto3 leaves empty bytes out."""
    assert Blob.from_wire({"mimeType": "audio/pcm"}).data == b""


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ({"mimeType": "a/b", "data": "A"}, ValueError, "data of x are a str, but no"),
        ({"mimeType": "a/b", "data": 1}, TypeError, "Blob.data must be bytes, not int"),
        ({"data": "AAAA"}, TypeError, "x has no mime_type: give one"),
        ({"mime_type": 1}, TypeError, "Blob.mime_type must be a str, not int"),
        (b"abc", TypeError, "x must be Blob or a dict, not bytes"),
        ("abc", TypeError, "x must be Blob or a dict, not str"),
    ],
)
def test_what_does_not_stand_for_a_blob(value, error, words):
    """A dict is checked as the object is."""
    with pytest.raises(error, match=words):
        blob_to_wire("x", value)


def test_a_blob_keeps_what_is_newer():
    """Keys that this library does not know are sent."""
    sent = blob_to_wire("x", {"mimeType": "a/b", "data": "", "display_name": "cat"})
    assert sent == {"displayName": "cat", "mimeType": "a/b", "data": ""}
