"""The event log: port and implementations. `open_event_log` picks one by URL."""

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from celstream_platform.errors import Invalid
from celstream_platform.eventlog.port import EventLog, Reader, Session, TopicPartition
from celstream_platform.eventlog.sqlite import SqliteEventLog

__all__ = ["EventLog", "Reader", "Session", "TopicPartition", "open_event_log", "sqlite_url"]


def open_event_log(url: str, *, supervisor_pid: int = 0) -> EventLog:
    """Open an event log.

    url: `sqlite:///absolute/path` or `sqlite:relative/path`, percent-encoded (see `sqlite_url`), or `kafka://host:9092`
    (see `kafka_connection.py`).
    supervisor_pid: the process that restarts this one where there is one, 0 where not: a worker's death counts as a
    failed attempt of what it had in hand, unless its supervisor is gone as well (SqliteEventLog says why).
    Raises Invalid for any other scheme, Unavailable where it cannot be opened.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and not parts.netloc and parts.path.strip("/"):
        path = unquote(parts.path)
        return SqliteEventLog(
            Path("/" + path.lstrip("/") if path.startswith("/") else path), supervisor_pid=supervisor_pid
        )
    if parts.scheme == "kafka":
        return _kafka(url, supervisor_pid)
    raise Invalid(f"{url}: not an event log. Give sqlite:///absolute/path or kafka://host:9092.")


def _kafka(url: str, supervisor_pid: int) -> EventLog:
    try:
        from celstream_platform.eventlog.kafka import KafkaEventLog  # an extra: a run on one machine needs no Kafka
    except ModuleNotFoundError as error:
        raise Invalid(f"{url}: {error.name} is not installed. Install celstream-platform[kafka].") from error
    return KafkaEventLog(url, supervisor_pid=supervisor_pid)


def sqlite_url(path: Path) -> str:
    """The URL of an event log in a file."""
    return f"sqlite://{quote(str(path.absolute()))}"
