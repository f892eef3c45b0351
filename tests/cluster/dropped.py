"""A film that a person drops into the inbox of a cluster's own store, followed to its end from outside the cluster."""

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path

from celstream_protos.v1 import catalog_pb2, catalog_pb2_grpc
from celstream_renderer import Film, Shot, render
from celstream_stack.stack import Stack
from minio import Minio
from minio.commonconfig import Tags

from tests.cluster import called
from tests.cluster.cluster import PATIENCE_SECONDS, Cluster, wait_until

TAGS = {"license": "CC0-1.0", "style": "rendered"}


def drop(own_servers: Stack, shots: Sequence[Shot], folder: Path) -> str:
    """Drop a film that nobody has offered before; its footage's id."""
    film = folder / f"{secrets.token_hex(4)}.mp4"
    make(shots, film)
    place, _, endpoint = own_servers.up(["minio"])["CELSTREAM_INBOX"].partition("?endpoint=http://")
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    keys = own_servers.login("submitter")
    client = Minio(
        endpoint, access_key=keys["AWS_ACCESS_KEY_ID"], secret_key=keys["AWS_SECRET_ACCESS_KEY"], secure=False
    )
    tags = Tags.new_object_tags()
    tags.update(TAGS)
    client.fput_object(bucket, f"{prefix}/{film.name}", str(film), tags=tags)
    return hashlib.sha256(film.read_bytes()).hexdigest()


def make(shots: Sequence[Shot], film: Path) -> None:
    """Make a film that nobody has offered before."""
    render(Film(shots=tuple(shots), size=(192, 108), name=film.stem), film)
    with film.open("ab") as file:
        file.write(b"\0\0\0\x18free" + secrets.token_bytes(16))  # a box that players pass over


def clips_at_the_end(release: Cluster, footage_id: str) -> int:
    """How many clips the catalog lists of a footage once it is finished."""
    with called.catalog(release) as channel:
        catalog = catalog_pb2_grpc.CatalogStub(channel)
        wait_until(lambda: _listed(catalog, "footage", footage_id) == 1, "the film is not taken in")
        watched = catalog.WatchFootage(catalog_pb2.WatchFootageRequest(footage_id=footage_id), timeout=PATIENCE_SECONDS)
        assert list(watched)[-1].finished
        return _listed(catalog, "clips", footage_id)


def _listed(catalog: catalog_pb2_grpc.CatalogStub, level: str, footage_id: str) -> int:
    return len(catalog.ListItems(catalog_pb2.ListItemsRequest(level=level, footage_id=footage_id)).items)
