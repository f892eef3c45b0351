"""A MinIO on a disk of a few megabytes: a file system in memory that this server alone sees, gone with it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celstream_stack import processes
from celstream_stack.asking import says_ready
from celstream_stack.bucket import ROOT_USER
from celstream_stack.minio import SETTINGS, MinIO
from celstream_stack.places import cache
from celstream_stack.ports import free_port, secret
from celstream_stack.server import Launch

from tests.own_servers import running, wait_until

MOUNTED = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'


def grow(folder: Path, megabytes: int) -> None:
    """Give the disk of the server that runs in this folder more room. (Deleting does so after minutes only.)"""
    server = processes.running(folder)
    assert server is not None
    own = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    inside = ["nsenter", "--target", str(server.pid), *own, "--mount"]
    subprocess.run([*inside, "mount", "-o", f"remount,size={megabytes}m", str(folder / "data")], check=True)


@contextmanager
def small_minio(folder: Path, megabytes: int) -> Iterator[tuple[str, dict[str, str]]]:
    """(URL, variables of its administrator). Who is not root gets the right to mount inside a name space."""
    data = folder / "data"
    data.mkdir(parents=True)
    port, password = free_port(), secret()
    alone = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    shell = ["sh", "-c", MOUNTED, "small", f"{megabytes}m", str(data)]
    server = [str(MinIO().install(cache()) / "minio"), "server", "--quiet", "--address", f"127.0.0.1:{port}", str(data)]
    variables = {"MINIO_ROOT_USER": ROOT_USER, "MINIO_ROOT_PASSWORD": password, "HOME": str(folder), **SETTINGS}
    with running(Launch([*alone, *shell, *server], variables), folder):
        wait_until(lambda: says_ready(f"http://127.0.0.1:{port}/minio/health/ready"), folder)
        yield f"http://127.0.0.1:{port}", {"AWS_ACCESS_KEY_ID": ROOT_USER, "AWS_SECRET_ACCESS_KEY": password}
