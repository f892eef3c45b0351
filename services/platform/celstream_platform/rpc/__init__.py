"""The gRPC scaffold that every service serves with: `serve`, `connect`, and what they need to be told."""

from celstream_platform.rpc.client import ClientTls, connect, errors
from celstream_platform.rpc.identity import Caller
from celstream_platform.rpc.interceptor import caller
from celstream_platform.rpc.methods import ADMINS, READERS, REVIEWERS, WRITERS, Policy, Role, Service
from celstream_platform.rpc.server import Server, serve

__all__ = [
    "ADMINS",
    "READERS",
    "REVIEWERS",
    "WRITERS",
    "Caller",
    "ClientTls",
    "Policy",
    "Role",
    "Server",
    "Service",
    "caller",
    "connect",
    "errors",
    "serve",
]
