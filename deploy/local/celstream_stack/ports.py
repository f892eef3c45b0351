"""Free ports and secrets for a new stack."""

import secrets
import socket

LOOPBACK = "127.0.0.1"  # where servers listen, unless a stack says otherwise
# Below the ports that Linux gives to whoever asks for any, and Kubernetes to services: one of those may be gone before
# its server listens there, or while it is away for a moment.
PORTS = range(10_000, 30_000)


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as listener:
            try:
                listener.bind((LOOPBACK, port))
            except OSError:
                continue
        return port


def secret() -> str:
    """A new random secret: 32 letters and digits of hexadecimal."""
    return secrets.token_hex(16)
