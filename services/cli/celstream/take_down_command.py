"""The command `celstream take-down`: footage or an item leaves, with all that was made of it, and stays out."""

import json as json_lines
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from celstream.one_line import SOME_BAD, one_line_for_a_person
from celstream.remote_options import CaFile, CertificateFile, KeyFile, ServerName, TokenFile

if TYPE_CHECKING:
    from celstream.remote import Remote


def take_down(
    what: Annotated[
        str,
        typer.Argument(
            help="A footage's name, or the id of footage or of a clip: 4 or more digits.", show_default=False
        ),
    ],
    at: Annotated[str, typer.Option(help="A dataset folder, or a catalog elsewhere: HOST:PORT.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why, for the record.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would leave.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, and nothing else on standard output.")] = False,
    ca_file: CaFile = None,
    certificate_file: CertificateFile = None,
    key_file: KeyFile = None,
    token_file: TokenFile = None,
    server_name: ServerName = "",
) -> None:
    """Remove footage or a clip with all that was made of it, for good. Asks first."""
    from celstream.remote import Remote

    remote = Remote(at, ca_file, token_file, certificate_file, key_file, server_name)
    try:
        with one_line_for_a_person():
            done = _take_down(what, reason, remote, yes=yes, dry_run=dry_run, json=json)
    except KeyboardInterrupt as interrupted:
        typer.echo("Interrupted. The same command goes on.", err=True)
        raise typer.Exit(128 + signal.SIGINT) from interrupted
    if not done:
        raise typer.Exit(SOME_BAD)


def _take_down(what: str, reason: str, remote: "Remote", *, yes: bool, dry_run: bool, json: bool) -> bool:
    """Whether all is as it was asked for."""
    from celstream_protos.v1.catalog_pb2 import TakeDownRequest

    from celstream.take_down import as_fields, described, opened

    if not reason.strip():
        raise ValueError("take-down: no reason given. Say why with --reason, for the record.")
    with opened(remote) as (ask, what_happens):
        found = ask(TakeDownRequest(what=what, reason=reason, dry_run=True))
        typer.echo(described(found), err=json)
        if not found.already_taken_down:
            typer.echo(what_happens, err=json)
        wanted = not dry_run and (yes or found.already_taken_down or _agreed())
        if wanted:  # also the second time: what was interrupted is brought to its end
            found = ask(TakeDownRequest(what=found.takedown.item_id, reason=reason))
        if json:
            typer.echo(json_lines.dumps(as_fields(found, done=wanted)))
        elif not found.already_taken_down:
            typer.echo("Taken down." if wanted else "Nothing was taken down.")
    return wanted or dry_run


def _agreed() -> bool:
    typer.echo("Take it down? [y/N] ", nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer:
        typer.echo("no answer: give --yes where nobody can be asked.", err=True)
    return answer.strip().casefold() in ("y", "yes")
