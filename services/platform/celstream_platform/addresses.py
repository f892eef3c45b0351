"""Addresses that a service listens on: `host:port`, and whether only this machine can reach them."""

import ipaddress

from celstream_platform.errors import Invalid

LARGEST_PORT = 65535


def split(address: str) -> tuple[str, int]:
    """`host:port` or `[v6 host]:port` -> (host, port). Raises Invalid."""
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > LARGEST_PORT:
        raise Invalid(f"{address!r}: not an address to listen on. Give HOST:PORT, for example 127.0.0.1:50051.")
    return host, int(port)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach it: a loopback address, `localhost`, or a Unix socket."""
    if address.startswith("unix:"):
        return True
    host, _ = split(address)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
