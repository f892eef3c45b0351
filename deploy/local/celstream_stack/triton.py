"""Triton Inference Server on the CPU, from the wheel `nvidia-pytriton`, in a virtual environment of its own.

It serves the CPU overlay (triton_overlay.py) of the model repository that CELSTREAM_MODEL_REPOSITORY names when it is
started; an empty repository where nothing is named.
"""

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from celstream_stack import commands
from celstream_stack.asking import says_ready
from celstream_stack.errors import StackError
from celstream_stack.places import locked
from celstream_stack.ports import LOOPBACK, free_port
from celstream_stack.server import Launch
from celstream_stack.triton_overlay import write_overlay

VERSION = "0.7.0"  # of the wheel; it holds Triton 2.51.0
CONTAINER = "24.10"  # of NVIDIA's image with Triton 2.51.0
OPTIONS = [
    "--model-control-mode=explicit",
    "--load-model=*",
    "--exit-timeout-secs=10",  # a model whose process died holds it up; well before we would kill it
]
REPOSITORY = "CELSTREAM_MODEL_REPOSITORY"
REQUIREMENTS = "triton.requirements"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where POSIX shared memory lies, not a temporary folder of ours


class Triton:
    """See `Server`."""

    name = "triton"

    def install(self, cache: Path) -> Path:
        """See `Server`. Sums are checked by pip, against the file beside this one."""
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        home = cache / f"triton-{VERSION}-python{python}"
        requirements = resources.files("celstream_stack").joinpath(REQUIREMENTS).read_text()
        with locked(cache / "triton.lock"):
            if not (home / "complete").exists() or (home / "complete").read_text() != requirements:
                self._install(home, python, cache / "triton-install.log")
                (home / "complete").write_text(requirements)
        return home

    def _install(self, home: Path, python: str, log: Path) -> None:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        commands.run(self.name, commands.politely([sys.executable, "-m", "venv", home / "venv"]), log=log)
        with resources.as_file(resources.files("celstream_stack").joinpath(REQUIREMENTS)) as requirements:
            pip = [str(home / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            sums = ["--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--require-hashes"]
            commands.run(self.name, commands.politely([*pip, *sums, "-r", requirements]), log=log)
        server = _packages(home) / "pytriton" / "tritonserver"
        stub = server / "python_backend_stubs" / python / "triton_python_backend_stub"
        if not stub.exists():
            raise StackError(f"triton: its python backend knows no Python {python}. Use Python 3.11 or 3.12.")
        backend = home / "backends" / "python"
        shutil.copytree(server / "backends" / "python", backend)
        shutil.copy(stub, backend)
        (backend / stub.name).chmod(0o755)
        (server / "bin" / "tritonserver").chmod(0o755)

    def new_settings(self) -> dict[str, str]:
        """See `Server`."""
        ports = {name: str(free_port()) for name in ("grpc_port", "http_port", "metrics_port")}
        return {"host": LOOPBACK, **ports}

    def prepare(self, home: Path, state: Path, settings: Mapping[str, str]) -> Launch:
        """See `Server`. Writes the overlay of the repository that is named now."""
        named = os.environ.get(REPOSITORY)
        if named and not Path(named).is_dir():
            raise StackError(f"triton: {REPOSITORY}={named}: no such folder. Name a model repository.")
        nothing = state / "nothing"
        nothing.mkdir(exist_ok=True)
        write_overlay(Path(named) if named else nothing, state / "models")
        prefix = f"celstream-triton-{settings['grpc_port']}-"
        for left in SHARED_MEMORY.glob(f"{prefix}*"):  # of a run that was killed
            left.unlink(missing_ok=True)
        libraries = [_packages(home) / "nvidia_pytriton.libs", sysconfig.get_config_var("LIBDIR")]
        environment = {
            "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
            "PATH": f"{home / 'venv' / 'bin'}:{os.environ.get('PATH', os.defpath)}",  # its stub asks for `python3`
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [
            _packages(home) / "pytriton" / "tritonserver" / "bin" / "tritonserver",
            f"--model-repository={state / 'models'}",
            f"--backend-directory={home / 'backends'}",
            f"--backend-config=python,shm-region-prefix-name={prefix}",
            *OPTIONS,
            "--allow-gpu-metrics=false",
            *(f"--{kind}-address={settings['host']}" for kind in ("grpc", "http", "metrics")),
            *(f"--{kind}-port={settings[f'{kind}_port']}" for kind in ("grpc", "http", "metrics")),
        ]
        return Launch([str(part) for part in command], environment)

    def is_ready(self, state: Path, settings: Mapping[str, str]) -> bool:
        """See `Server`. Triton says so once every model is loaded."""
        return says_ready(f"http://{settings['host']}:{settings['http_port']}/v2/health/ready")

    def finish(self, settings: Mapping[str, str]) -> None:
        """See `Server`. There is nothing left to do."""

    def variables(self, settings: Mapping[str, str]) -> dict[str, str]:
        """See `Server`."""
        return {"CELSTREAM_MODELS": f"triton://{settings['host']}:{settings['grpc_port']}"}

    def logins(self, settings: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """See `Server`. All services come as the same one."""
        return {}

    def metrics(self, settings: Mapping[str, str]) -> str:
        """See `Server`."""
        return f"{settings['host']}:{settings['metrics_port']}/metrics"


def _packages(home: Path) -> Path:
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return home / "venv" / "lib" / python / "site-packages"
