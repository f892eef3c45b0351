"""Knocking at the brokers before any client is made: whoever is not let in hears at once, and why.

A client's constructor tries again and again where the brokers refuse its login, or it their certificate, and says in
the end that it could not reach them. So one connection is made before it, by the same library with the same settings.
Brokers that do not answer at all are left to the constructor, which waits for them.
"""

from pathlib import Path
from typing import Any

from kafka import errors as kafka_errors
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from celstream_platform.errors import Invalid, Unavailable
from celstream_platform.eventlog.kafka_connection import FILES, Connection

ANSWER_SECONDS = 10.0
REFUSED_LOGIN = (kafka_errors.SaslAuthenticationFailedError, kafka_errors.UnsupportedSaslMechanismError)
REFUSED_TLS = "Handshake failed"  # the library's words, once somebody has taken the call


class _LastWords(KafkaConnectionManager):  # type: ignore[misc]
    """Hears what a broker says as it hangs up. The library drops what comes together with the end of a connection,
    and a broker says so why it refuses a login."""

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        transport = await super()._build_transport(node, timeout_at=timeout_at)
        receive = transport._sock_recv

        def last_words() -> tuple[bytes, Exception | None]:
            data, error = receive()
            return data, None if data else error

        transport._sock_recv = last_words
        return transport


def knock(connection: Connection) -> None:
    """Log in once, where there is something to log in with or to encrypt.

    Raises Unavailable where that is refused, Invalid where a file of certificates cannot be read.
    """
    if connection.options.get("security_protocol", "PLAINTEXT") == "PLAINTEXT":
        return
    for name, option in FILES.items():
        file = connection.options.get(option)
        if file and not Path(file).is_file():
            raise Invalid(f"{connection}: {name}={file}: no such file. Give a file in PEM.")
    net = NetworkSelector()
    manager = _LastWords(net, **connection.admin())
    try:
        net.run(_try_each, manager)
    except REFUSED_LOGIN as error:
        user = connection.options.get("sasl_plain_username")
        raise Unavailable(
            f"{connection}: the brokers refuse the user {user} ({_said(error)})."
            " Check CELSTREAM_KAFKA_USERNAME, CELSTREAM_KAFKA_PASSWORD and the mechanism."
        ) from None  # the cause holds the messages of the login
    except kafka_errors.KafkaConnectionError as error:
        raise Unavailable(
            f"{connection}: no encrypted connection ({_said(error)})."
            " Check that the brokers speak TLS there, and give by ca=FILE who signed their certificate."
        ) from error
    finally:
        manager.close()
        net.close()


async def _try_each(manager: Any) -> None:
    """Connect to the first broker that answers. Raises what it refuses by; nothing where none answers."""
    for broker in manager.cluster.bootstrap_brokers():
        try:
            await manager.get_connection(
                broker.node_id, timeout_ms=ANSWER_SECONDS * 1000, pop_on_close=False, refresh_metadata_on_err=False
            )
        except REFUSED_LOGIN:
            raise
        except kafka_errors.KafkaError as error:
            if REFUSED_TLS in str(error):
                raise
            continue  # away
        return


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
