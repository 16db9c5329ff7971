import pytest

from voxsync.wire import Binary, Close, Opcode, Text, is_sendable_close_code


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1014, 3000, 4999])
def test_edges_of_sendable_codes(code):
    """The edges of the ranges that may stand in a Close frame are accepted."""
    assert is_sendable_close_code(code)


@pytest.mark.parametrize(
    "code", [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535, 65536]
)
def test_reserved_codes(code):
    """Codes that are reserved, local or out of range are not sendable."""
    assert not is_sendable_close_code(code)


def test_messages_compare_by_value_and_kind():
    """Messages are equal if kind and content are, and take no other attributes."""
    assert Text("a") == Text("a") != Text("b")
    assert Binary(b"") != Text("")
    with pytest.raises(AttributeError):
        Close(1000, "").note = "x"


def test_opcodes():
    """The opcodes are those of RFC 6455, 5.2."""
    assert [int(code) for code in Opcode] == [0, 1, 2, 8, 9, 10]
