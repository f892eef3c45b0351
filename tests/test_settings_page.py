"""docs/settings.md names every setting, and its examples are understood."""

import re
from urllib.parse import urlsplit

import pytest
from celstream_platform.artefacts import s3_connection
from celstream_platform.eventlog import kafka_connection
from celstream_platform.models import triton_url

from tests.settings_page import PAGE, page


def parameters(scheme: str) -> set[str]:
    """The parameters that the page names for URLs of this scheme."""
    (section,) = re.findall(rf"^## {scheme}://\n(.*?)^## ", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    table = section.partition("| parameter |")[2].partition("\n\n")[0]
    return {name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def examples(scheme: str) -> list[str]:
    found = re.findall(rf"`({scheme}://[^`\[]*)`", PAGE.read_text())
    return [url for url in found if urlsplit(url).netloc not in ("", "HOST:PORT")]


def test_the_tables_are_those_of_the_settings() -> None:
    assert PAGE.read_text() == page(), "python -m tests.settings_page"


def test_kafka_urls_are_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parameters("kafka") == {"security", "mechanism", *kafka_connection.FILES, *kafka_connection.SECONDS}
    monkeypatch.setenv("CELSTREAM_KAFKA_USERNAME", "segmenter")
    monkeypatch.setenv("CELSTREAM_KAFKA_PASSWORD", "secret")
    assert examples("kafka")
    for url in examples("kafka"):
        kafka_connection.parse(url)


def test_s3_urls_are_documented() -> None:
    assert parameters("s3") == {"endpoint", "region", "style"}
    assert len(examples("s3")) >= 2
    for url in examples("s3"):
        s3_connection.parse(url)


def test_triton_urls_are_documented() -> None:
    assert parameters("triton") == set(re.findall(r"[a-z_]{6,}", triton_url.KNOWN.partition("(")[0]))
    assert examples("triton")
    for url in examples("triton"):
        triton_url.parse(url)
