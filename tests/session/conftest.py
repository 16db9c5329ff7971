"""Sessions against raw peers and echo servers."""

import contextlib
import ssl

import pytest
import trustme

from tests.peers import Peer
from voxsync import PlainSession, SessionClosed, SessionOptions
from voxsync.server import Listener


@pytest.fixture(scope="session")
def authority():
    """A certificate authority of the test's own."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority):
    """TLS for a server called localhost."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_tls(authority):
    """TLS for a client that trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def peer():
    """Makes raw peers and closes them at the end."""
    with contextlib.ExitStack() as stack:
        yield lambda *args, **kwargs: stack.enter_context(Peer(*args, **kwargs))


@pytest.fixture
def echo():
    """A real echo server of ours; its listener object."""

    def connected(listener, session):
        def back(event):
            with contextlib.suppress(SessionClosed):  # the client may be gone
                send(event)

        def send(event):
            if isinstance(event.data, str):
                session.send_text(event.data)
            else:
                session.send_binary(event.data)

        session.add_event_listener("message", back)

    listener = Listener()
    listener.connection.connect(connected, weak=False)
    with listener:
        yield listener


class Log:
    """Everything a session told, in order."""

    def __init__(self, session):
        self.session = session
        self.events = []
        for kind in ("created", "open", "message", "error", "close"):
            session.add_event_listener(kind, self.events.append)

    @property
    def kinds(self):
        return [str(event.type) for event in self.events]

    def of(self, kind):
        return [event for event in self.events if event.type == kind]

    def check(self):
        """I1: `created` first, `open` at most once, `close` exactly once and last."""
        kinds = self.kinds
        assert kinds[0] == "created"
        assert kinds.count("created") == 1
        assert kinds.count("open") <= 1
        assert kinds.count("close") == 1
        assert kinds[-1] == "close"
        if "open" in kinds:
            assert kinds.index("open") == 1


@pytest.fixture
def make():
    """Makes logged sessions; whatever is left at the end is cancelled."""
    made = []

    def make_(url, *, listen=True, **options):
        session = PlainSession(url, options=SessionOptions(**options))
        made.append(session)
        if listen:
            session.log = Log(session)
        return session

    yield make_
    for session in made:
        session.cancel()
        if session._connection is not None:
            with contextlib.suppress(TimeoutError):
                session.wait_closed(5)
