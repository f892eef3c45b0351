"""Logs: one event a line, as JSON or for the console, each with the trace that it belongs to.

The library is large, and a command that has nothing to say does not need it: it is loaded once something is said.
"""

import logging
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, TextIO, cast

from celstream_platform import tracing

if TYPE_CHECKING:
    import structlog

Format = Literal["json", "console"]
Level = Literal["debug", "info", "warning", "error"]
QUIET = ("libav", "kafka", "urllib3", "alembic")  # libraries that tell at info level what is news to nobody


def configure(service: str, *, level: Level = "info", format: Format = "json", stream: TextIO | None = None) -> None:  # noqa: A002
    """Set up the logs of this process; call it once, in `__main__.py`.

    service: said in every line. stream: standard error where None. What libraries log goes the same way.
    """
    import structlog

    def name_service(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        name_service,
        _bind_trace,
        structlog.processors.StackInfoRenderer(),
    ]
    renderers: list[structlog.types.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=(stream or sys.stderr).isatty(),
                exception_formatter=structlog.dev.plain_traceback,  # the rich one prints local variables: secrets
            )
        ]
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in QUIET:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _Logger:
    """A logger that is made when something is said."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, level: str) -> Any:
        import structlog

        return getattr(structlog.stdlib.get_logger(self._name), level)


def logger(name: str) -> "structlog.stdlib.BoundLogger":
    """The logger of a module: `log = logs.logger(__name__)`, then `log.info("what happened", key=value)`."""
    return cast("structlog.stdlib.BoundLogger", _Logger(name))


def bound(**values: object) -> AbstractContextManager[None]:
    """`with logs.bound(footage_id=…):` says it in every line inside."""
    import structlog

    return structlog.contextvars.bound_contextvars(**values)


def _bind_trace(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    trace_id, span_id = tracing.ids()
    if trace_id:
        event["trace_id"], event["span_id"] = trace_id, span_id
    return event
