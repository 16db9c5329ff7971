"""From a URL to an upgraded socket: TCP, TLS, proxies, refusals, one deadline."""

import base64
import contextlib
import socket
import ssl
import threading
import time
import traceback

import pytest

from tests.peers import Conn, frame
from voxsync.errors import ConnectError, HandshakeError, OpenTimeout
from voxsync.transport import DialOptions, dial
from voxsync.transport.connect import shared_ssl_context
from voxsync.transport.dial import check_header, check_url

TOKEN = "s3cr3t-t0k3n-0123456789"


def welcome(conn, extra=b""):
    """A server's usual answer."""
    conn.answer(conn.read_head(), extra)
    conn.until_eof()


@contextlib.contextmanager
def dialled(url, timeout=10, on_socket=None, **options):
    """Dial, and close the socket at the end."""
    result = dial(url, DialOptions(**options), timeout, on_socket)
    with contextlib.closing(result.sock):
        yield result


def fails(url, timeout=10, error=ConnectError, **options):
    """The error that dialling ends with."""
    with pytest.raises(error) as caught, dialled(url, timeout, **options):
        pass
    return caught.value


# The URL and the headers


@pytest.mark.parametrize(
    "url",
    ["ws://h", "wss://h:1/", "ws://h/p?q=a%20b", "ws://u:p@h/", "ws://[::1]:80/x"],
)
def test_urls_that_can_be_opened(url):
    """Everything RFC 6455, section 3 allows."""
    check_url(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://h/", "scheme"),
        ("h/", "scheme"),
        ("", "scheme"),
        ("ws:///path", "host"),
        ("ws://:80/", "host"),
        ("ws://h:0/", "port"),
        ("ws://h:99999/", "not a URL"),
        ("ws://h:x/", "not a URL"),
        ("ws://[::1/", "not a URL"),
        ("ws://h/#part", "fragment"),
        ("ws://h/#", "fragment"),
        ("ws://h/a b", "white space"),
        ("ws://h/a\x7f", "control"),
        ("ws://h/\r\nX: y", "white space"),
    ],
)
def test_urls_that_cannot(url, words):
    """The error says what is wrong before anything is opened."""
    with pytest.raises(ValueError, match=words):
        check_url(url)


def test_a_url_is_a_string():
    """Anything else is a TypeError that names what it was."""
    with pytest.raises(TypeError, match="bytes"):
        check_url(b"ws://h/")


def test_a_refused_url_is_masked():
    """The error about a URL shows none of its secrets."""
    with pytest.raises(ValueError, match="fragment") as caught:
        check_url(f"ws://u:{TOKEN}@h/?key={TOKEN}#x")
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("value", ["", "Bearer abc", "caf\xe9", "a\tb"])
def test_headers_that_can_be_sent(value):
    """Whatever ISO 8859-1 holds on one line."""
    check_header("X-Any!", value)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("", "x", ValueError),
        ("X Y", "x", ValueError),
        ("X:", "x", ValueError),
        ("X\r\n", "x", ValueError),
        ("\xe9", "x", ValueError),
        ("X", "a\r\nY: b", ValueError),
        ("X", "a\nb", ValueError),
        ("X", "a\0", ValueError),
        ("X", TOKEN + "\r\n", ValueError),
        ("X", TOKEN + "\u2603", ValueError),
        ("X", 1, TypeError),
        (b"X", "x", TypeError),
        ("X", TOKEN.encode(), TypeError),
    ],
)
def test_headers_that_cannot(name, value, error):
    """Nothing breaks into the request, and the error does not show the value."""
    with pytest.raises(error) as caught:
        check_header(name, value)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


def test_options_do_not_show_the_proxy():
    """A proxy's URL may hold a password; the repr leaves it out."""
    assert TOKEN not in repr(DialOptions(proxy=f"http://u:{TOKEN}@h:1"))


# TCP


def test_success(peer):
    """The socket is connected, non-blocking, and nothing of the server's is lost."""

    def script(conn):
        extra = b"Sec-WebSocket-Protocol: voice\r\n"
        conn.answer(conn.read_head(), extra)
        conn.send(frame(1, b"early"))
        assert conn.read(5) == b"later"

    server = peer(script)
    with dialled(server.url, subprotocols=("text", "voice")) as result:
        result.sock.setblocking(True)
        rest = result.upgraded.rest
        while len(rest) < 7:
            rest += result.sock.recv(100)
        assert rest == frame(1, b"early")
        result.sock.sendall(b"later")
        assert result.upgraded.subprotocol == "voice"


def test_the_socket_is_non_blocking_and_tuned(peer):
    """Buffers and timeouts are what was asked for, and small writes go out at once."""
    told = []
    server = peer(welcome)
    with dialled(
        server.url,
        on_socket=told.append,
        send_buffer=32768,
        unsent_buffer=16384,
        user_timeout=7.0,
    ) as result:
        sock = result.sock
        assert told == [sock]
        assert sock.gettimeout() == 0.0
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= 32768
        for name, value in (("TCP_NOTSENT_LOWAT", 16384), ("TCP_USER_TIMEOUT", 7000)):
            if hasattr(socket, name):
                number = getattr(socket, name)
                assert sock.getsockopt(socket.IPPROTO_TCP, number) == value


def test_options_the_system_lacks_are_left_out(peer, monkeypatch):
    """What only some systems have is used only there."""
    monkeypatch.delattr(socket, "TCP_USER_TIMEOUT", raising=False)
    with dialled(peer(welcome).url, user_timeout=7.0):
        pass


def test_nobody_listens():
    """A refused connection is a ConnectError that names the place."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = fails(f"ws://127.0.0.1:{port}/")
    assert f"127.0.0.1:{port}" in str(error)
    assert isinstance(error.__cause__, ConnectionRefusedError)


def test_a_name_that_does_not_exist(monkeypatch):
    """The resolver's failure is told apart from that of a connection."""

    def unknown(*args):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "could not be resolved" in str(fails("ws://nowhere.invalid/"))


@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_says_nothing(peer, server_tls, client_tls, tls):
    """The timeout ends the wait, and leaves no socket."""
    context = server_tls("localhost") if tls else None
    server = peer(Conn.until_stopped, tls=context)
    started = time.monotonic()
    error = fails(server.url, 0.15, OpenTimeout, ssl_context=client_tls)
    assert "0.15 s" in str(error)
    assert time.monotonic() - started < 1


def test_a_tls_handshake_that_never_comes(peer, client_tls):
    """A server that speaks no TLS and stays silent is within the deadline too."""
    server = peer(Conn.until_stopped)
    started = time.monotonic()
    url = server.url.replace("ws://", "wss://")
    fails(url, 0.15, OpenTimeout, ssl_context=client_tls)
    assert time.monotonic() - started < 1


def test_a_server_that_drips(peer):
    """One deadline is for everything: single bytes in between do not extend it."""

    def drip(conn):
        conn.read_head()
        conn.send(b"HTTP/1.1 101 x\r\n")
        while not conn.stop.wait(0.01):
            conn.send(b"x")

    started = time.monotonic()
    fails(peer(drip).url, 0.15, OpenTimeout)
    assert time.monotonic() - started < 1


def test_a_server_that_resets(peer):
    """An RST instead of an answer is a ConnectError with its cause."""

    def script(conn):
        conn.read_head()
        conn.reset()

    assert isinstance(fails(peer(script).url).__cause__, ConnectionResetError)


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 101 Swi"])
def test_a_server_that_leaves(peer, sent):
    """No answer, or a part of one, is no HandshakeError but a lost connection."""

    def script(conn):
        conn.read_head()
        conn.send(sent)

    assert type(fails(peer(script).url)) is ConnectError


def test_a_refusal(peer):
    """Status and body of a refusal come through, over a real connection."""

    def script(conn):
        conn.read_head()
        conn.send(b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nquota")
        conn.until_eof()

    error = fails(peer(script).url, error=HandshakeError)
    assert (error.status, error.body) == (403, b"quota")


def test_cookies_stay_where_they_were_set(peer):
    """What one session was told to keep never goes out with another's request."""

    def script(conn):
        request = conn.read_head()
        seen.append(request)
        conn.answer(request, b"Set-Cookie: id=of-the-first; Path=/\r\n")
        conn.until_eof()

    seen = []
    server = peer(script)
    for _ in range(2):
        with dialled(server.url):
            pass
    assert len(seen) == 2
    assert all(b"cookie" not in request.lower() for request in seen)


def test_an_interrupt_leaves_no_socket(peer):
    """What is no error, like Ctrl-C, passes through, and the socket is closed."""
    told = []

    def interrupted(sock):
        told.append(sock)
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        dialled(peer(welcome).url, on_socket=interrupted),
    ):
        pass
    assert told[0].fileno() == -1


def test_a_secret_in_a_cause_is_not_chained(monkeypatch):
    """An exception of the layers below that repeats a secret is left behind."""

    def fail(*args):
        raise RuntimeError(f"cannot open ws://h/?key={TOKEN}")

    monkeypatch.setattr("socket.create_connection", fail)
    error = fails(f"ws://h/?key={TOKEN}")
    assert TOKEN not in "".join(traceback.format_exception(error))
    assert "***" in str(error)


# TLS (A3)


def test_a_verified_certificate(peer, server_tls, client_tls):
    """wss:// works, and the socket is an SSLSocket that the loop can recognise."""
    server = peer(welcome, tls=server_tls("localhost"))
    with dialled(server.url, ssl_context=client_tls) as result:
        assert isinstance(result.sock, ssl.SSLSocket)
        assert result.sock.gettimeout() == 0.0


@pytest.mark.parametrize(
    ("names", "expired", "words"),
    [(["wrong.example"], False, "localhost"), (["localhost"], True, "expired")],
)
def test_a_certificate_of_another_name_or_time(
    peer, server_tls, client_tls, names, expired, words
):
    """A wrong host name and an expired certificate are refused, in those words."""
    server = peer(welcome, tls=server_tls(*names, expired=expired))
    message = str(fails(server.url, ssl_context=client_tls))
    assert "certificate of wss://localhost" in message
    assert words in message
    assert "ssl_context" in message


def test_a_self_signed_certificate(peer, self_signed_tls, client_tls):
    """A certificate that only vouches for itself is refused as such."""
    server = peer(welcome, tls=self_signed_tls)
    error = fails(server.url, ssl_context=client_tls)
    assert "self-signed" in str(error).replace("self signed", "self-signed")
    assert isinstance(error.__cause__, ssl.SSLCertVerificationError)


def test_an_authority_nobody_knows(peer, server_tls):
    """By default only the system's authorities count."""
    server = peer(welcome, tls=server_tls("localhost"))
    assert "certificate" in str(fails(server.url))
    assert shared_ssl_context() is shared_ssl_context()


def test_no_tls_at_all(peer, client_tls):
    """A server that answers TLS with something else is told apart from a bad one."""

    def script(conn):
        conn.send(b"HTTP/1.1 400 this is a plain port\r\n\r\n")
        conn.until_eof()

    url = peer(script).url.replace("ws://", "wss://")
    assert str(fails(url, ssl_context=client_tls)).startswith("TLS with wss://")


# Proxies


class Proxy:
    """A small CONNECT proxy, for as many connections as come."""

    def __init__(self, make_peer, *, status=b"200 OK", drip=False):
        self.status = status
        self.drip = drip
        self.heads = []
        self.peer = make_peer(self.serve)

    @property
    def at(self):
        return f"127.0.0.1:{self.peer.port}"

    def serve(self, conn):
        head = conn.read_head().decode("latin-1")
        self.heads.append(head)
        if self.drip:
            for _ in range(300):
                if conn.stop.wait(0.01):
                    return
                conn.send(b"x")
            return
        conn.send(b"HTTP/1.1 " + self.status + b"\r\nX-Proxy: yes\r\n\r\n")
        if not self.status.startswith(b"200"):
            conn.until_eof()
            return
        host, port = head.split()[1].rsplit(":", 1)
        with socket.create_connection((host, int(port))) as target:
            back = threading.Thread(target=self.copy, args=(target, conn.sock))
            back.start()
            self.copy(conn.sock, target)
            back.join()

    @staticmethod
    def copy(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def asked(self):
        """What the last CONNECT was for, and with which credentials."""
        lines = self.heads[-1].split("\r\n")
        values = [
            base64.b64decode(line.split()[-1]).decode()
            for line in lines
            if line.lower().startswith("proxy-authorization: basic ")
        ]
        return lines[0].split()[1], values


@pytest.fixture
def proxy(peer):
    """Makes proxies."""
    return lambda **how: Proxy(peer, **how)


def test_through_a_proxy(peer, proxy):
    """The proxy is asked to connect, without credentials where there are none."""
    server, through = peer(welcome), proxy()
    with dialled(server.url, proxy=f"http://{through.at}"):
        assert through.asked() == (f"127.0.0.1:{server.port}", [])


def test_with_user_and_password(peer, proxy):
    """Credentials go to the proxy decoded, and not to the server."""
    server, through = peer(welcome, upgrade=True), proxy()
    with dialled(server.url, proxy=f"http://me%40work:p%3Ass@{through.at}"):
        assert through.asked()[1] == ["me@work:p:ss"]
        assert b"roxy-" not in server.requests[0]


def test_with_a_user_alone(peer, proxy):
    """A user without a password is a user."""
    server, through = peer(welcome), proxy()
    with dialled(server.url, proxy=f"http://me@{through.at}"):
        assert through.asked()[1] == ["me"]


def test_tls_through_a_proxy(peer, proxy, server_tls, client_tls):
    """The tunnel carries TLS with the server itself, verified as ever."""
    server, through = peer(welcome, tls=server_tls("localhost")), proxy()
    how = {"proxy": f"http://{through.at}", "ssl_context": client_tls}
    with dialled(server.url, **how) as result:
        assert isinstance(result.sock, ssl.SSLSocket)
    other = peer(welcome, tls=server_tls("wrong.example"))
    assert "certificate" in str(fails(other.url, **how))


def test_a_proxy_that_refuses(peer, proxy):
    """407 and others are told as the proxy's refusal, without its password."""
    server, through = peer(welcome), proxy(status=b"407 Who are you")
    error = fails(server.url, proxy=f"http://me:{TOKEN}@{through.at}")
    assert "proxy" in str(error)
    assert "407" in str(error)
    assert TOKEN not in "".join(traceback.format_exception(error))


def test_a_proxy_that_is_not_there():
    """A proxy that cannot be reached is a ConnectError."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    fails("ws://example.invalid/", proxy=f"http://127.0.0.1:{port}")


def test_a_proxy_that_leaves(peer):
    """A proxy that closes instead of answering is a ConnectError."""
    fails(
        "ws://example.invalid/", proxy=f"http://127.0.0.1:{peer(Conn.read_head).port}"
    )


def test_a_proxy_that_drips(proxy):
    """The one deadline is for the proxy's answer, too."""
    started = time.monotonic()
    fails("ws://example.invalid/", 0.15, proxy=f"http://{proxy(drip=True).at}")
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_the_proxy_of_the_environment(peer, proxy, monkeypatch, name):
    """Without a word about proxies the environment decides."""
    server, through = peer(welcome), proxy()
    monkeypatch.setenv(name, f"http://me:secret@{through.at}")
    with dialled(server.url):
        assert through.asked() == (f"127.0.0.1:{server.port}", ["me:secret"])


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY"])
def test_the_environments_proxy_for_tls(
    peer, proxy, monkeypatch, server_tls, client_tls, name
):
    """wss:// has its own variable."""
    server, through = peer(welcome, tls=server_tls("localhost")), proxy()
    monkeypatch.setenv(name, f"http://{through.at}")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with dialled(server.url, ssl_context=client_tls):
        assert through.asked()[0] == f"localhost:{server.port}"


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_no_proxy(peer, monkeypatch, name):
    """Hosts that the environment exempts are connected to directly."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv(name, "localhost,127.0.0.1")
    with dialled(peer(welcome).url):
        pass


def test_never_a_proxy(peer, monkeypatch):
    """An empty proxy means none, whatever the environment says."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with dialled(peer(welcome).url, proxy=""):
        pass


def test_an_explicit_proxy_counts_more(peer, proxy, monkeypatch):
    """The one that was passed is used, not the environment's."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server, through = peer(welcome), proxy()
    with dialled(server.url, proxy=f"http://{through.at}"):
        assert through.heads
