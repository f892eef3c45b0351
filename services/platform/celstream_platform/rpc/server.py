"""The gRPC server of a service: TLS, roles, health, reflection, deadlines, sizes, metrics, traces, an orderly end.

server = serve([Service(...)], settings, checks={"events": log_answers})
...
drain([("not ready", server.not_ready), …, ("calls", server.stop)], seconds=settings.drain_seconds)
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from celstream_platform import logs
from celstream_platform.errors import Unavailable
from celstream_platform.rpc.certificates import Certificates
from celstream_platform.rpc.health import Check, Health
from celstream_platform.rpc.identity import Tokens
from celstream_platform.rpc.interceptor import Interceptor
from celstream_platform.rpc.methods import Service
from celstream_platform.settings import ServiceSettings

log = logs.logger(__name__)
CANCEL_SECONDS = 2.0
CALLS_PER_THREAD = 4  # calls that wait for a thread; more are refused with RESOURCE_EXHAUSTED


class Server:
    """A running gRPC server. address: where it listens, with the port that was chosen where 0 was asked for."""

    def __init__(self, server: grpc.Server, interceptor: Interceptor, address: str, health: Health) -> None:
        self._server, self._interceptor = server, interceptor
        self.address, self.health = address, health

    def not_ready(self, seconds: float = 0.0) -> None:
        """First step of the end: NOT_SERVING, so that no new calls are sent here; those that come are answered."""
        self.health.drain()

    def stop(self, seconds: float) -> None:
        """Last step: no new calls; those under way may take that time, then they are cancelled.

        When this returns their functions have ended, so that what they use can be closed; but one that does not notice
        that it is cancelled is waited for only CANCEL_SECONDS more.
        """
        self.health.drain()
        self._server.stop(seconds).wait()
        if not self._interceptor.wait_idle(CANCEL_SECONDS):
            log.warning("calls were cancelled and go on all the same")


def serve(services: Sequence[Service], settings: ServiceSettings, *, checks: Mapping[str, Check]) -> Server:
    """Start to serve. checks: dependencies that must answer before the server says SERVING.

    Raises Invalid for files of certificates or tokens that are none, Unavailable where the address is taken, ValueError
    for a method without a policy.
    """
    policies = {path: policy for service in services for path, policy in service.by_path().items()}
    tokens = Tokens(settings.grpc_tokens_file) if settings.grpc_tokens_file else None
    interceptor = Interceptor(policies, secured=settings.secured, tokens=tokens)
    server = grpc.server(
        ThreadPoolExecutor(settings.grpc_threads, thread_name_prefix="grpc"),
        interceptors=[interceptor],
        maximum_concurrent_rpcs=settings.grpc_threads * CALLS_PER_THREAD,
        options=[
            ("grpc.max_receive_message_length", settings.grpc_message_bytes),
            ("grpc.max_send_message_length", settings.grpc_message_bytes),
            ("grpc.so_reuseport", 0),  # a second server on the port shall fail, not share it
        ],
    )
    names = [service.descriptor.full_name for service in services]
    state = Health(names, checks)
    for service in services:
        service.add(server)
    health_pb2_grpc.add_HealthServicer_to_server(state.servicer, server)
    reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    address = _listen(server, settings)
    server.start()
    state.start()
    return Server(server, interceptor, address, state)


def _listen(server: grpc.Server, settings: ServiceSettings) -> str:
    address = settings.grpc_address
    try:
        if settings.grpc_certificate_file:
            port = server.add_secure_port(address, Certificates(settings).credentials())
        else:
            port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise Unavailable(f"{address}: cannot listen there. Is the port taken? Give another address.") from error
    return address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"
