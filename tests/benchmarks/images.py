"""How large the images are, and of what: `python -m tests.benchmarks.images [BASE]`, after `make images`."""

import json
import subprocess
import sys

from tests.benchmarks.recording import record

IMAGES = ("segmenter", "catalog", "cli", "triton")
MEGABYTE = 1e6
LARGEST = 6
SIZES = (
    "cd /opt/celstream/lib/python3.*/site-packages && "
    "du -s --block-size=1000000 * $(ls -d /opt/tritonserver/* 2> /dev/null) | sort -rn"
)


def docker(*arguments: str) -> str:
    """What the container engine says."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def layers(image: str) -> list[str]:
    """An image's layers, the lowest first."""
    return list(json.loads(docker("image", "inspect", image))[0]["RootFS"]["Layers"])


def megabytes(image: str) -> float:
    """Size of an image with all its layers, as its engine counts it."""
    return float(json.loads(docker("image", "inspect", image))[0]["Size"]) / MEGABYTE


def main(base: str) -> None:
    """Record the table. base: the image that they were built on."""
    rows = []
    for name in IMAGES:
        image = f"celstream-{name}:0.1.0"
        if layers(image)[: len(layers(base))] != layers(base):
            raise SystemExit(f"{image}: not built on {base}. Give the base that it was built on.")
        found = docker("run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c", SIZES)
        largest = [line.split("\t") for line in found.splitlines()[:LARGEST]]
        rows.append(
            {
                "image": f"celstream-{name}",
                "MB": round(megabytes(image)),
                "MB without base": round(megabytes(image) - megabytes(base)),
                "largest parts, MB": ", ".join(f"{what} {size}" for size, what in largest),
            }
        )
    record("images", "The images", rows, [f"Base: {base}, {megabytes(base):.0f} MB. Sizes are unpacked, not as sent."])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "python:3.11-slim")
