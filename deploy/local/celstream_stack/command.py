"""How a command of ours ends: what a person can mend is one line and status 2; a traceback is for bugs."""

import sys

import typer

from celstream_stack.errors import StackError


def run_command(app: typer.Typer) -> None:
    """Run the command."""
    try:
        app()
    except StackError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
