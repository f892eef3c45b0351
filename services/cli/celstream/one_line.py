"""How a command ends where something went wrong that a person can help: one line on standard error, and exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from celstream_platform.errors import CelstreamError

SOME_BAD, FAULT = 2, 1


@contextmanager
def one_line_for_a_person() -> Iterator[None]:
    """What went wrong and can be helped: one line on standard error, exit code 2."""
    try:
        yield
    except (CelstreamError, ValueError) as error:
        from celstream.workers import WorkersFailed

        typer.echo(error, err=True)
        raise typer.Exit(FAULT if isinstance(error, WorkersFailed) else SOME_BAD) from error
