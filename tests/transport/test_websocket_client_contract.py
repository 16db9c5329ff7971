"""What `connect` relies on in websocket-client, private parts included.

An upgrade of the library that changes one of these fails here, by name.
"""

import pytest
import websocket
from websocket import _http, _url


class Socket:
    """Answers one byte at a time, as a slow proxy would."""

    def __init__(self, answer):
        self.answer = list(answer)
        self.sent = b""

    def gettimeout(self):
        return 1.0

    def fileno(self):
        return -1

    def send(self, data):
        self.sent += data
        return len(data)

    def recv(self, size):
        assert size == 1  # so nothing behind the answer is taken
        return bytes([self.answer.pop(0)])


def test_tunnel_asks_and_leaves_the_rest():
    """CONNECT with Basic credentials; the first byte after the head stays unread."""
    sock = Socket(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n\x16")
    assert _http._tunnel(sock, "example.org", 443, ("me", "pass")) is sock
    assert sock.sent.startswith(b"CONNECT example.org:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6cGFzcw==\r\n" in sock.sent
    assert sock.answer == [0x16]


def test_tunnel_refused():
    """A status other than 200 is a WebSocketException that names it."""
    with pytest.raises(websocket.WebSocketException, match="407"):
        _http._tunnel(Socket(b"HTTP/1.1 407 No\r\n\r\n"), "h", 1, None)


@pytest.mark.parametrize(
    ("secure", "name"), [(False, "http_proxy"), (True, "https_proxy")]
)
def test_the_environments_proxy(monkeypatch, secure, name):
    """Host, port, credentials; exempt hosts get none."""
    monkeypatch.setenv(name, "http://u:p%40@h:3128")
    found = _url.get_proxy_info("example.org", secure)
    assert found == ("h", 3128, ("u", "p@"))
    monkeypatch.setenv("no_proxy", "example.org")
    assert _url.get_proxy_info("example.org", secure) == (None, 0, None)
