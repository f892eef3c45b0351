"""What is in the images: the service's own dependencies, nobody's rights, no tool that builds, a list of all of it."""

import json

import pytest

from tests.images.containers import engine, inside

pytestmark = pytest.mark.images
IMAGES = ("segmenter", "catalog", "cli", "triton")
FOREIGN = {  # packages of others
    "segmenter": {"torch", "sqlalchemy", "psycopg", "alembic", "duckdb", "typer", "onnxruntime", "cryptography"},
    "catalog": {
        "torch",
        "opencv-python-headless",
        "scenedetect-headless",
        "duckdb",
        "typer",
        "onnxruntime",
        "cryptography",
    },
    "cli": {"torch", "pytest", "onnxruntime", "cryptography"},
    "triton": {"torch", "celstream-platform", "tritonclient", "cryptography"},
}
OWN = {"segmenter": "celstream-segmenter", "catalog": "celstream-catalog", "cli": "celstream", "triton": "onnxruntime"}
LARGEST = {"segmenter": 350e6, "catalog": 300e6, "cli": 500e6, "triton": 300e6}  # bytes besides the base
TOOLS = "pip pip3 uv gcc cc make apt-key git"


def packages(image: str) -> set[str]:
    """The names in an image's list of contents."""
    listed = json.loads(inside(f"celstream-{image}:0.1.0", "cat /opt/celstream/sbom.cdx.json"))
    assert listed["bomFormat"] == "CycloneDX"
    return {component["name"].lower() for component in listed["components"]}


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_its_own_dependencies_and_lists_them(image: str) -> None:
    found = packages(image)
    assert OWN[image] in found
    assert not found & FOREIGN[image]
    importable = inside(
        f"celstream-{image}:0.1.0",
        "python -c 'import importlib.metadata as m; print(*{d.metadata[\"Name\"].lower() for d in m.distributions()})'",
    )
    assert set(importable.split()) == found


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_stays_small(image: str) -> None:
    sizes = inside(f"celstream-{image}:0.1.0", "find /opt -type f -printf '%s\\n'").split()
    assert sum(map(int, sizes)) < LARGEST[image]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_nobody_and_holds_no_tool(image: str) -> None:
    assert inside(f"celstream-{image}:0.1.0", "id -u; id -g").split() == ["10001", "10001"]
    assert inside(f"celstream-{image}:0.1.0", f"command -v {TOOLS}; true").split() == []
    assert inside(f"celstream-{image}:0.1.0", "find /opt -writable -not -type l | head").split() == []


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_says_what_it_is(image: str) -> None:
    (found,) = json.loads(engine("image", "inspect", f"celstream-{image}:0.1.0").stdout)
    labels = {
        name.removeprefix("org.opencontainers.image."): value for name, value in found["Config"]["Labels"].items()
    }
    assert labels.keys() >= {"title", "description", "version", "revision", "licenses"}
    secret = [one for one in found["Config"]["Env"] if "SECRET" in one or "PASSWORD" in one]
    assert secret == []


@pytest.mark.parametrize(("image", "module"), [("segmenter", "celstream_segmenter"), ("catalog", "celstream_catalog")])
def test_a_service_that_is_told_nothing_says_so_in_one_line(image: str, module: str) -> None:
    said = engine("run", "--rm", "--read-only", "--network", "none", f"celstream-{image}:0.1.0", check=False)
    assert said.returncode == 2
    assert "CELSTREAM_EVENTS is not set" in said.stderr
    assert said.stderr.count("\n") == 1, module
