"""No secret in an image: not in its history or settings, not in a file of any layer; and none reaches the builder."""

import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from celstream_stack.stack import Stack

from tests.chart.rendered import ROOT
from tests.images.containers import ENGINE, engine
from tests.secrecy.looking import disguises

pytestmark = pytest.mark.images
IMAGES = ("segmenter", "catalog", "cli", "triton")
LARGEST_TEXT = 4 << 20  # bytes; no larger file is one that a person wrote a secret into
PLANTED = "planted-9d1f6c0e-do-not-take-along"

# A private key with its content, a key of AWS that is no example, a login inside a URL that is no example.
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{100,}")
AWS_KEY = re.compile(rb"\bAKIA[0-9A-Z]{16}\b(?<!EXAMPLE)")
LOGIN = re.compile(rb"\b[a-z][a-z0-9+.-]{2,}://([A-Za-z0-9_.-]+):([^\s/:@'\"`<>{}()$%*\\]{4,})@[a-z0-9]")
EXAMPLES = re.compile(
    rb"(?i)user|scott|tiger|name|pass|pw|secret|foo|bar|admin|login|someone|me\b|auth|proxy|redacted|\[|x{3}"
)
FORBIDDEN_NAMES = re.compile(
    r"(^|/)(\.env(\..*)?|\.netrc|\.pypirc|\.git-credentials|id_(rsa|ed25519|ecdsa)|\.aws|\.git)(/|$)"
)
SECRET_VARIABLE = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIAL")


@pytest.fixture(scope="module")
def secrets(stack: Stack, bucket_url: str, postgres_url: str) -> set[bytes]:
    """What this machine must keep to itself: its servers' secrets, and what its environment holds."""
    known = {value for name, value in os.environ.items() if SECRET_VARIABLE.search(name) and len(value) >= 8}
    known |= {value for name, value in stack.up(["minio"]).items() if SECRET_VARIABLE.search(name)}
    known.add(postgres_url.rpartition("@")[0].rpartition(":")[2])
    return {one for secret in known for one in disguises(secret)}


@pytest.fixture(scope="module", params=IMAGES)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image as its engine exports it: its settings, and one archive per layer."""
    folder = tmp_path_factory.mktemp("saved")
    image = subprocess.Popen([ENGINE, "save", f"celstream-{request.param}:0.1.0"], stdout=subprocess.PIPE)
    with tarfile.open(fileobj=image.stdout, mode="r|") as archive:
        archive.extractall(folder, filter="data")
    assert image.wait() == 0
    return folder


def layers(saved: Path) -> list[Path]:
    """The archives of the layers, the base's among them."""
    (manifest,) = json.loads((saved / "manifest.json").read_text())
    return [saved / name for name in manifest["Layers"]]


def files(layer: Path) -> Iterator[tuple[str, bytes]]:
    """(path, content) of a layer's files; of large ones their name alone."""
    with tarfile.open(layer) as archive:
        for member in archive:
            read = archive.extractfile(member) if member.isfile() and member.size <= LARGEST_TEXT else None
            yield member.name, read.read() if read else b""


def suspicious(content: bytes) -> list[bytes]:
    """What looks like a secret in a text. (Libraries of cryptography hold keys to test themselves by.)"""
    if b"\0" in content:
        return []
    found = [hit[0][:60] for pattern in (PRIVATE_KEY, AWS_KEY) for hit in pattern.finditer(content)]
    return found + [hit[0] for hit in LOGIN.finditer(content) if not EXAMPLES.search(hit[0])]


def test_no_layer_holds_a_secret(saved: Path, secrets: set[bytes]) -> None:
    seen, found = 0, []
    for layer in layers(saved):
        for path, content in files(layer):
            seen += 1
            if FORBIDDEN_NAMES.search(path) or any(one in content for one in secrets):
                found.append(path)
            found += [f"{path}: {one!r}" for one in suspicious(content)]
    assert seen > 1000
    assert found == []


def test_history_and_settings_hold_no_secret(saved: Path, secrets: set[bytes]) -> None:
    (manifest,) = json.loads((saved / "manifest.json").read_text())
    settings = (saved / manifest["Config"]).read_bytes()
    assert b'"history"' in settings
    assert [one for one in secrets if one in settings] == []
    assert suspicious(settings) == []
    assert not re.search(rb"(?i)(password|secret|token)=", settings)


def test_what_lies_beside_the_sources_does_not_reach_the_builder(tmp_path: Path) -> None:
    context, sent = tmp_path / "context", tmp_path / "sent"
    tracked = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    context.mkdir()
    subprocess.run(["tar", "--extract", "--directory", context], input=tracked, check=True)
    places = (".env", "services/.env", "services/segmenter/.env.local", "protos/server.key", "services/catalog/tls.pem")
    places += (
        ".cache/stack/env",
        "services/cli/celstream/.netrc",
        "deploy/local/settings.json",
        "services/platform/id_rsa",
    )
    for place in places:
        (context / place).parent.mkdir(parents=True, exist_ok=True)
        (context / place).write_text(PLANTED)
    for ignoring in ("", ".dockerignore"):
        shutil.copy(ROOT / f"deploy/images/Dockerfile{ignoring}", tmp_path / f"Dockerfile{ignoring}")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    engine("build", "--file", tmp_path / "Dockerfile", "--output", f"type=local,dest={sent}", context)
    assert (sent / "services/segmenter/pyproject.toml").exists()
    told = [path for path in sent.rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()]
    assert told == []
