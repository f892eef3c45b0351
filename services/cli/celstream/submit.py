"""Footage to a catalog that runs somewhere else: as a name where it has the bytes, else as a stream of them."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from celstream_platform.errors import Invalid, NotFound
from celstream_platform.footage.files import hash_file
from celstream_protos.v1.catalog_pb2 import FootageDescription, SubmitFootageRequest, SubmitFootageResponse
from celstream_protos.v1.catalog_pb2_grpc import CatalogStub
from celstream_protos.v1.envelope_pb2 import ArtefactRef

from celstream.footage_files import NamedFootage
from celstream.remote import Remote

CHUNK_BYTES = 1 << 20  # the contract's most

Sent = Callable[[int, int], None]  # (bytes sent, bytes in all), told from another thread


def submit(
    stub: CatalogStub, remote: Remote, file: NamedFootage, description: FootageDescription, sent: Sent
) -> SubmitFootageResponse:
    """Offer a file: what the store holds already is not sent again.

    description: rights, style and work; its name is set here. Raises Invalid, in the catalog's words, where the
    catalog refuses it, and where the file cannot be read or changes meanwhile; Unavailable.
    """
    sha256, size = hash_file(file.path)
    named = FootageDescription()
    named.CopyFrom(description)
    named.name = file.name
    try:
        known = FootageDescription()
        known.CopyFrom(named)
        known.content.CopyFrom(ArtefactRef(sha256=sha256, size=size))
        with remote.calling():
            return stub.SubmitFootage(iter([SubmitFootageRequest(description=known)]))
    except NotFound:
        taken = _Upload(file.path, named, size, sent).send(stub, remote)
    if taken.footage.content.sha256 != sha256:
        raise Invalid(f"{file.name}: changed while it was sent. Submit it again once it is complete.")
    return taken


class _Upload:
    """One file on its way. gRPC reads it in a thread of its own; where it cannot be read, the call is called off."""

    def __init__(self, path: Path, description: FootageDescription, size: int, sent: Sent) -> None:
        self._path, self._description, self._size, self._sent = path, description, size, sent
        self._begun = threading.Event()
        self._failure: OSError | None = None
        self._call: Any = None

    def send(self, stub: CatalogStub, remote: Remote) -> SubmitFootageResponse:
        try:
            with remote.calling():
                self._call = stub.SubmitFootage.future(self._requests())
                self._begun.set()
                taken: SubmitFootageResponse = self._call.result()
                return taken
        except BaseException as error:
            self._begun.set()
            if self._call is not None:
                self._call.cancel()  # also where a person interrupts: half a film is no footage
            if self._failure is not None:
                raise Invalid(
                    f"{self._description.name}: cannot be read ({self._failure.strerror}). Check the disk."
                ) from error
            raise

    def _requests(self) -> Iterator[SubmitFootageRequest]:
        yield SubmitFootageRequest(description=self._description)
        self._begun.wait()
        done = 0
        try:
            with self._path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield SubmitFootageRequest(chunk=chunk)
                    done += len(chunk)
                    self._sent(done, self._size)
        except OSError as error:
            self._failure = error
            self._call.cancel()  # before this ends: an end would say that the file is complete
