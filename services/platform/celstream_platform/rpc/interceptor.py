"""What happens around every call: who calls, deadline, trace, log, metrics, and one table of errors."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from threading import Condition, Timer
from typing import Any

import grpc
from opentelemetry.trace import Span, Status, StatusCode

from celstream_platform import logs, tracing
from celstream_platform.metrics import RPC_IN_FLIGHT, RPC_REQUESTS, RPC_SECONDS
from celstream_platform.rpc import identity, status
from celstream_platform.rpc.identity import LOCAL, Caller, Tokens
from celstream_platform.rpc.methods import READERS, Policy

log = logs.logger(__name__)
Code = grpc.StatusCode
HEALTH = "/grpc.health.v1.Health/"  # open to all, and not counted: probes call it all the time
REFLECTION = "/grpc.reflection."
FAULTS = ("INTERNAL", "UNKNOWN", "UNAVAILABLE", "DATA_LOSS", "DEADLINE_EXCEEDED")  # the service's, not the caller's
REFLECTION_POLICY = Policy(READERS)
NO_DEADLINE_SECONDS = 10 * 365 * 86400.0  # gRPC says "none" by a time far away
MAX_DETAILS = 1000  # status details travel in a header, whose size is limited

_caller: ContextVar[Caller] = ContextVar("caller", default=LOCAL)


def caller() -> Caller:
    """Who made the call that this thread answers."""
    return _caller.get()


class Interceptor(grpc.ServerInterceptor):  # type: ignore[type-arg]
    """Wraps every method. policies: by path; a method without one is refused where calls are secured."""

    def __init__(self, policies: Mapping[str, Policy], *, secured: bool, tokens: Tokens | None) -> None:
        self._policies, self._secured, self._tokens = policies, secured, tokens
        self._under_way, self._changed = 0, Condition()
        for path in policies:
            RPC_IN_FLIGHT.labels(path)
            RPC_SECONDS.labels(path)
            for code in ("OK", *FAULTS):
                RPC_REQUESTS.labels(path, code)

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Any], details: grpc.HandlerCallDetails
    ) -> Any:
        """Find the method and put everything around it."""
        handler: Any = continuation(details)
        path = details.method
        if handler is None or path.startswith(HEALTH):
            return handler
        policy = REFLECTION_POLICY if path.startswith(REFLECTION) else self._policies.get(path)

        def answer_once(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
            def wrapped(request: Any, context: grpc.ServicerContext) -> Any:
                with _Call(self, path, policy, context).around():
                    return function(request, context)

            return wrapped

        def answer_many(function: Callable[[Any, Any], Iterator[Any]]) -> Callable[[Any, Any], Iterator[Any]]:
            def wrapped(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
                with _Call(self, path, policy, context).around():
                    yield from function(request, context)

            return wrapped

        name = f"{_arity(handler.request_streaming)}_{_arity(handler.response_streaming)}"
        around = answer_many if handler.response_streaming else answer_once
        return handler._replace(**{name: around(getattr(handler, name))})

    def begin(self) -> None:
        """Count one more call under way."""
        with self._changed:
            self._under_way += 1

    def end(self) -> None:
        """Count one less."""
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def wait_idle(self, seconds: float) -> bool:
        """Wait until no function is running, at most for that time; whether none is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._under_way == 0, seconds)

    def identify(self, context: Any, metadata: Mapping[str, str]) -> Caller:
        """Who calls: both a certificate and a token may give roles."""
        if not self._secured:
            return LOCAL
        by_certificate = identity.of_certificate(context.auth_context())
        by_token = self._tokens.caller(metadata.get("authorization", "")) if self._tokens else identity.NOBODY
        return Caller(by_token.account or by_certificate.account, by_token.roles | by_certificate.roles)


def _arity(streaming: bool) -> str:
    return "stream" if streaming else "unary"


class _Refused(Exception):
    """The caller may not do this."""

    def __init__(self, code: Code, details: str) -> None:
        super().__init__(details)
        self.code, self.details = code, details


class _Call:
    """One call, from its first byte to its status."""

    def __init__(self, interceptor: Interceptor, path: str, policy: Policy | None, context: Any) -> None:
        self._interceptor, self._path, self._policy, self._context = interceptor, path, policy, context
        self._expired = False

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        """Everything around the method. An error inside becomes a status."""
        context = self._context
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        started = time.perf_counter()
        refusal: tuple[Code, str, str] | None = None
        code = Code.UNKNOWN
        RPC_IN_FLIGHT.labels(method=self._path).inc()
        self._interceptor.begin()
        try:
            with tracing.serve_rpc(self._path, metadata) as span, logs.bound(method=self._path):
                try:
                    with self._deadline(), self._as_caller(metadata):
                        yield
                    code = self._code()
                except GeneratorExit:
                    code = self._given_up()
                    raise
                except Exception as error:
                    if self._expired or not context.is_active():
                        code = self._given_up()
                        raise
                    refusal = self._refusal(error)
                    code = refusal[0]
                finally:
                    _finish(span, code, time.perf_counter() - started)
        finally:
            RPC_IN_FLIGHT.labels(method=self._path).dec()
            RPC_REQUESTS.labels(method=self._path, code=code.name).inc()
            RPC_SECONDS.labels(method=self._path).observe(time.perf_counter() - started)
            self._interceptor.end()
        if refusal:
            code, details, name = refusal
            if name:
                context.set_trailing_metadata(((status.METADATA_KEY, name),))
            context.abort(code, details[:MAX_DETAILS])

    @contextlib.contextmanager
    def _deadline(self) -> Iterator[None]:
        """End the call past the method's time, whatever the caller has set.

        gRPC itself ends it past the caller's deadline. A function in Python cannot be interrupted: it ends when it
        next reads, writes, or looks at `context.is_active()`; the caller sees CANCELLED.
        """
        policy, left = self._policy or Policy(frozenset()), self._context.time_remaining()
        none = left is None or left > NO_DEADLINE_SECONDS
        seconds = min(policy.default_seconds, policy.max_seconds) if none else policy.max_seconds
        if not none and left <= seconds:
            yield
            return
        timer = Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _expire(self) -> None:
        self._expired = True
        self._context.cancel()

    @contextlib.contextmanager
    def _as_caller(self, metadata: Mapping[str, str]) -> Iterator[None]:
        found = self._interceptor.identify(self._context, metadata)
        if not found.roles:
            raise _Refused(Code.UNAUTHENTICATED, "no role. Show a client certificate or a token that has one.")
        if found is not LOCAL and not (self._policy and found.roles & self._policy.roles):
            needed = ", ".join(sorted(self._policy.roles)) if self._policy else "none"
            raise _Refused(
                Code.PERMISSION_DENIED, f"{found.account} is {', '.join(sorted(found.roles))}; needed: {needed}."
            )
        token = _caller.set(found)
        try:
            with logs.bound(account=found.account):
                yield
        finally:
            # A generator that is thrown away may be closed in another context, where there is nothing to restore.
            with contextlib.suppress(ValueError):
                _caller.reset(token)

    def _code(self) -> Code:
        """The status of a call whose function came to its end."""
        code = self._context.code()
        if code is not None:
            return code if isinstance(code, Code) else Code.UNKNOWN
        return Code.OK if self._context.is_active() and not self._expired else self._given_up()

    def _given_up(self) -> Code:
        late = self._expired or self._context.time_remaining() == 0
        return Code.DEADLINE_EXCEEDED if late else Code.CANCELLED

    def _refusal(self, error: Exception) -> tuple[Code, str, str]:
        """(status, one line for the caller, name of the error)."""
        if isinstance(error, _Refused):
            return error.code, error.details, ""
        by_hand = self._context.code()
        if by_hand is not None:  # the method itself called `abort`
            return by_hand, (self._context.details() or b"").decode(errors="replace"), ""
        code, name = status.of(error)
        if code is not Code.INTERNAL:
            return code, str(error).replace("\n", " "), name
        number = uuid.uuid4().hex[:12]
        log.error("a bug ended a call", error_id=number, exc_info=error)
        return code, f"internal error {number}. The server's log tells more under this id.", ""


def _finish(span: Span, code: Code, seconds: float) -> None:
    span.set_attribute("rpc.grpc.status_code", int(code.value[0]))
    if code in (Code.INTERNAL, Code.UNKNOWN, Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED):
        span.set_status(Status(StatusCode.ERROR, code.name))
    log.info("call answered", code=code.name, seconds=round(seconds, 6))
