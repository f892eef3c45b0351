"""Certificates of a server: read anew when their files change, so that a renewed one is used without a restart."""

from threading import Lock
from typing import Any

import grpc

from celstream_platform import certificates
from celstream_platform.certificates import read_pem
from celstream_platform.settings import ServiceSettings


class Certificates:
    """The server's certificate, and the authority of its clients."""

    def __init__(self, settings: ServiceSettings) -> None:
        """Raises Invalid for files that are none."""
        assert settings.grpc_certificate_file
        assert settings.grpc_key_file
        self._certificate, self._key = settings.grpc_certificate_file, settings.grpc_key_file
        self._client_ca = settings.grpc_client_ca_file
        self._lock, self._stamp = Lock(), self._look()

    def credentials(self) -> grpc.ServerCredentials:
        """For the server; clients must show a certificate where their CA is given."""
        credentials = grpc.dynamic_ssl_server_credentials(
            self._read(), self._renewed, require_client_authentication=self._client_ca is not None
        )
        certificates.tell("grpc", {"own": self._certificate, "authority": self._client_ca})
        return credentials

    def _read(self) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(read_pem(self._key), read_pem(self._certificate))],
            root_certificates=read_pem(self._client_ca) if self._client_ca else None,
        )

    def _renewed(self) -> Any:  # None: as before; the stubs do not know
        with self._lock:
            stamp = self._look()
            if stamp == self._stamp:
                return None
            self._stamp = stamp
            return self._read()

    def _look(self) -> list[int]:
        return [
            file.stat().st_mtime_ns
            for file in (self._certificate, self._key, self._client_ca)
            if file and file.exists()
        ]
