"""Certificates; one whose key has a password is in test_serve.py."""

import argparse
import ssl

import pytest
import trustme

from voxsync.cli.exits import Usage
from voxsync.cli.tls import add_certificate, server_context


@pytest.fixture
def files(tmp_path):
    """A certificate and its key."""
    issued = trustme.CA().issue_cert("127.0.0.1")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    return cert, key


def test_none_is_none():
    """Without a certificate there is no TLS."""
    assert server_context(None, None) is None


def test_two_files_and_one(files, tmp_path):
    """The key may be in a file of its own, or in the certificate's."""
    cert, key = files
    assert isinstance(server_context(cert, key), ssl.SSLContext)
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    assert isinstance(server_context(both, None), ssl.SSLContext)


def test_what_does_not_fit(files, tmp_path):
    """Is said in one line that names the options."""
    cert, key = files
    with pytest.raises(Usage, match="--key goes with --cert"):
        server_context(None, key)
    with pytest.raises(Usage, match="no certificate with its key"):
        server_context(key, cert)
    with pytest.raises(Usage, match="No such file"):
        server_context(tmp_path / "none.pem", None)


def test_the_options():
    """Paths, both optional."""
    parser = argparse.ArgumentParser()
    add_certificate(parser)
    found = parser.parse_args(["--cert", "a.pem"])
    assert (str(found.cert), found.key) == ("a.pem", None)
