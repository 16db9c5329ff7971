import pytest

from voxsync.wire import Close
from voxsync.wire.rules import BrokenRule, check_head, check_size, parse_close

ALLOWED = [0x01, 0x81, 0x02, 0x82, 0x88, 0x89, 0x8A]
ALLOWED_INSIDE = [0x00, 0x80, 0x88, 0x89, 0x8A]


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_all_first_bytes(inside, masked):
    """Of the 256 first bytes, exactly those of RFC 6455 pass in each state."""
    passed = []
    for head in range(256):
        try:
            check_head(head, 125, masked=masked, inside=inside)
        except BrokenRule as exc:
            assert exc.code == 1002
        else:
            passed.append(head)
    assert sorted(passed) == sorted(ALLOWED_INSIDE if inside else ALLOWED)


@pytest.mark.parametrize(
    ("masked", "words"), [(False, "is masked"), (True, "not masked")]
)
def test_wrong_mask_bit_is_named(masked, words):
    """The message says which side broke the masking rule, and how."""
    with pytest.raises(BrokenRule, match=words):
        check_head(0x82, 128, masked=masked, inside=False)


@pytest.mark.parametrize(
    ("size", "extra", "code"),
    [
        (125, 0, None),
        (125, 2, 1002),
        (126, 2, None),
        (65535, 2, None),
        (65535, 8, 1002),
        (65536, 8, None),
        (2**63, 8, 1002),
        (2**63 - 1, 8, 1009),
    ],
)
def test_forms_of_a_length(size, extra, code):
    """Each length has one form; the top bit of the longest is not used."""
    if code is None:
        check_size(0x82, size, extra, held=0, most=2**20)
    else:
        with pytest.raises(BrokenRule) as caught:
            check_size(0x82, size, extra, held=0, most=2**20)
        assert caught.value.code == code


def test_sum_of_fragments():
    """The limit is inclusive, counts what came before, and is for messages only."""
    check_size(0x80, 40, 0, held=60, most=100)
    check_size(0x89, 41, 0, held=60, most=100)
    with pytest.raises(BrokenRule, match="101 bytes or more, over 100"):
        check_size(0x80, 41, 0, held=60, most=100)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", Close(1005, "")),
        (b"\x03\xe8", Close(1000, "")),
        (b"\x0f\xa0" + "конец".encode(), Close(4000, "конец")),
    ],
)
def test_close_payloads(payload, expected):
    """A Close frame is empty, or a code, or a code and a reason."""
    assert parse_close(payload) == expected


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"\x03", 1002), (b"\x03\xed", 1002), (b"\x03\xe8\xff", 1007)],
)
def test_broken_close_payloads(payload, code):
    """Half a code, a reserved code and a reason that is not UTF-8 are refused."""
    with pytest.raises(BrokenRule) as caught:
        parse_close(payload)
    assert caught.value.code == code
