"""The tree of exceptions, as documented and as `except` clauses see it."""

import pickle
import queue

import pytest

from voxsync import errors

CLASSES = [getattr(errors, name) for name in errors.__all__]


def documented():
    """Pairs of class and parent, and the builtins named, from the docstring's tree."""
    found, stack = {}, []
    for line in errors.__doc__.splitlines():
        text = line.lstrip(" │├└─")
        words = text.split()
        if not words or words[0] not in errors.__all__:
            continue
        depth = (len(line) - len(text)) // 4
        del stack[depth - 1 :]
        builtin = text.partition("(+ ")[2].partition(")")[0] or None
        found[words[0]] = (stack[-1] if stack else None, builtin)
        stack.append(words[0])
    return found


def test_every_exception_is_documented():
    """The tree of the docstring names all of them, in the place they have."""
    tree = documented()
    assert sorted(tree) == sorted(errors.__all__)
    for name, (parent, builtin) in tree.items():
        if parent is not None:
            assert getattr(errors, parent) in getattr(errors, name).__bases__
        if builtin is not None:
            bases = [
                f"{b.__module__}.{b.__name__}" for b in getattr(errors, name).mro()
            ]
            assert any(
                base in bases
                for base in (builtin, f"builtins.{builtin}", f"_{builtin}")
            )


@pytest.mark.parametrize("error", CLASSES, ids=errors.__all__)
def test_one_root(error):
    """`except VoxsyncError` catches them all, and each has a docstring."""
    assert issubclass(error, errors.VoxsyncError)
    assert error.__doc__


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.ConnectError, ConnectionError),
        (errors.HandshakeError, OSError),
        (errors.OpenTimeout, TimeoutError),
        (errors.SessionClosed, ConnectionError),
        (errors.SendQueueFull, queue.Full),
        (errors.ReceiveTimeout, TimeoutError),
        (errors.MissingExtra, ImportError),
        (errors.FormatError, ValueError),
    ],
)
def test_ordinary_except_clauses_work(error, builtin):
    """Who knows only the standard library catches what it would expect."""
    assert issubclass(error, builtin)


@pytest.mark.parametrize("misuse", [errors.InvalidState, errors.ConcurrencyError])
def test_misuse_is_no_remote_fault(misuse):
    """A handler for broken connections does not swallow a bug in the program."""
    assert not issubclass(misuse, (OSError, ValueError))


def test_a_refusal_carries_the_answer():
    """Status, headers and body; 401 and 403 are about credentials."""
    headers = {"x-why": "expired"}
    error = errors.HandshakeError("no", status=401, headers=headers, body=b"text")
    headers.clear()
    assert (error.status, error.headers, error.body) == (
        401,
        {"x-why": "expired"},
        b"text",
    )
    assert str(error) == "no"
    for status, is_auth in ((401, True), (403, True), (302, False), (500, False)):
        error = errors.HandshakeError("", status=status, headers={}, body=b"")
        assert error.is_auth is is_auth


def test_an_end_carries_how_it_was():
    """Code, reason, cleanness, what was not sent, and the text so far."""
    error = errors.SessionClosed(
        "over", code=1011, reason="busy", was_clean=True, unsent=3, text="so far"
    )
    assert (error.code, error.reason, error.was_clean) == (1011, "busy", True)
    assert (error.unsent, error.text, str(error)) == (3, "so far", "over")
    bare = errors.SessionClosed("over")
    assert (bare.code, bare.reason, bare.was_clean) == (1006, "", False)
    assert (bare.unsent, bare.text) == (0, "")


def test_a_broken_rule_carries_the_message():
    """The offending message and the close code that it earned."""
    error = errors.ProtocolError("not JSON", raw="{", code=1007)
    assert (error.raw, error.code) == ("{", 1007)
    bare = errors.ProtocolError("odd")
    assert (bare.raw, bare.code) == (None, None)


def test_a_device_error_carries_the_number():
    """PortAudio's own number, where there is one."""
    assert errors.DeviceError("gone", portaudio_code=-9988).portaudio_code == -9988
    assert errors.DeviceError("gone").portaudio_code is None


@pytest.mark.parametrize(
    "error", [errors.SessionClosed("over", code=4000), errors.InvalidState("early")]
)
def test_errors_survive_pickling(error):
    """They may travel between processes with all they carry."""
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))
