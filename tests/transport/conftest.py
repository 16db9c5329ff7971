"""Raw peers, and certificates good and bad."""

import contextlib
import datetime as dt
import ssl

import pytest
import trustme

from tests.peers import Peer


@pytest.fixture
def peer():
    """Makes raw peers that answer by hand, and closes them at the end."""
    with contextlib.ExitStack() as stack:

        def make(script, *, upgrade=False, **kwargs):
            return stack.enter_context(Peer(script, upgrade=upgrade, **kwargs))

        yield make


@pytest.fixture(scope="session")
def authority():
    """A certificate authority of the test's own."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority):
    """Makes TLS for a server: of the right name, another one, or out of date."""

    def make(*names, expired=False):
        past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        when = {"not_before": past, "not_after": past + dt.timedelta(days=9)}
        cert = authority.issue_cert(*names, **(when if expired else {}))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        cert.configure_cert(context)
        return context

    return make


@pytest.fixture(scope="session")
def self_signed_tls(tmp_path_factory):
    """TLS for a server whose certificate only it vouches for."""
    stranger = trustme.CA()
    path = tmp_path_factory.mktemp("tls") / "self.pem"
    path.write_bytes(stranger.private_key_pem.bytes() + stranger.cert_pem.bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


@pytest.fixture(scope="session")
def client_tls(authority):
    """TLS for a client that trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(autouse=True)
def no_proxy_environment(monkeypatch):
    """No test depends on the proxies of the machine it runs on."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
