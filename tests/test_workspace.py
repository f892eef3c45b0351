"""The workspace keeps its promises: lock, generated contracts, no addresses, no machine's paths."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def tracked_files() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def members() -> list[Path]:
    services = sorted(path.parent for path in (ROOT / "services").glob("*/pyproject.toml"))
    return [ROOT / "protos", *services, ROOT / "deploy" / "local"]


def locked() -> dict[str, set[str]]:
    """Name -> versions; several where they depend on the interpreter."""
    pins: dict[str, set[str]] = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if pin := re.match(r"([a-z0-9._-]+)==([^ ;]+)", line):
            pins.setdefault(pin[1], set()).add(pin[2])
    return pins


def test_the_lock_pins_every_dependency_of_every_member() -> None:
    pins = locked()
    assert pins
    for member in members():
        project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
        extras = [dep for deps in project.get("optional-dependencies", {}).values() for dep in deps]
        for requirement in [*project["dependencies"], *extras]:
            name = re.match(r"[A-Za-z0-9._-]+", requirement)
            assert name is not None
            if not name[0].startswith("celstream"):
                assert name[0].lower() in pins, (
                    f"{member.name} needs {requirement}, which is not in the lock: make lock"
                )


def test_what_is_installed_is_what_the_lock_says() -> None:
    uv = [BIN / "uv", "pip"]
    check = subprocess.run([*uv, "check", "--python", sys.executable], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr
    frozen = subprocess.run([*uv, "freeze", "--python", sys.executable], check=True, capture_output=True, text=True)
    installed = dict(line.split("==") for line in frozen.stdout.splitlines() if "==" in line)
    pins = locked()
    assert not {name: version for name, version in installed.items() if name in pins and version not in pins[name]}


def test_the_lock_carries_hashes() -> None:
    assert "--hash=sha256:" in (ROOT / "requirements.lock").read_text()


def test_the_lock_names_no_address() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text()
    assert not any(path.name == "uv.lock" for path in tracked_files())


def test_generated_contracts_are_what_the_protos_say() -> None:
    check = subprocess.run([sys.executable, ROOT / "protos" / "generate.py", "--check"], capture_output=True, text=True)
    assert check.returncode == 0, check.stderr


def test_contracts_break_nothing_since_the_last_release() -> None:
    tags = subprocess.run(
        ["git", "tag", "--list", "v*", "--sort=-version:refname"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    # Before the first release the contracts are compared with themselves, which proves that the check runs.
    against = f".git#tag={tags[0]},subdir=protos" if tags else "protos"
    check = subprocess.run(
        [BIN / "buf", "breaking", "protos", "--against", against], cwd=ROOT, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_the_breaking_check_can_fail(tmp_path: Path) -> None:
    changed = tmp_path / "protos"
    (changed / "celstream" / "v1").mkdir(parents=True)
    (changed / "buf.yaml").write_text((ROOT / "protos" / "buf.yaml").read_text())
    for proto in (ROOT / "protos" / "celstream" / "v1").glob("*.proto"):
        text = proto.read_text().replace("string sha256 = 1;", "bytes sha256 = 1;")
        (changed / "celstream" / "v1" / proto.name).write_text(text)
    check = subprocess.run(
        [BIN / "buf", "breaking", changed, "--against", ROOT / "protos"], cwd=tmp_path, capture_output=True, text=True
    )
    assert check.returncode != 0
    assert "sha256" in check.stdout


@pytest.mark.parametrize(
    "pattern", [r"(?<![A-Za-z.\w/])/(work|root|farm)/", r"https?://[\w.-]*(pypi|pythonhosted|npmjs|maven)\.\w+"]
)
def test_no_file_names_this_machine_or_a_registry(pattern: str) -> None:
    found = []
    for path in tracked_files():
        if path == Path(__file__) or path.suffix in {".png", ".mp4", ".npz", ".onnx"}:
            continue
        found += [
            f"{path.relative_to(ROOT)}: {line}" for line in path.read_text().splitlines() if re.search(pattern, line)
        ]
    assert not found


def test_make_help_lists_every_documented_target() -> None:
    text = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for target in [
        "run",
        "stack",
        "test",
        "fast-test",
        "lint",
        "bench",
        "accuracy",
        "faults",
        "protos",
        "lock",
        "clean",
    ]:
        assert f"make {target} " in text
