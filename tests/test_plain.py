"""The door to any other service: arguments, and that it adds nothing of its own."""

import pytest

from tests.peers import Peer
from voxsync.plain import PlainSession
from voxsync.session import SessionOptions


def test_both_kinds_of_messages():
    """Sent as given, received as `str` and `bytes`."""
    with (
        Peer(lambda conn: conn.echo_until_close()) as peer,
        PlainSession(peer.url) as session,
    ):
        session.send_text("hello")
        session.send_binary(bytearray(b"\0\1"))
        session.send_json({"a": 1})
        messages = session.receive(timeout=5)
        assert [next(messages) for _ in range(3)] == ["hello", b"\0\1", '{"a":1}']


def test_the_upgrade_has_no_headers_of_its_own():
    """Only what every upgrade needs, and what the user gave."""
    with Peer(lambda conn: conn.echo_until_close()) as peer:
        options = SessionOptions(headers={"X-Mine": "1"})
        with PlainSession(peer.url + "path?query=1", options=options):
            pass
    line, *headers = peer.requests[0].decode().split("\r\n")
    assert line == "GET /path?query=1 HTTP/1.1"
    names = {header.split(":")[0].lower() for header in headers}
    assert names == {
        "host",
        "upgrade",
        "connection",
        "sec-websocket-key",
        "sec-websocket-version",
        "x-mine",
    }


@pytest.mark.parametrize(
    ("args", "kwargs", "error"),
    [
        ((None,), {}, TypeError),
        ((b"ws://host/",), {}, TypeError),
        (("http://host/",), {}, ValueError),
        (("host",), {}, ValueError),
        (("ws://host/#part",), {}, ValueError),
        (("ws://host/", SessionOptions()), {}, TypeError),
        (("ws://host/",), {"options": {"send_queue": 1}}, TypeError),
    ],
)
def test_arguments_that_make_no_sense(args, kwargs, error):
    """Are refused before there is a thread or a socket."""
    with pytest.raises(error):
        PlainSession(*args, **kwargs)


def test_repr_shows_no_secret_of_the_url():
    """User information and query values are masked; `url` is as given."""
    url = "wss://me:planted@host.example/path?token=planted"
    session = PlainSession(url)
    assert "planted" not in repr(session)
    assert "host.example/path" in repr(session)
    assert session.url == url
