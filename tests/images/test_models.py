"""A model repository as an image, and the chart's job that copies it to where Triton reads, which waits for that."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart.rendered import ROOT, find, objects
from tests.contracts.repository import write_repository
from tests.images.containers import engine

pytestmark = pytest.mark.images
IMAGE = "celstream-test-models:1"
BASE_OF = "celstream-segmenter:0.1.0"  # there by now, and it has `cp`


@pytest.fixture
def image(tmp_path: Path) -> Iterator[str]:
    """An image with the repository of the contract suite."""
    write_repository(tmp_path / "models")
    file = ROOT / "deploy/images/models.Dockerfile"
    engine("build", "--file", file, "--build-arg", f"BASE={BASE_OF}", "--tag", IMAGE, tmp_path / "models")
    yield IMAGE
    engine("image", "rm", "--force", IMAGE, check=False)


def test_the_charts_job_copies_the_models_whole_and_twice_is_as_once(image: str, tmp_path: Path) -> None:
    rendered = objects("gpu", f"triton.models.image={image}")
    job = find(rendered, "Job", "models-1")["spec"]["template"]["spec"]
    (container,) = job["containers"]
    (mount,) = container["volumeMounts"]
    volume = tmp_path / "volume"
    volume.mkdir()
    user = job["securityContext"]["runAsUser"]
    os.chown(volume, user, job["securityContext"]["fsGroup"])
    command, *arguments = [*container["command"], *container["args"]]
    for _ in range(2):
        engine(
            *("run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--user", str(user)),
            *("--volume", f"{volume}:{mount['mountPath']}", "--entrypoint", command, container["image"], *arguments),
        )
    (waiting,) = find(rendered, "Deployment", "triton")["spec"]["template"]["spec"]["initContainers"]
    told = volume / re.findall(r"-e /models/(\S+) \]", waiting["command"][-1])[0]
    assert told.is_file()
    told.unlink()
    copied = {path.relative_to(volume): path.read_bytes() for path in volume.rglob("*") if path.is_file()}
    given = tmp_path / "models"
    assert copied == {path.relative_to(given): path.read_bytes() for path in given.rglob("*") if path.is_file()}
    assert len(copied) >= 2
