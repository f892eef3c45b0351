"""What the faults are made in: a segmenter and a catalog at work over servers of their own, and who watches them."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from celstream_renderer import Film, render
from celstream_stack.places import PASSABLE_FOLDER, cache
from celstream_stack.ports import free_port
from celstream_stack.stack import Stack
from celstream_stack.targets import FOLDER
from celstream_stack.triton import REPOSITORY
from minio import Minio

from tests.alerts.choosy_model import write_choosy
from tests.certificates import Authority
from tests.end_to_end.command import SHOTS
from tests.end_to_end.services import Service
from tests.small_store import small_minio

DISK_MEGABYTES = 64
MINIO_METRICS = "minio/v2/metrics/cluster"
BUCKET = "studio"
LONG_DAYS = 90.0  # longer than alerts look ahead


@dataclass
class Studio:
    """Servers and services. segmenter: its variables, to start it once more by."""

    folder: Path
    stack: Stack
    store: Minio
    addresses: dict[str, str]
    segmenter: dict[str, str]
    targets: dict[str, str]
    running: ExitStack
    services: dict[str, Service] = field(default_factory=dict)
    films: int = 0

    @property
    def scratch(self) -> Path:
        """The segmenter's folder for files on their way."""
        return Path(self.segmenter["CELSTREAM_SCRATCH"])

    @property
    def database(self) -> Path:
        """The catalog's."""
        return self.folder / "catalog.sqlite"

    @property
    def certificate(self) -> Path:
        """What a job shows to the catalog."""
        return self.folder / "certificates" / "canary.pem"

    def renew(self, days: float) -> None:
        """Let that certificate be one that ends after so many days."""
        Authority(self.folder / "certificates").issue("canary", days=days)

    def start_segmenter(self) -> None:
        """Start it, at the same address for Prometheus as before."""
        self.services["segmenter"] = self.running.enter_context(
            Service("celstream_segmenter", "segmenter", self.segmenter)
        )

    def new_film(self) -> Path:
        """A short film of which nobody has heard."""
        rendered, self.films = self.folder / "film.mp4", self.films + 1
        if not rendered.exists():
            render(Film(shots=SHOTS[:1], size=(160, 90), name="film"), rendered)
        path = self.folder / f"film-{self.films}.mp4"
        path.write_bytes(rendered.read_bytes() + b"\0\0\0\x0cfree" + self.films.to_bytes(4, "big"))
        return path


@contextmanager
def at_work(folder: Path) -> Iterator[Studio]:
    """A broker, a model server, a store on a small disk, segmenter and catalog, which serve."""
    folder.chmod(PASSABLE_FOLDER)
    for name in ("scratch", "models"):
        (folder / name).mkdir()
    write_choosy(folder / "models")
    stack = Stack(folder / "stack", cache())
    with ExitStack() as running:
        running.callback(stack.remove)
        with patch.dict(os.environ, {REPOSITORY: str(folder / "models")}):
            addresses = stack.up(["kafka", "triton"])
        endpoint, login = running.enter_context(small_minio(folder / "minio", DISK_MEGABYTES))
        place = endpoint.removeprefix("http://")
        store = Minio(place, login["AWS_ACCESS_KEY_ID"], login["AWS_SECRET_ACCESS_KEY"], secure=False)
        store.make_bucket(BUCKET)
        metrics = {name: f"127.0.0.1:{free_port()}" for name in ("segmenter", "catalog")}
        ports = {
            "CELSTREAM_EVENTS": addresses["CELSTREAM_EVENTS"],
            "CELSTREAM_ARTEFACTS": f"s3://{BUCKET}?endpoint={endpoint}",
            **login,
        }
        segmenter = {"CELSTREAM_SCRATCH": str(folder / "scratch"), "CELSTREAM_MEMBER": "segmenter-1"}
        segmenter |= ports | {"CELSTREAM_METRICS_ADDRESS": metrics["segmenter"]}
        targets = metrics | {"minio": f"{place}/{MINIO_METRICS}", "triton": _scraped(folder / "stack", "triton")}
        studio = Studio(folder, stack, store, addresses, segmenter, targets, running)
        studio.renew(days=LONG_DAYS)
        catalog = {"CELSTREAM_DATABASE": f"sqlite:///{studio.database}"}
        catalog["CELSTREAM_CALLERS_CERTIFICATES"] = json.dumps({"canary": str(studio.certificate)})
        catalog |= ports | {"CELSTREAM_METRICS_ADDRESS": metrics["catalog"]}
        studio.services["catalog"] = running.enter_context(Service("celstream_catalog", "catalog", catalog))
        studio.start_segmenter()
        for service in studio.services.values():
            service.wait_until_serving()
        yield studio


def _scraped(state: Path, job: str) -> str:
    """Where a stack's server gives its metrics, `HOST:PORT/path`."""
    (group,) = json.loads((state / FOLDER / f"{job}.json").read_text())
    return f"{group['targets'][0]}{group['labels']['__metrics_path__']}"
