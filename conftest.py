"""Fixtures for all tests: real footage where REAL_FOOTAGE names a folder of it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.real_servers"]

# A busy machine is no failure: examples have no deadline, and slow ones are no reason to give up. Examples are the same
# in every run, so that a change is judged by what it changes; `--hypothesis-profile search` looks for new ones.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("celstream", settings.get_profile("search"), derandomize=True)
settings.load_profile("celstream")

VIDEO_ENDINGS = {".mp4", ".webm", ".mkv", ".mov", ".avi"}


def real_videos() -> list[Path]:
    """The films under REAL_FOOTAGE; none where it is not set."""
    folder = os.environ.get("REAL_FOOTAGE")
    if not folder:
        return []
    root = Path(folder)
    if not root.is_dir():
        raise pytest.UsageError(f"REAL_FOOTAGE={folder}: no such folder. Name a folder of films, or unset it.")
    return sorted(path for path in root.rglob("*") if path.suffix.lower() in VIDEO_ENDINGS)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the argument `real_video` runs once per film; without films it is not collected (see below)."""
    if "real_video" in metafunc.fixturenames:
        videos = real_videos()
        metafunc.parametrize("real_video", videos, ids=[video.name for video in videos])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect, rather than skip, what needs real footage where there is none: `make test` says how many."""
    needs_footage = {"real_video", "real_footage"}
    have = bool(os.environ.get("REAL_FOOTAGE"))
    left_out = [item for item in items if not have and needs_footage & set(getattr(item, "fixturenames", ()))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def real_footage() -> Path:
    """The folder that REAL_FOOTAGE names."""
    return Path(os.environ["REAL_FOOTAGE"])


@pytest.fixture(autouse=True)
def ordinary_priority() -> Iterator[None]:
    """Run by root, SVT-AV1's encoder makes whoever uses it a real-time process, which starves all others."""
    yield
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
