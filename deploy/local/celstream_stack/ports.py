"""Free ports and secrets for a new stack."""

import secrets
import socket

LOOPBACK = "127.0.0.1"  # where servers listen, unless a stack says otherwise


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
    return port


def secret() -> str:
    """A new random secret: 32 letters and digits of hexadecimal."""
    return secrets.token_hex(16)
