"""The small Azure's certificate: made at start, for 127.0.0.1 and localhost, signed by its own CA."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

import trustme


class Certificate:
    """A throw-away CA (`bundle` is its PEM file, for REQUESTS_CA_BUNDLE) and a server context with its certificate.

    The bundle holds this CA and nothing of the machine's own.
    """

    def __init__(self) -> None:
        authority = trustme.CA(organization_name="Small Azure on loopback")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(self.context)
        self._folder = tempfile.TemporaryDirectory(prefix="small-azure-")
        self.bundle = Path(self._folder.name) / "ca.pem"
        authority.cert_pem.write_to_path(str(self.bundle))

    def close(self) -> None:
        """Remove the bundle."""
        self._folder.cleanup()
