"""The images of services and models, built by an engine that runs as long as that takes, and given to the node.

The engine makes no bridge and no rules of the packet filter: what it builds uses the machine's own network. Its layers
stay in the cache. Where no registry can be reached, the images begin with a Debian made from its packages.
"""

import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from celstream_stack import commands, processes
from celstream_stack.errors import StackError
from celstream_stack.places import cache, locked
from celstream_stack.server import Launch

from celstream_cluster import models, node, packages

DOCKERFILE = Path("deploy/images/Dockerfile")
DOCKERFILE_OF_MODELS = Path("deploy/images/models.Dockerfile")
MODELS = "celstream-models"
SERVICE = re.compile(r"^FROM runtime AS (\S+)$", re.MULTILINE)
SUITE = "bookworm"
BASE = f"celstream-node/debian:{SUITE}"
INSIDE = "python3,python3-venv,ca-certificates"
AUTHORITIES = Path("etc/ssl/certs/ca-certificates.crt")
KEPT = "4GB"  # of the engine's steps, for the next time
READY_SECONDS = 60.0
LOOK_SECONDS = 0.1


class Engine:
    """A container engine of the node's own, in a folder of its own."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "engine"
        self.socket = f"unix://{self._folder}/docker.sock"

    @contextmanager
    def running(self) -> Iterator[None]:
        """It runs as long as the context lasts. Raises StackError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        switched_off = ("--iptables=false", "--ip-masq=false", "--ip-forward=false", "--userland-proxy=false")
        places = ("--data-root", cache() / "engine", "--exec-root", self._folder, "--host", self.socket)
        command = [packages.program("dockerd"), "--bridge=none", *switched_off, *places]
        own_pid = ("--pidfile", self._folder / "docker.pid")
        with locked(cache() / "engine.lock"):
            processes.start(Launch([str(part) for part in (*command, *own_pid)], packages.variables()), self._folder)
            try:
                self._await()
                yield
            finally:
                processes.stop("dockerd", self._folder)

    def __call__(self, *arguments: str | Path, cwd: Path = Path("/"), log: str = "docker") -> str:
        """Ask it for something; what it says. Raises StackError."""
        variables = packages.variables() | {"DOCKER_HOST": self.socket, "DOCKER_BUILDKIT": "1"}
        command: list[str | Path] = [packages.program("docker"), *arguments]
        return commands.run("images", command, log=self._folder / f"{log}.log", env=variables, cwd=cwd)

    @contextmanager
    def saying(self, *arguments: str) -> Iterator[IO[bytes]]:
        """Ask it for something that comes as a stream. Raises StackError where it ends badly."""
        variables = packages.variables() | {"DOCKER_HOST": self.socket}
        command = [str(packages.program("docker")), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=variables) as process:
            assert process.stdout is not None
            yield process.stdout
        if process.returncode != 0:
            raise StackError(f"images: docker {arguments[0]} failed. Read {self._folder}/log.")

    def has(self, image: str) -> bool:
        """Whether it holds an image."""
        return bool(self("image", "ls", "--quiet", image).strip())

    def _await(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                self("info")
            except StackError:
                if processes.running(self._folder) is None or time.monotonic() > deadline:
                    raise StackError(f"images: the engine does not start. Read {self._folder}/log.") from None
                time.sleep(LOOK_SECONDS)
            else:
                return


def build(state: Path, source: Path, version: str) -> dict[str, str]:
    """Build all images and give them to the node; name -> what it holds. Raises StackError.

    source: the repository. BASE in the environment names another image to begin with.
    """
    engine = Engine(state)
    with engine.running():
        return _give(engine, state, _build(engine, state, source, version))


def prepare(state: Path, source: Path, version: str) -> None:
    """Build all images, for whom they are given to later. Raises StackError."""
    engine = Engine(state)
    with engine.running():
        _build(engine, state, source, version)


def forget_what_is_old(state: Path) -> None:
    """Remove what older trees were built to, and older steps. Raises StackError."""
    engine = Engine(state)
    with engine.running():
        engine("image", "prune", "--force")
        engine("builder", "prune", "--force", "--keep-storage", KEPT)


@contextmanager
def engine_for_others(state: Path) -> Iterator[dict[str, str]]:
    """An engine that runs as long as the context lasts; the variables by which `make images` finds it and its base."""
    engine = Engine(state)
    with engine.running():
        base = os.environ.get("BASE") or _debian(engine, state)
        yield {"PATH": packages.variables()["PATH"], "DOCKER_HOST": engine.socket, "BASE": base, "NETWORK": "host"}


def _build(engine: Engine, state: Path, source: Path, version: str) -> list[str]:
    """The names of all images, which the engine has then."""
    base = os.environ.get("BASE") or _debian(engine, state)
    names = services(source)
    images = [f"celstream-{name}:{version}" for name in names]
    for name, image in zip(names, images, strict=True):
        told = ("--network", "host", "--build-arg", f"BASE={base}", "--build-arg", f"REVISION={_revision(source)}")
        what = ("--file", source / DOCKERFILE, "--target", name, "--tag", image)
        engine("build", "--quiet", *told, *what, source, log=f"build-{name}")
    return [*images, _build_models(engine, source, base)]


def _build_models(engine: Engine, source: Path, base: str) -> str:
    """The name of the image of models, which says what it holds: other models are another image."""
    with tempfile.TemporaryDirectory(prefix="celstream-models-") as folder:
        models.write(Path(folder))
        repository = Path(folder) / "models"
        digest = hashlib.sha256()
        for file in sorted(path for path in repository.rglob("*") if path.is_file()):
            digest.update(f"{file.relative_to(repository)} {file.stat().st_size}\n".encode() + file.read_bytes())
        image = f"{MODELS}:{digest.hexdigest()[:12]}"
        if not engine.has(image):  # the files' times would make another of it
            what = ("--file", source / DOCKERFILE_OF_MODELS, "--build-arg", f"BASE={base}", "--tag", image)
            engine("build", "--quiet", *what, repository, log="build-models")
    return image


def _give(engine: Engine, state: Path, images: list[str]) -> dict[str, str]:
    """Give the node those images that it has not: a layer that they share goes once, and no archive is written."""
    had = state / "images.json"
    kept: dict[str, str] = json.loads(had.read_text()) if had.exists() else {}
    found = {image: engine("image", "inspect", "--format", "{{.Id}}", image).strip() for image in images}
    new = [image for image in images if kept.get(image) != found[image]]
    if new:
        with engine.saying("save", *new) as archive:
            node.load(state, archive)
    had.write_text(json.dumps(found, indent=1))
    return found


def down(state: Path) -> None:
    """End an engine that outlived whoever started it. Raises StackError."""
    processes.stop("dockerd", state / "engine")


def services(source: Path) -> list[str]:
    """What the Dockerfile makes images of."""
    return SERVICE.findall((source / DOCKERFILE).read_text())


def _debian(engine: Engine, state: Path) -> str:
    """A base made by debootstrap from the archive that this machine is configured to use."""
    if not engine.has(BASE):
        root = state / "debian"
        bootstrap: list[str | Path] = [
            "sh",
            packages.program("debootstrap"),
            "--variant=minbase",
            f"--include={INSIDE}",
            SUITE,
            root,
            _archive(),
        ]
        commands.run("images", bootstrap, log=state / "debootstrap.log", env=packages.variables())
        (root / AUTHORITIES).write_bytes((Path("/") / AUTHORITIES).read_bytes())  # a company's own as well
        for left in ("var/cache/apt/archives", "var/lib/apt/lists"):
            commands.run("images", ["find", root / left, "-type", "f", "-delete"], log=state / "debootstrap.log")
        archive = state / "debian.tar"
        tar: list[str | Path] = [
            "tar",
            "--directory",
            root,
            "--exclude=./proc/*",
            "--exclude=./sys/*",
            "--create",
            "--file",
            archive,
            ".",
        ]
        commands.run("images", tar, log=state / "debootstrap.log")
        engine("import", archive, BASE)
        archive.unlink()
        subprocess.run(["rm", "--recursive", "--force", "--one-file-system", root], check=True)
    return BASE


def _archive() -> str:
    """Address of the Debian archive. Raises StackError."""
    apt = commands.need("apt-get", "images", packages.ADVICE)
    form = ["--format", "$(REPO_URI) $(RELEASE)", "Identifier: Packages"]
    said = commands.run("images", [apt, "indextargets", *form], log=cache() / "archive.log")
    for line in said.splitlines():
        address, _, suite = line.partition(" ")
        if suite == SUITE:
            return address
    raise StackError(f"images: apt is configured for no archive of {SUITE}. Give BASE, an image with Python 3.11.")


def _revision(source: Path) -> str:
    said = subprocess.run(
        ["git", "-C", source, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or "unknown"


def version(chart: Path) -> str:
    """The chart's version of the application, which is the tag of its images."""
    found = re.search(r'^appVersion: "?([^"\n]+)"?$', (chart / "Chart.yaml").read_text(), re.MULTILINE)
    if found is None:
        raise StackError(f"{chart}: no appVersion in Chart.yaml. Name the folder of the chart.")
    return found.group(1)
