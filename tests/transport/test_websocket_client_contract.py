"""What `dial` relies on in websocket-client, private parts included.

An upgrade of that package that changes one of these should fail here, loudly.
"""

import inspect
import socket

import pytest
import websocket
from websocket import _http, _socket, _url


def test_connect_takes_four_arguments():
    """`connect(url, options, proxy, socket)` returns a socket and the address."""
    assert list(inspect.signature(_http.connect).parameters) == [
        "url",
        "options",
        "proxy",
        "socket",
    ]


def test_connect_does_tcp_only():
    """Without TLS and proxy a connected, otherwise untouched socket comes back."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        how = _socket.sock_opt([], {})
        how.timeout = 3.0
        port = server.getsockname()[1]
        sock, address = _http.connect(
            f"ws://127.0.0.1:{port}/p", how, _http.proxy_info(), None
        )
        with sock, server.accept()[0] as peer:
            peer.settimeout(5)
            sock.close()
            assert peer.recv(1) == b""
        assert address == ("127.0.0.1", port, "/p")


def test_sock_opt_holds_options_tls_and_timeout():
    """The three things that `connect` reads."""
    how = _socket.sock_opt([(1, 2, 3)], {"context": None})
    assert how.sockopt == [(1, 2, 3)]
    assert how.sslopt == {"context": None}
    assert how.timeout is None


def test_a_context_is_used_as_it_is():
    """Of the TLS options only `context` is read when there is one."""

    class Context:
        def wrap_socket(self, sock, **how):
            assert how["server_hostname"] == "example.org"
            return "wrapped"

    assert _http._ssl_socket(None, {"context": Context()}, "example.org") == "wrapped"


def test_nagle_is_off_by_default():
    """Small frames go out at once without our asking."""
    assert (socket.SOL_TCP, socket.TCP_NODELAY, 1) in _socket.DEFAULT_SOCKET_OPTION


def test_proxy_info_as_we_make_it():
    """Explicit proxy, credentials, exemptions; nothing given = the environment."""
    empty = _http.proxy_info()
    assert (empty.proxy_host, empty.proxy_protocol) == (None, "http")
    full = _http.proxy_info(
        http_proxy_host="h",
        http_proxy_port=1,
        http_proxy_auth=("u", "p"),
        http_no_proxy=["*"],
        proxy_type="http",
    )
    assert (full.proxy_host, full.proxy_port, full.auth) == ("h", 1, ("u", "p"))
    assert full.no_proxy == ["*"]


@pytest.mark.parametrize("secure", [False, True])
def test_a_star_exempts_every_host(monkeypatch, secure):
    """`no_proxy=["*"]` means never a proxy, also against the environment."""
    monkeypatch.setenv("http_proxy", "http://h:1")
    monkeypatch.setenv("https_proxy", "http://h:1")
    found = _url.get_proxy_info("example.org", secure, "none", 1, None, ["*"])
    assert found == (None, 0, None)


def test_the_exceptions_that_are_translated():
    """Names and kinship of what `connect` raises."""
    base = websocket.WebSocketException
    for error in (
        websocket.WebSocketTimeoutException,
        websocket.WebSocketAddressException,
        websocket.WebSocketProxyException,
    ):
        assert issubclass(error, base)
    assert not issubclass(base, OSError)
