"""Kafka with SCRAM over TLS, S3 over HTTPS: the contract holds, who is refused hears why, no log tells secrets."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from celstream_platform.artefacts.s3 import S3Store
from celstream_platform.artefacts.s3_connection import parse
from celstream_platform.errors import CelstreamError, Invalid, Unavailable
from celstream_platform.eventlog import EventLog, open_event_log
from celstream_platform.topics import Topic

from tests.certificates import Authority
from tests.contracts.test_event_log import (  # noqa: F401 - run here against the log below
    test_a_commit_of_a_part_keeps_the_rest_in_hand,
    test_a_publication_happens_wholly_or_not_at_all,
    test_a_reader_begins_at_the_positions_of_a_group,
    test_consuming_and_producing_happen_together,
    test_failed_attempts_are_remembered_when_everything_is_closed,
    test_lag_counts_what_is_not_consumed,
)
from tests.secured_servers import STRANGER, USER, secured_kafka, secured_minio

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[dict[str, str]]:
    with secured_kafka(tmp_path_factory.mktemp("kafka") / "state", authority) as settings:
        yield settings


@pytest.fixture
def events_url(broker: dict[str, str], authority: Authority, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of the secured event log; the environment holds the login of who may do all."""
    log_in(monkeypatch, USER, broker[USER])
    port = broker["secured"]
    return f"kafka://127.0.0.1:{port}?security=SASL_SSL&ca={authority.ca_file}&session_seconds=20"


@pytest.fixture
def event_log(events_url: str) -> Iterator[EventLog]:
    log = open_event_log(events_url)
    yield log
    log.close()


def log_in(patch: pytest.MonkeyPatch, user: str, password: str) -> None:
    patch.setenv("CELSTREAM_KAFKA_USERNAME", user)
    patch.setenv("CELSTREAM_KAFKA_PASSWORD", password)


def complaint(url: str, kind: type[CelstreamError] = Unavailable) -> str:
    """The one line that who opens this log hears."""
    with pytest.raises(kind) as caught:
        open_event_log(url)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_wrong_password_is_said_before_any_client_waits(events_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(monkeypatch, USER, "not the password")
    assert "the brokers refuse the user celstream (" in complaint(events_url)
    log_in(monkeypatch, "nobody", "not the password")
    assert "the brokers refuse the user nobody (" in complaint(events_url)


def test_a_mechanism_that_the_brokers_do_not_have_is_said(events_url: str) -> None:
    assert "the brokers refuse the user celstream (" in complaint(f"{events_url}&mechanism=PLAIN")


def test_brokers_whose_certificate_nobody_trusts_are_not_told_the_password(
    events_url: str, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other", "other").ca_file
    said = complaint(events_url.replace(str(authority.ca_file), str(other)))
    assert "no encrypted connection" in said
    assert "certificate verify failed" in said
    assert "no such file" in complaint(
        events_url.replace(str(authority.ca_file), str(tmp_path / "missing.pem")), Invalid
    )


def test_brokers_that_speak_no_tls_are_named_as_the_reason(events_url: str, broker: dict[str, str]) -> None:
    said = complaint(events_url.replace(f":{broker['secured']}", f":{broker['port']}"))
    assert "Check that the brokers speak TLS there" in said


def test_a_user_without_rights_hears_what_it_may_not(
    events_url: str, broker: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(monkeypatch, STRANGER, broker[STRANGER])
    log = open_event_log(events_url)
    try:
        with pytest.raises(
            Unavailable, match=r"making topics failed .*[Aa]uthorization.*this user may do it"
        ) as caught:
            log.ensure_topics([Topic("celstream.contract-forbidden")])
        assert "\n" not in str(caught.value)
    finally:
        log.close()


def test_no_log_tells_a_password(
    events_url: str, broker: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    open_event_log(events_url).close()
    log_in(monkeypatch, USER, "a secret that is wrong")
    said = complaint(events_url)
    assert "SCRAM" in caplog.text
    for secret in (broker[USER], "a secret that is wrong"):
        assert secret not in caplog.text + said


def test_artefacts_go_over_https_where_the_certificate_is_trusted(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with secured_minio(tmp_path / "minio", authority) as (endpoint, login):
        for name, value in login.items():
            monkeypatch.setenv(name, value)
        url = f"s3://bucket?endpoint={endpoint}"
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        parse(url).client().make_bucket("bucket")
        store = S3Store(url)
        content = bytes(range(256)) * (80 << 10)  # 20 MiB: two parts
        ref = store.put(io.BytesIO(content), "video/mp4")
        with store.open(ref) as stream:
            assert stream.read() == content
        monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path / "other", "other").ca_file))
        with pytest.raises(Unavailable, match=r"is not trusted .*Name a file of those who may sign it") as caught:
            S3Store(url)
        assert "\n" not in str(caught.value)
    assert login["AWS_SECRET_ACCESS_KEY"] not in caplog.text
