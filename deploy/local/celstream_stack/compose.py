"""The same stack for people with a container engine: writes deploy/compose.yaml out of what the processes are told.

`celstream-stack compose > deploy/compose.yaml`; a test holds the file against this. Images are the newest of the same
servers that are published: MinIO's is older than its source, and Triton's runs the model repository by itself.
"""

from importlib import resources

from celstream_stack import kafka, minio, postgres, prometheus, triton
from celstream_stack.bucket import BUCKET, ROOT_USER, USERS, notifications
from celstream_stack.ports import LOOPBACK

TEMPLATE = "compose.yaml.in"
IMAGES = {
    "kafka": f"apache/kafka:{kafka.VERSION}",
    "minio": "minio/minio:RELEASE.2025-09-07T16-13-09Z",  # the last one; later versions are source alone
    "postgres": f"postgres:{postgres.VERSION.removesuffix('.0')}",
    "triton": f"tritonserver:{triton.CONTAINER}-py3",
    "prometheus": f"prom/prometheus:v{prometheus.VERSION}",
    "bucket": "python:3.11-slim",
}

# Where containers listen and how they find each other is not what processes of one machine are told.
OF_THE_PLACE = {
    "controller.quorum.bootstrap.servers",
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "log.dirs",
    "listen_addresses",
    "unix_socket_directories",
}
INSIDE_KAFKA = "kafka:19092"


def compose() -> str:
    """The text of the file."""
    text = resources.files("celstream_stack").joinpath(TEMPLATE).read_text()
    for name, value in _values().items():
        text = text.replace(f"<{name}>", value)
    return text


def password_variable(user: str) -> str:
    """The variable with the password of a user of the bucket."""
    return f"MINIO_{user.removeprefix('celstream-').upper()}_PASSWORD"


def _values() -> dict[str, str]:
    properties = dict(line.split("=", 1) for line in kafka.PROPERTIES.splitlines())
    postgres_options = {name: value for name, value in postgres.SETTINGS.items() if name not in OF_THE_PLACE}
    stored = minio.SETTINGS | notifications(INSIDE_KAFKA, "/events")
    passwords = {password_variable(user): _needed(password_variable(user)) for user in USERS}
    return {
        **{f"image {name}": image for name, image in IMAGES.items()},
        "kafka properties": _mapping(
            {f"KAFKA_{_variable(name)}": value for name, value in properties.items() if name not in OF_THE_PLACE}, 6
        ),
        "minio settings": _mapping(stored, 6),
        "root user": ROOT_USER,
        "bucket passwords": _mapping(passwords, 6),
        "bucket": BUCKET,
        "postgres owner": postgres.OWNER,
        "postgres database": postgres.DATABASE,
        "postgres format": " ".join(postgres.FORMAT),
        "postgres options": _list([part for pair in postgres_options.items() for part in ("-c", "=".join(pair))]),
        "triton options": _list(triton.OPTIONS),
        "minio metrics": minio.METRICS,
        "kept": prometheus.KEPT,
        "prometheus configuration": _indented(
            prometheus.CONFIGURATION.format(host=LOOPBACK, port=9090, targets="/etc/prometheus/targets"), 6
        ),
    }


def _variable(name: str) -> str:
    """A property's name as Kafka's image reads it from its environment."""
    return name.replace("_", "__").replace("-", "___").replace(".", "_").upper()


def _needed(name: str) -> str:
    return f"${{{name}:?not set; give a secret, for example of openssl rand -hex 16}}"


def _mapping(values: dict[str, str], indent: int) -> str:
    return "\n".join(f'{" " * indent}{name}: "{value}"' for name, value in values.items())


def _list(values: list[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)


def _indented(text: str, indent: int) -> str:
    return "\n".join(" " * indent + line for line in text.splitlines())
