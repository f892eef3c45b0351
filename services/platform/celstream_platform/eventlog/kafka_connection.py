"""How Kafka is reached: the URL, the settings of the three kinds of client, and what their errors mean to us.

    kafka://host:9092[,host2:9092][?security=SASL_SSL&mechanism=SCRAM-SHA-512&ca=/file.pem&cert=…&key=…]

`session_seconds=…` and `rebalance_seconds=…` may follow as well: how long a worker may be silent, and how long the
others wait for it when the group changes. Neither limits how long an event may take: a thread of its own answers.
User and password come from CELSTREAM_KAFKA_USERNAME and CELSTREAM_KAFKA_PASSWORD: a URL ends up in logs.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from kafka import errors as kafka_errors

from celstream_platform import certificates
from celstream_platform.errors import Invalid, Unavailable
from celstream_platform.eventlog.kafka_watchdog import Watchdog

ENCRYPTED = ("SSL", "SASL_SSL")
SECURITY = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
FILES = {"ca": "ssl_cafile", "cert": "ssl_certfile", "key": "ssl_keyfile"}
DEFAULT_MECHANISM = "SCRAM-SHA-512"

SESSION_SECONDS = 10.0  # a worker that is silent so long loses its partitions; six is the least a broker allows
TRANSACTION_SECONDS = 30.0  # ours are open for milliseconds; one left open hides what comes after it from readers
REBALANCE_SECONDS = 60.0  # a member that does not rejoin within it is left out; ours rejoin from a thread of their own
REQUEST_SECONDS = 30.0  # a healthy broker answers in milliseconds, one that is starved of its processor in seconds
SECONDS = {"session_seconds": SESSION_SECONDS, "rebalance_seconds": REBALANCE_SECONDS}
HEARTBEAT_SECONDS = 0.5  # so long a member may not know that the group is changing


class Secret(str):
    """Text that is not shown with the settings it is one of: the library logs them, password and all."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


@dataclass(frozen=True, slots=True)
class Connection:
    """A cluster and how to speak to it. options: what every client needs."""

    servers: tuple[str, ...]
    session_seconds: float = SESSION_SECONDS
    rebalance_seconds: float = REBALANCE_SECONDS
    options: dict[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return f"kafka://{','.join(self.servers)}"

    def _common(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": list(self.servers),
            "bootstrap_timeout_ms": int(REQUEST_SECONDS * 1000),
            "request_timeout_ms": int(REQUEST_SECONDS * 1000),
            "reconnect_backoff_max_ms": 1000,  # its default is half a minute: a broker is back sooner
            **self.options,
        }

    def tell_of_certificates(self) -> None:
        """Tell when they end. Raises Invalid for a file that holds none."""
        if self.options.get("security_protocol", "PLAINTEXT") in ENCRYPTED:
            own, authority = (self.options.get(FILES[name]) for name in ("cert", "ca"))
            certificates.tell("events", {"own": own, "authority": authority})

    def admin(self) -> dict[str, Any]:
        """Settings of an admin client."""
        return self._common() | {"retry_backoff_ms": 20}

    def reader(self) -> dict[str, Any]:
        """Settings of a consumer that reads what is committed, from positions of its own."""
        return self._common() | {
            "isolation_level": "read_committed",
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "fetch_max_wait_ms": 250,  # partitions that are taken up meanwhile wait so long
            "retry_backoff_ms": 20,
            "metrics_enabled": False,
        }

    def member(self, group: str, instance: str, client: str) -> dict[str, Any]:
        """Settings of a consumer that is a static member of a group."""
        return self.reader() | {
            "group_id": group,
            "group_instance_id": instance,
            "client_id": client,
            "session_timeout_ms": int(self.session_seconds * 1000),
            "heartbeat_interval_ms": int(HEARTBEAT_SECONDS * 1000),
            "max_poll_interval_ms": int(self.rebalance_seconds * 1000),
        }

    def producer(self, transactional_id: str | None = None) -> dict[str, Any]:
        """Settings of an idempotent producer; a transactional one where an id is given."""
        settings = self._common() | {
            "acks": "all",
            "linger_ms": 2,
            "batch_size": 128 * 1024,
            "max_block_ms": int(REQUEST_SECONDS * 1000),
            "delivery_timeout_ms": int(2 * REQUEST_SECONDS * 1000),
            "allow_auto_create_topics": False,
            "metrics_enabled": False,
        }
        if transactional_id is not None:
            settings |= {
                "transactional_id": transactional_id,
                "transaction_timeout_ms": int(TRANSACTION_SECONDS * 1000),
                "retry_backoff_ms": 5,  # it waits so long for the broker to write the markers of the transaction before
            }
        return settings


def parse(url: str) -> Connection:
    """Read the URL. Raises Invalid."""
    parts = urlsplit(url)
    servers = tuple(server for server in unquote(parts.netloc).split(",") if server)
    wrong = f"{url}: not an event log on Kafka."
    if not servers or parts.path.strip("/") or not all(_is_address(server) for server in servers):
        raise Invalid(f"{wrong} Give kafka://HOST:PORT, several hosts separated by commas.")
    given = dict(parse_qsl(parts.query))
    unknown = given.keys() - {"security", "mechanism", *SECONDS, *FILES}
    if unknown:
        raise Invalid(f"{wrong} Unknown: {', '.join(sorted(unknown))}. Give security, mechanism, ca, cert, key.")
    security = given.get("security", "PLAINTEXT").upper()
    if security not in SECURITY:
        raise Invalid(f"{wrong} security={security}: give one of {', '.join(SECURITY)}.")
    options: dict[str, Any] = {"security_protocol": security}
    options |= {option: given[name] for name, option in FILES.items() if name in given}
    if security.startswith("SASL"):
        options |= _login(wrong, given.get("mechanism", DEFAULT_MECHANISM))
    session, rebalance = (_seconds(wrong, given, name) for name in SECONDS)
    return Connection(servers, session, rebalance, options)


def _seconds(wrong: str, given: Mapping[str, str], name: str) -> float:
    try:
        return float(given.get(name, SECONDS[name]))
    except ValueError:
        raise Invalid(f"{wrong} {name}={given[name]!r}: give a number.") from None


def _is_address(server: str) -> bool:
    host, colon, port = server.rpartition(":")
    return bool(host and colon and port.isdigit())


def _login(wrong: str, mechanism: str) -> dict[str, Any]:
    user, password = (os.environ.get(f"CELSTREAM_KAFKA_{name}") for name in ("USERNAME", "PASSWORD"))
    if not user or not password:
        raise Invalid(f"{wrong} Set CELSTREAM_KAFKA_USERNAME and CELSTREAM_KAFKA_PASSWORD.")
    return {"sasl_mechanism": mechanism, "sasl_plain_username": user, "sasl_plain_password": Secret(password)}


def make(client: Callable[..., Any], settings: Mapping[str, Any]) -> Any:
    """Make a client. Its constructor connects; one that meets a broker half-way up may hang, so it has a limit here.

    Raises Unavailable, KafkaError.
    """
    watchdog = Watchdog()
    try:
        return watchdog.call(lambda: client(**settings), 2 * REQUEST_SECONDS, "connecting to Kafka")
    finally:
        watchdog.close()


@contextmanager
def speaking(connection: Connection, doing: str) -> Iterator[None]:
    """Turn what the client raises into Unavailable."""
    try:
        yield
    except (kafka_errors.KafkaError, OSError) as error:
        raise Unavailable(
            f"{connection}: {doing} failed ({type(error).__name__}: {_one_line(error)})."
            " Check that the brokers run and that this user may do it."
        ) from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
