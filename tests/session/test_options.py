"""Options are checked when they are made, and show no secret."""

import dataclasses

import pytest

from voxsync import QueueDispatcher, TkDispatcher
from voxsync.session import AUTO, SessionOptions


def test_defaults_are_the_designs():
    """Section 8's figures."""
    options = SessionOptions()
    assert (options.send_queue, options.send_buffer, options.inbox) == (16, 65536, 256)
    assert (options.open_timeout, options.close_timeout) == (10, 5)
    assert options.ping_interval is AUTO
    assert repr(options) == "SessionOptions()"


def test_frozen_and_keyword_only():
    """Options may be shared between sessions and threads."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        SessionOptions().inbox = 3
    with pytest.raises(TypeError):
        SessionOptions({})


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("open_timeout", 0, ValueError),
        ("open_timeout", None, TypeError),
        ("close_timeout", "5", TypeError),
        ("write_timeout", -1, ValueError),
        ("ping_interval", True, TypeError),
        ("idle_timeout", float("inf"), ValueError),
        ("ping_timeout", float("nan"), ValueError),
        ("send_queue", 0, ValueError),
        ("send_queue", 1.5, TypeError),
        ("inbox", True, TypeError),
        ("subprotocols", "chat", TypeError),
        ("subprotocols", 5, TypeError),
        ("subprotocols", b"chat", TypeError),
        ("subprotocols", ("chat", 5), TypeError),
        ("subprotocols", ("a b",), ValueError),
        ("subprotocols", ("a,b",), ValueError),
        ("subprotocols", ("",), ValueError),
        ("subprotocols", ("ü",), ValueError),
        ("headers", 5, TypeError),
        ("headers", "X-Key: value", TypeError),
        ("headers", b"ab", TypeError),
        ("headers", ["ab"], TypeError),
        ("headers", [("a",)], ValueError),
        ("proxy", "socks5://host:1", ValueError),
        ("proxy", "http://", ValueError),
    ],
)
def test_nonsense_is_refused_by_name(name, value, error):
    """The message names the option."""
    with pytest.raises(error, match=name.rstrip("s")):
        SessionOptions(**{name: value})


@pytest.mark.parametrize(
    "name",
    ["write_timeout", "ping_interval", "ping_timeout", "idle_timeout", "send_buffer"],
)
def test_none_means_no_limit(name):
    """Where that makes sense."""
    assert getattr(SessionOptions(**{name: None}), name) is None


def test_headers_come_as_mapping_or_pairs():
    """Order and repetition are kept for pairs."""
    assert SessionOptions(headers={"A": "1"}).headers == (("A", "1"),)
    pairs = [("A", "1"), ("A", "2")]
    assert SessionOptions(headers=pairs).headers == tuple(pairs)
    assert SessionOptions(headers=None).headers == ()


def test_what_was_expected_is_said():
    """And no value is repeated: it may be a secret."""
    for headers, words in (
        (5, "mapping or .name, value. pairs, not int"),
        (["planted"], "pairs, not of str"),
        ([("Authorization", "planted", "planted")], "pairs, not 3 values"),
    ):
        with pytest.raises((TypeError, ValueError), match=words) as info:
            SessionOptions(headers=headers)
        assert "planted" not in str(info.value)
    with pytest.raises(ValueError, match=r"'a b' cannot be offered.*as a tuple"):
        SessionOptions(subprotocols=["chat", "a b"])
    assert SessionOptions(subprotocols=["v1.a-b_c~"]).subprotocols == ("v1.a-b_c~",)


def test_repr_shows_what_was_set_and_no_secret():
    """Authorization and the proxy's password are masked."""
    options = SessionOptions(
        headers={"Authorization": "Bearer hunter2hunter2", "X-A": "shown"},
        proxy="http://me:hunter2hunter2@proxy:3128",
        inbox=7,
    )
    text = repr(options)
    assert "hunter2" not in text
    assert "shown" in text
    assert "inbox=7" in text
    assert "proxy:3128" in text


@pytest.mark.parametrize("given", [TkDispatcher, QueueDispatcher, "tk", object(), 1])
def test_what_is_no_dispatcher(given):
    """It is told now, not by the first event on another thread."""
    with pytest.raises(TypeError, match="such as TkDispatcher"):
        SessionOptions(dispatcher=given)


def test_a_dispatcher_of_ones_own():
    """Has the two methods that are called."""
    dispatcher = QueueDispatcher()
    assert SessionOptions(dispatcher=dispatcher).dispatcher is dispatcher
