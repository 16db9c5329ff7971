"""Certificates of the local services, as the commands take them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.cli.exits import Usage, explain

if TYPE_CHECKING:
    import argparse

__all__ = ["add_certificate", "server_context"]


def add_certificate(parser: argparse.ArgumentParser) -> None:
    """Take `--cert` and `--key`: files, both PEM."""
    add = parser.add_argument
    add("--cert", type=Path, metavar="FILE", help="PEM: serve wss://, with this chain")
    add("--key", type=Path, metavar="FILE", help="its key, if it is not in --cert")


def server_context(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """What a service needs to serve `wss://`; None = there is no certificate.

    Raises:
        Usage: The files are no certificate with its key.
    """
    if cert is None:
        if key is not None:
            raise Usage("--key goes with --cert")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def no_password() -> str:
        raise Usage("--key is encrypted: give one that is not")

    try:
        context.load_cert_chain(cert, key, password=no_password)
    except ssl.SSLError as exc:
        raise Usage(
            f"--cert, --key: no certificate with its key ({exc.reason})"
        ) from exc
    except OSError as exc:
        raise Usage(f"--cert, --key: {explain(exc)}") from exc
    return context
