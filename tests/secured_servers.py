"""Servers that want a login and speak TLS: Kafka with SASL_SSL and rights per user, and MinIO over HTTPS."""

import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from celstream_stack.bucket import ROOT_USER
from celstream_stack.kafka import PROPERTIES, Kafka
from celstream_stack.minio import SETTINGS, MinIO
from celstream_stack.places import cache
from celstream_stack.ports import free_port, secret
from celstream_stack.server import Launch

from tests.certificates import Authority
from tests.own_servers import running, wait_until

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
USER = "celstream"  # may do all
STRANGER = "stranger"  # may log in, and do nothing

# A second listener for clients. The first, which the broker and the tests' own questions use, knows no users.
SECURED = """listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SECURED://127.0.0.1:{secured}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECURED://127.0.0.1:{secured}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secured.scram-sha-512.sasl.jaas.config={module} required;
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:celstream
"""


class SecuredKafka(Kafka):
    """A broker whose clients log in by SCRAM-SHA-512 over TLS."""

    def __init__(self, authority: Authority) -> None:
        self._files = authority.issue("broker", server=True)

    def new_settings(self) -> dict[str, str]:
        """Ports and passwords."""
        return super().new_settings() | {"secured": str(free_port()), USER: secret(), STRANGER: secret()}

    def properties(self, data: Path, state: Path, settings: Mapping[str, str]) -> str:
        """As ever, with the second listener."""
        certificate, key = self._files
        keystore = state / "keystore.pem"
        keystore.write_bytes(key.read_bytes() + certificate.read_bytes())
        own = SECURED.format(keystore=keystore, module=SCRAM, **settings)
        theirs = {line.partition("=")[0] for line in own.splitlines()}
        plain = PROPERTIES.format(data=data, **settings).splitlines()
        return own + "\n".join(line for line in plain if line.partition("=")[0] not in theirs)

    def formatting(self, settings: Mapping[str, str]) -> list[str]:
        """The users, who must be there before the first start."""
        users = [f"SCRAM-SHA-512=[name={user},password={settings[user]}]" for user in (USER, STRANGER)]
        return [part for user in users for part in ("--add-scram", user)]


@contextmanager
def secured_kafka(folder: Path, authority: Authority) -> Iterator[dict[str, str]]:
    """A broker that is ready; its settings. Ended with the context."""
    server = SecuredKafka(authority)
    settings = server.new_settings()
    folder.mkdir()
    with running(server.prepare(server.install(cache()), folder, settings), folder):
        wait_until(lambda: server.is_ready(folder, settings), folder)
        yield settings


@contextmanager
def secured_minio(folder: Path, authority: Authority) -> Iterator[tuple[str, dict[str, str]]]:
    """(URL, variables of its administrator) of an S3 server over HTTPS. Ended with the context."""
    certificates = folder / "certificates"
    certificates.mkdir(parents=True)
    for issued, name in zip(authority.issue("store", server=True), ("public.crt", "private.key"), strict=True):
        shutil.copy(issued, certificates / name)  # the names that MinIO wants
    port, password = free_port(), secret()
    binary = MinIO().install(cache()) / "minio"
    command = [str(binary), "server", "--quiet", "--certs-dir", str(certificates), "--address", f"127.0.0.1:{port}"]
    variables = {"MINIO_ROOT_USER": ROOT_USER, "MINIO_ROOT_PASSWORD": password, "HOME": str(folder), **SETTINGS}
    with running(Launch([*command, str(folder / "data")], variables), folder):
        wait_until(lambda: _says_ready(f"https://127.0.0.1:{port}/minio/health/ready", authority), folder)
        yield f"https://127.0.0.1:{port}", {"AWS_ACCESS_KEY_ID": ROOT_USER, "AWS_SECRET_ACCESS_KEY": password}


def _says_ready(url: str, authority: Authority) -> bool:
    try:
        with urllib.request.urlopen(url, context=ssl.create_default_context(cafile=str(authority.ca_file))) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
