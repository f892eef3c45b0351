"""Footage taken in by a catalog's own call, and followed to its end."""

from pathlib import Path

from celstream_platform import rpc
from celstream_protos.v1 import catalog_pb2, catalog_pb2_grpc

WAIT_SECONDS = 120.0  # at most


def take_in(film: Path, address: str) -> str:
    """Submit a film and wait for its end; the footage's id."""
    with rpc.connect(address) as channel:
        stub = catalog_pb2_grpc.CatalogStub(channel)
        description = catalog_pb2.FootageDescription(name=film.name)
        parts = (
            catalog_pb2.SubmitFootageRequest(description=description),
            catalog_pb2.SubmitFootageRequest(chunk=film.read_bytes()),
        )
        footage = stub.SubmitFootage(iter(parts)).footage
        states = stub.WatchFootage(catalog_pb2.WatchFootageRequest(footage_id=footage.item.id), timeout=WAIT_SECONDS)
        assert list(states)[-1].finished
        return footage.item.id
