"""The stack as containers is the stack as processes: versions, settings, users, and nothing open to others."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from celstream_stack import kafka, minio, postgres, prometheus
from celstream_stack.bucket import USERS
from celstream_stack.compose import OF_THE_PLACE, compose, password_variable
from celstream_stack.stack import SERVERS, Stack

FILE = Path(__file__).resolve().parents[2] / "compose.yaml"
MAKEFILE = FILE.parents[1] / "Makefile"


def services() -> dict[str, str]:
    """Name -> its lines."""
    (block,) = re.findall(r"^services:\n(.*?)^configs:$", FILE.read_text(), re.DOTALL | re.MULTILINE)
    parts = re.split(r"^  ([a-z]+):.*\n", block, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_the_file_is_what_the_stack_writes() -> None:
    assert FILE.read_text() == compose(), "celstream-stack compose > deploy/compose.yaml"
    assert "<" not in re.sub(r"#.*", "", compose())


def test_every_server_is_there_pinned_and_asked_whether_it_is_ready() -> None:
    found = services()
    assert found.keys() == SERVERS.keys() | {"bucket"}
    for name in SERVERS:
        assert re.search(r"image: \S+:(?!latest)[A-Za-z.]*[0-9][^\s:]*$", found[name], re.MULTILINE), name
        assert "healthcheck:" in found[name], name


def test_versions_and_settings_are_those_of_the_processes() -> None:
    found = services()
    assert re.findall(r"uv==(\S+)", found["bucket"]) == re.findall(r"UV_VERSION := (\S+)", MAKEFILE.read_text())
    assert f"image: apache/kafka:{kafka.VERSION}\n" in found["kafka"]
    assert f"{re.search(r'image: postgres:(.*)', found['postgres'])[1]}.0" == postgres.VERSION  # type: ignore[index]
    assert f"image: prom/prometheus:v{prometheus.VERSION}\n" in found["prometheus"]
    told = dict(re.findall(r'^      KAFKA_([A-Z_]+): "(.*)"$', found["kafka"], re.MULTILINE))
    for line in kafka.PROPERTIES.splitlines():
        name, value = line.split("=", 1)
        assert name in OF_THE_PLACE or told[name.upper().replace(".", "_")] == value, name
    for name, value in postgres.SETTINGS.items():
        assert name in OF_THE_PLACE or f'"{name}={value}"' in found["postgres"], name
    for name, value in minio.SETTINGS.items():
        assert f'{name}: "{value}"' in found["minio"], name


def test_nobody_else_reaches_a_port_and_no_secret_has_a_default() -> None:
    text = FILE.read_text()
    ports = re.findall(r'"([^"]*:[0-9]+)"', "".join(re.findall(r"ports:(.*?)\n    \w", text, re.DOTALL)))
    assert len(ports) == 7
    assert all(port.startswith("127.0.0.1:${") for port in ports)
    secrets = re.findall(r"_PASSWORD: (.*)", text)
    assert len(secrets) == 3 + len(USERS)
    assert all(re.fullmatch(r'"\$\{[A-Z_]+:\?not set.*\}"', secret) for secret in secrets)


@pytest.mark.slow
def test_the_bucket_is_made_on_a_server_that_somebody_else_started(stack: Stack) -> None:
    variables = stack.up(["minio"])
    passwords = {
        password_variable(user): stack.login(user.removeprefix("celstream-"))["AWS_SECRET_ACCESS_KEY"] for user in USERS
    }
    address = urlsplit(parse_qs(urlsplit(variables["CELSTREAM_ARTEFACTS"]).query)["endpoint"][0]).netloc
    command = [sys.executable, "-m", "celstream_stack", "bucket", address]
    environment = os.environ | passwords
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (
        2,
        "MINIO_ROOT_PASSWORD: not set. Give each a secret, for example of openssl rand -hex 16.\n",
    )
    environment |= {"MINIO_ROOT_PASSWORD": variables["MINIO_ROOT_PASSWORD"]}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"{address}: the bucket is there, with {', '.join(USERS)}\n"
