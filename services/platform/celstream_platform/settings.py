"""Settings: from the environment, `CELSTREAM_…`; every field says what it is for, with its unit.

A service adds its own fields in a subclass. Secrets are files, whose paths are settings; no password has a default.
"""

import socket
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from celstream_platform import addresses, logs, tracing
from celstream_platform.errors import Invalid

PREFIX = "CELSTREAM_"


class ServiceSettings(BaseSettings):
    """What every service can be told."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, validate_default=True, env_ignore_empty=True
    )

    events: str = Field(description="URL of the event log: sqlite:///FILE or kafka://HOST:PORT.")
    artefacts: str = Field(description="URL of the artefact store: file:///FOLDER or s3://BUCKET?endpoint=URL.")
    models: str = Field(
        "", description="URL of the model server: onnx:///FOLDER or triton://HOST:PORT; empty for none."
    )
    member: str = Field(
        default_factory=socket.gethostname,
        description="Name of this replica, the same after a restart; default: the host's name.",
    )

    grpc_address: str = Field("127.0.0.1:50051", description="Where the gRPC server listens, HOST:PORT.")
    grpc_threads: int = Field(16, ge=1, le=1024, description="Calls that are answered at the same time.")
    grpc_message_bytes: int = Field(
        4 * 1024 * 1024, ge=64 * 1024, le=1 << 30, description="Largest message taken and sent, bytes."
    )
    grpc_certificate_file: Path | None = Field(None, description="TLS certificate chain of the server, PEM.")
    grpc_key_file: Path | None = Field(None, description="TLS key of the server, PEM.")
    grpc_client_ca_file: Path | None = Field(
        None, description="CA of the clients, PEM: clients must show a certificate then, which names their role."
    )
    grpc_tokens_file: Path | None = Field(
        None, description="Bearer tokens, hashed: lines of `ACCOUNT ROLE SHA256`. Calls need a role then."
    )
    grpc_allow_plaintext: bool = Field(
        False, description="Serve without TLS on other than loopback addresses (behind a mesh that encrypts)."
    )
    metrics_address: str = Field("127.0.0.1:9464", description="Where /metrics, /livez and /readyz listen, HOST:PORT.")

    log_level: logs.Level = Field("info", description="Least level that is logged.")
    log_format: logs.Format = Field("json", description="json, one object a line; or console, for people.")
    trace_exporter: str = Field(
        "none", description="Where spans go: none, console, or otlp (a collector, as OTEL_EXPORTER_OTLP_ENDPOINT says)."
    )
    drain_seconds: float = Field(
        25.0, gt=0, le=3600, description="Time for an orderly end after SIGTERM, seconds; less than the grace period."
    )

    @field_validator("grpc_address", "metrics_address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        try:
            if not value.startswith("unix:"):
                addresses.split(value)
        except Invalid as error:
            raise ValueError(str(error)) from error
        return value

    @field_validator("trace_exporter")
    @classmethod
    def _is_exporter(cls, value: str) -> str:
        if value not in tracing.EXPORTERS:
            raise ValueError(f"expected one of {', '.join(tracing.EXPORTERS)}")
        return value

    @model_validator(mode="after")
    def _is_secure(self) -> Self:
        if (self.grpc_certificate_file is None) != (self.grpc_key_file is None):
            raise ValueError("GRPC_CERTIFICATE_FILE and GRPC_KEY_FILE go together. Give both or none.")
        if self.grpc_client_ca_file and not self.grpc_certificate_file:
            raise ValueError("GRPC_CLIENT_CA_FILE without a certificate of the server. Give GRPC_CERTIFICATE_FILE too.")
        if not (self.grpc_certificate_file or self.grpc_allow_plaintext or addresses.is_loopback(self.grpc_address)):
            raise ValueError(
                f"GRPC_ADDRESS {self.grpc_address} can be reached from other machines, and there is no TLS. "
                "Give GRPC_CERTIFICATE_FILE and GRPC_KEY_FILE, or say GRPC_ALLOW_PLAINTEXT=true."
            )
        return self

    @property
    def secured(self) -> bool:
        """Whether calls need a role: clients show certificates or tokens."""
        return self.grpc_client_ca_file is not None or self.grpc_tokens_file is not None


S = TypeVar("S", bound=BaseSettings)


def load(settings: type[S], **values: Any) -> S:
    """Read the settings of a service. values: some that are given here and win over the environment.

    Raises Invalid, one line for all that is wrong.
    """
    try:
        return settings(**values)
    except ValidationError as error:
        raise Invalid(" ".join(_complaint(problem) for problem in error.errors())) from error


def table(settings: type[BaseSettings]) -> str:
    """Every setting as a table in Markdown: variable, default, what it is for."""
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in settings.model_fields.items():
        default = "required" if field.is_required() else "" if field.default_factory else _shown(field.default)
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description or ''} |")
    return "\n".join(rows)


def _shown(default: object) -> str:
    if default is None or default == "":
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _complaint(problem: object) -> str:
    if not isinstance(problem, dict):
        raise TypeError(type(problem))
    where = "".join(f"{PREFIX}{str(part).upper()}" for part in problem["loc"][:1])
    if problem["type"] == "missing":
        return f"{where} is not set. See the table of settings."
    text = str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
    given = f"={problem['input']!r}" if where and isinstance(problem["input"], str | int | float) else ""
    return f"{where}{given}: {text}." if where else f"{text}."
