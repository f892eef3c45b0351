"""What the URL of an artefact store on S3 means, and what it must not hold."""

import pytest
from celstream_platform.artefacts import open_artefact_store
from celstream_platform.artefacts.s3_connection import parse
from celstream_platform.errors import Invalid


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket",
        "s3://?endpoint=http://host:9000",
        "s3://bucket?endpoint=host:9000",
        "s3://bucket?endpoint=http://host:9000/path",
        "s3://bucket?endpoint=http://host:9000&secret=abc",
        "s3://bucket?endpoint=http://host:9000&style=wrong",
    ],
)
def test_a_wrong_url_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(Invalid, match="not an artefact store on S3") as caught:
        open_artefact_store(url)
    assert "\n" not in str(caught.value)


def test_a_url_names_bucket_prefix_and_place() -> None:
    connection = parse("s3://bucket/some/prefix/?endpoint=https://s3.example:9000&region=eu-1&style=virtual")
    assert (connection.bucket, connection.prefix) == ("bucket", "some/prefix/")
    assert (connection.host, connection.secure, connection.region) == ("s3.example:9000", True, "eu-1")
    assert parse("s3://bucket?endpoint=http://host:9000").prefix == ""


def test_a_store_without_keys_says_which_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(Invalid, match="Set AWS_ACCESS_KEY_ID"):
        open_artefact_store("s3://bucket?endpoint=http://127.0.0.1:9")
