"""A catalog that runs somewhere else: how it is reached, and what is said where it is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from celstream_platform import addresses, rpc
from celstream_platform.errors import Invalid, Unavailable
from celstream_protos.v1.catalog_pb2_grpc import CatalogStub

DAY_SECONDS = 24 * 3600.0  # longest call that the catalog allows


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a catalog listens, and how to speak to it. ca_file: of its certificate; None: without TLS.

    certificate_file, key_file: of the caller, where the catalog asks for one. server_name: a name in the catalog's
    certificate, where its address is none of them, as that of a forwarded port.
    """

    address: str
    ca_file: Path | None = None
    token_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    server_name: str = ""

    @contextmanager
    def open(self) -> Iterator[CatalogStub]:
        """A client. Raises Invalid for an address or a file that is none; it connects with the first call."""
        try:
            addresses.split(self.address)
        except Invalid as error:
            raise Invalid(f"{self.address!r}: no address of a catalog. Give HOST:PORT.") from error
        if bool(self.certificate_file) != bool(self.key_file):
            raise Invalid("A certificate needs its key, and a key its certificate. Give both files, or neither.")
        if self.certificate_file and not self.ca_file:
            raise Invalid(f"{self.certificate_file}: would not be shown without TLS. Give the catalog's CA as well.")
        if self.server_name and not self.ca_file:
            raise Invalid(f"{self.server_name}: would not be looked for without TLS. Give the catalog's CA as well.")
        own = (self.certificate_file, self.key_file)
        tls = rpc.ClientTls(self.ca_file, *own, self.server_name) if self.ca_file else None
        with rpc.connect(self.address, tls=tls, token_file=self.token_file, deadline_seconds=DAY_SECONDS) as channel:
            yield CatalogStub(channel)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Turn failed calls into errors of one line that name the address."""
        try:
            with rpc.errors():
                yield
        except Unavailable as error:
            reason = str(error).rpartition("last error: ")[2].rstrip(".")
            raise Unavailable(
                f"{self.address}: the catalog does not answer ({reason}). Look whether it runs there; "
                "the same command goes on."
            ) from error
        except Invalid as error:
            failed = error.__cause__
            if isinstance(failed, grpc.Call) and failed.code() is grpc.StatusCode.UNIMPLEMENTED:
                raise Invalid(f"{self.address}: not a catalog. Give the address of the catalog's gRPC.") from error
            raise
