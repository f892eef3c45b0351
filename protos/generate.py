"""Generates protos/celstream_protos from protos/celstream/v1 with grpcio-tools and mypy-protobuf.

The contracts' package is `celstream.v1`, while the Python package `celstream` is the command line, so the
generated imports are moved to `celstream_protos.v1`. `--check` writes nothing and exits 1 when the committed
code differs.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTPUT = HERE / "celstream_protos" / "v1"


def generate() -> dict[str, str]:
    """Return the generated code: file name -> text."""
    sources = sorted((HERE / "celstream" / "v1").glob("*.proto"))
    plugins = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "grpc_tools.protoc",
                f"-I{HERE}",
                f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
                f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
                *(f"--{kind}_out={folder}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")),
                *map(str, sources),
            ],
            check=True,
            capture_output=True,
        )
        files = sorted((Path(folder) / "celstream" / "v1").iterdir())
        # A file without a service gives an empty gRPC module; nobody would import it.
        services = {s.stem for s in sources if re.search(r"^service ", s.read_text(), re.MULTILINE)}
        return {
            f.name: re.sub(r"\bcelstream\.v1(?= import| as |\.\w+_pb2)", "celstream_protos.v1", f.read_text())
            for f in files
            if "_pb2_grpc" not in f.name or f.name.split("_pb2_grpc")[0] in services
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args().check
    new = generate()
    old = {f.name: f.read_text() for f in OUTPUT.iterdir() if "_pb2" in f.name}
    drifted = sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))
    if check:
        if drifted:
            sys.stderr.write(f"{', '.join(drifted)}: not what protos/celstream/v1 says. Run `make protos`.\n")
        return 1 if drifted else 0
    for name in drifted:
        if name in new:
            (OUTPUT / name).write_text(new[name])
        else:
            (OUTPUT / name).unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
