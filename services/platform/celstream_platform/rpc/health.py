"""Health: `grpc.health.v1`, and `/readyz`. NOT_SERVING until every dependency answers, and again while draining."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Event, Lock, Thread

from grpc_health.v1 import health, health_pb2

from celstream_platform import logs
from celstream_platform.errors import CelstreamError

log = logs.logger(__name__)
INTERVAL_SECONDS = 2.0
CHECK_SECONDS = 5.0  # a dependency that takes longer to answer does not answer
Check = Callable[[], bool]


class Health:
    """Asks the dependencies every two seconds.

    checks: name of the dependency -> whether it answers; False, an error or silence mean no.
    """

    def __init__(self, services: Sequence[str], checks: Mapping[str, Check]) -> None:
        self.servicer = health.HealthServicer()
        self._services, self._checks = ("", *services), dict(checks)
        self._ready, self._stop, self._changing = Event(), Event(), Lock()
        self._pool = ThreadPoolExecutor(max(len(self._checks), 1), thread_name_prefix="health")
        self._under_way: dict[str, Future[bool]] = {}
        self._missing: set[str] | None = None
        self._set(health_pb2.HealthCheckResponse.NOT_SERVING)
        self._thread = Thread(target=self._watch, name="health", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def ready(self) -> bool:
        """Whether every dependency answered when last asked, and the service is not draining."""
        return self._ready.is_set()

    def wait_ready(self, seconds: float) -> bool:
        """Wait until it is ready, at most for that time; whether it is."""
        return self._ready.wait(seconds)

    def drain(self) -> None:
        """NOT_SERVING from now on, for good."""
        with self._changing:
            self._stop.set()
            self._ready.clear()
            self.servicer.enter_graceful_shutdown()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _watch(self) -> None:
        while not self._stop.is_set():
            missing = self._ask()
            with self._changing:
                if self._stop.is_set():
                    return
                if missing != self._missing:
                    self._missing = missing
                    self._tell(missing)
            self._stop.wait(INTERVAL_SECONDS)

    def _tell(self, missing: set[str]) -> None:
        if missing:
            log.warning("not ready", waiting_for=sorted(missing))
            if self._ready.is_set():  # who watches is told of changes only
                self._ready.clear()
                self._set(health_pb2.HealthCheckResponse.NOT_SERVING)
        else:
            log.info("ready")
            self._set(health_pb2.HealthCheckResponse.SERVING)
            self._ready.set()

    def _ask(self) -> set[str]:
        """The dependencies that do not answer. One that hangs is not asked again before it comes back."""
        for name, check in self._checks.items():
            if name not in self._under_way:
                try:
                    self._under_way[name] = self._pool.submit(check)
                except RuntimeError:  # draining
                    return {name}
        missing = set()
        for name, answer in list(self._under_way.items()):
            try:
                fine = answer.result(timeout=CHECK_SECONDS)
            except TimeoutError:
                if not answer.done():
                    missing.add(name)
                    continue
                fine = False
            except (CelstreamError, CancelledError):
                fine = False
            except Exception:
                log.exception("a health check has a bug", check=name)
                fine = False
            del self._under_way[name]
            if not fine:
                missing.add(name)
        return missing

    def _set(self, state: int) -> None:
        for service in self._services:
            self.servicer.set(service, state)
