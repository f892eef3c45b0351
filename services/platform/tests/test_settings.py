"""Settings: from the environment, documented, and safe where nothing is said."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celstream_platform import shutdown
from celstream_platform.addresses import is_loopback, split
from celstream_platform.errors import Invalid
from celstream_platform.settings import ServiceSettings, load, table

PORTS = {"CELSTREAM_EVENTS": "sqlite:///events.sqlite", "CELSTREAM_ARTEFACTS": "file:///artefacts"}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CELSTREAM_")]:
        monkeypatch.delenv(name)
    for name, value in PORTS.items():
        monkeypatch.setenv(name, value)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELSTREAM_GRPC_THREADS", "4")
    monkeypatch.setenv("CELSTREAM_LOG_FORMAT", "console")
    monkeypatch.setenv("CELSTREAM_GRPC_TOKENS_FILE", "")
    settings = load(ServiceSettings)
    assert settings.events == "sqlite:///events.sqlite"
    assert (settings.grpc_threads, settings.log_format, settings.grpc_tokens_file) == (4, "console", None)


def test_nothing_listens_beyond_this_machine_unless_told_so() -> None:
    settings = load(ServiceSettings)
    assert is_loopback(settings.grpc_address)
    assert is_loopback(settings.metrics_address)
    with pytest.raises(Invalid, match=r"GRPC_ADDRESS 0\.0\.0\.0:50051 can be reached from other machines"):
        load(ServiceSettings, grpc_address="0.0.0.0:50051")
    assert load(ServiceSettings, grpc_address="0.0.0.0:50051", grpc_allow_plaintext=True).grpc_allow_plaintext


def test_no_setting_that_is_secret_has_a_default() -> None:
    for name, field in ServiceSettings.model_fields.items():
        assert "password" not in name
        if name.endswith("_file"):
            assert field.default is None


def test_every_field_is_documented_in_the_table() -> None:
    lines = table(ServiceSettings).splitlines()[2:]
    assert len(lines) == len(ServiceSettings.model_fields)
    for line in lines:
        _, variable, default, text, _ = (cell.strip() for cell in line.split("|"))
        assert variable.startswith("`CELSTREAM_")
        assert default or variable == "`CELSTREAM_MEMBER`"
        assert text.endswith(".")
        if variable.endswith("_SECONDS`"):
            assert "seconds" in text
        if variable.endswith("_BYTES`"):
            assert "bytes" in text


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"grpc_threads": 0}, "CELSTREAM_GRPC_THREADS=0: Input should be greater than or equal to 1."),
        ({"log_level": "loud"}, "CELSTREAM_LOG_LEVEL='loud': Input should be"),
        ({"grpc_address": "here"}, "CELSTREAM_GRPC_ADDRESS='here': 'here': not an address to listen on."),
        ({"trace_exporter": "x"}, "CELSTREAM_TRACE_EXPORTER='x': expected one of none, console, otlp."),
        ({"grpc_key_file": Path("k")}, "GRPC_CERTIFICATE_FILE and GRPC_KEY_FILE go together."),
        ({"grpc_client_ca_file": Path("ca")}, "GRPC_CLIENT_CA_FILE without a certificate of the server."),
        ({"unknown": 1}, "CELSTREAM_UNKNOWN=1: Extra inputs are not permitted."),
    ],
)
def test_a_wrong_setting_is_one_line(values: dict[str, object], complaint: str) -> None:
    with pytest.raises(Invalid) as caught:
        load(ServiceSettings, **values)
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)


def test_a_missing_setting_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CELSTREAM_EVENTS")
    with pytest.raises(Invalid, match=r"^CELSTREAM_EVENTS is not set\. See the table of settings\.$"):
        load(ServiceSettings)


def test_addresses() -> None:
    assert split("127.0.0.1:80") == ("127.0.0.1", 80)
    assert split("[::1]:80") == ("::1", 80)
    assert is_loopback("[::1]:80")
    assert is_loopback("unix:/run/celstream.sock")
    assert is_loopback("localhost:1")
    assert not is_loopback("example.org:1")
    for wrong in ("", ":80", "host", "host:", "host:x", "host:70000", "host:²"):
        with pytest.raises(Invalid):
            split(wrong)


PROGRAM = """
import sys, time
from celstream_platform import logs
from celstream_platform.shutdown import Shutdown, drain
logs.configure("toy")
shutdown = Shutdown(); shutdown.install()
print("up", flush=True)
shutdown.wait()
print("draining", flush=True)
if sys.argv[1] == "clean":
    failed = drain([("poll", lambda left: print("poll", flush=True)), ("broken", lambda left: 1 / 0),
                    ("close", lambda left: print("close", left > 0, flush=True))], seconds=30)
    print(failed, flush=True)
elif sys.argv[1] == "hang":
    drain([("hang", lambda left: time.sleep(600))], seconds=0.2)
else:
    time.sleep(600)
"""


@contextmanager
def _start(how: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, how], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "up\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_in_order_and_a_failing_step_does_not_stop_the_next(number: signal.Signals) -> None:
    with _start("clean") as process:
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    assert output.splitlines() == ["draining", "poll", "close True", "['broken']"]
    assert process.returncode == 0


def test_a_second_signal_ends_at_once() -> None:
    with _start("stubborn") as process:
        assert process.stdout is not None
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "draining\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 128 + signal.SIGINT


def test_a_step_that_hangs_cannot_hold_the_process() -> None:
    with _start("hang") as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 1


def test_shutdown_can_be_asked_for_from_within() -> None:
    asked = shutdown.Shutdown()
    assert not asked.requested()
    assert not asked.wait(0)
    assert not asked.requested(for_seconds=0)
    asked.request()
    assert asked.requested(for_seconds=0)
    assert not asked.requested(for_seconds=3600)
    assert asked.wait()
