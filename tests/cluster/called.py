"""The catalog's gRPC of a release, called from outside the cluster with the certificate that its own test shows."""

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from celstream_platform import rpc

from tests.cluster.cluster import INSTALLED, Cluster

CATALOG = f"{INSTALLED}-catalog"


@contextmanager
def catalog(release: Cluster) -> Iterator[grpc.Channel]:
    """A channel to it."""
    with release.forwarded(CATALOG, 50051) as address, connect(release, address) as channel:
        yield channel


def connect(release: Cluster, address: str, *, certificate: bool = True) -> grpc.Channel:
    """A channel to where it is forwarded. certificate: show one where the release asks for it."""
    with tempfile.TemporaryDirectory() as folder:  # which nobody else may read; a channel has read its files
        return rpc.connect(address, tls=_tls(release, Path(folder), certificate=certificate))


def _tls(release: Cluster, folder: Path, *, certificate: bool) -> rpc.ClientTls | None:
    """What the release's values name, if anything."""
    given = json.loads(release.helm("get", "values", INSTALLED, "--all", "--output", "json").stdout)["grpc"]
    if not given["tlsSecret"]:
        return None
    authority = _files(release, given["tlsSecret"], folder / "services", ["ca.crt"])[0]
    own: tuple[Path, Path] | tuple[None, None] = (None, None)
    if certificate and given["mutual"]:
        shown, key = _files(release, given["testClientSecret"], folder / "client", ["tls.crt", "tls.key"])
        own = (shown, key)
    return rpc.ClientTls(authority, *own, server_name=CATALOG)


def _files(release: Cluster, secret: str, folder: Path, entries: list[str]) -> list[Path]:
    content = release.object(f"secret/{secret}")["data"]
    folder.mkdir()
    for entry in entries:
        (folder / entry).write_bytes(base64.b64decode(content[entry]))
    return [folder / entry for entry in entries]
