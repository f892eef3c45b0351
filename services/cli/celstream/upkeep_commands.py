"""The commands of upkeep: `celstream dlq …` and `celstream store gc`, in a dataset folder and over real servers."""

import json as json_lines
import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from celstream import examples
from celstream.one_line import one_line_for_a_person

if TYPE_CHECKING:
    from collections.abc import Callable

    from celstream_platform.dead_letters import DeadLetter

    from celstream.dlq import Wanted

dlq_app = typer.Typer(help="Dead letters: what a stage could not process, byte for byte.", no_args_is_help=True)
store_app = typer.Typer(help="The artefact store.", no_args_is_help=True)

At = Annotated[str, typer.Option("--at", help="A dataset folder, or the event log: kafka://HOST:PORT.")]
Letter = Annotated[str, typer.Argument(help="Start of a letter's id.", show_default="all")]
Stage = Annotated[str, typer.Option(help="Only this stage's.", show_default="all")]
Error = Annotated[str, typer.Option(help="Only those whose error holds this text.", show_default="any")]
Since = Annotated[str, typer.Option(help="Parked since: 2026-11-21T20:15 (UTC), or 2h, 3d ago.", show_default="ever")]
Until = Annotated[str, typer.Option(help="Parked before.", show_default="now")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, and nothing else there.")]


def _wanted(letter: str, stage: str, error: str, since: str, until: str) -> "Wanted":
    from celstream.dlq import Wanted, moment

    return Wanted(letter, stage, error, moment(since), moment(until))


@dlq_app.command("list", epilog=examples.DLQ_LIST)
def dlq_list(
    at: At, stage: Stage = "", error: Error = "", since: Since = "", until: Until = "", json: Json = False
) -> None:
    """List the letters."""
    from celstream.dlq import letters

    with one_line_for_a_person():
        _show(letters(at, _wanted("", stage, error, since, until)), json=json)


@dlq_app.command("show", epilog=examples.DLQ_SHOW)
def dlq_show(letter: Annotated[str, typer.Argument(help="Start of the letter's id.")], at: At) -> None:
    """Show one letter, with the traceback."""
    from celstream.dlq import letter_named

    with one_line_for_a_person():
        found = letter_named(at, letter)
        typer.echo(
            f"letter    {found.id}\nstage     {found.stage}\nattempts  {found.attempts}\nparked    {found.parked_at}\n"
            f"event     {found.event.type} {found.event.key}\n"
            f"from      {found.origin_topic}, partition {found.origin_partition}, offset {found.origin_offset}\n"
            f"error     {found.error}\ndigest    {found.traceback_digest}\n\n{found.traceback}"
        )


def _settling(name: str, text: str, shown: str, settle: "Callable[[str, Wanted], str]") -> None:
    """A command that settles letters. shown: its examples. settle: does it at a place, and says what was done."""

    @dlq_app.command(name, help=text, epilog=shown)
    def command(
        at: At,
        letter: Letter = "",
        stage: Stage = "",
        error: Error = "",
        since: Since = "",
        until: Until = "",
        dry_run: DryRun = False,
    ) -> None:
        from celstream.dlq import letters

        with one_line_for_a_person():
            wanted = _wanted(letter, stage, error, since, until)
            if dry_run:
                _show(letters(at, wanted), json=False)
            else:
                typer.echo(settle(at, wanted))


def _put_back(at: str, wanted: "Wanted") -> str:
    from celstream.dlq import replay

    who = "The services process them." if "://" in at else "The next run of the same command processes them."
    return f"{replay(at, wanted)} put back. {who}"


def _forgotten(at: str, wanted: "Wanted") -> str:
    from celstream.dlq import discard

    return f"{discard(at, wanted)} forgotten."


_settling(
    "replay",
    "Put letters back to be processed again: by the services, or by the next run in the folder.",
    examples.DLQ_REPLAY,
    _put_back,
)
_settling("discard", "Forget letters. Their inputs stay parked.", examples.DLQ_DISCARD, _forgotten)


def _show(found: "list[DeadLetter]", *, json: bool) -> None:
    for letter in found:
        if json:
            fields = {
                name: value for name, value in asdict(letter).items() if name not in ("event", "traceback", "replayed")
            }
            typer.echo(json_lines.dumps({**fields, "key": letter.event.key, "type": letter.event.type}))
        else:
            typer.echo(
                f"{letter.id[:12]}  {letter.parked_at[:19]}  {letter.stage}  {letter.attempts} attempts"
                f"  {letter.event.key[:12]}  {letter.error}"
            )


@store_app.command("gc", epilog=examples.STORE_GC)
def store_gc(
    folder: Annotated[Path | None, typer.Argument(help="A dataset folder.", show_default=False)] = None,
    events: Annotated[str, typer.Option(envvar="CELSTREAM_EVENTS", help="URL of the event log.")] = "",
    artefacts: Annotated[str, typer.Option(envvar="CELSTREAM_ARTEFACTS", help="URL of the artefact store.")] = "",
    grace_hours: Annotated[float, typer.Option(help="What was stored within it stays; not in a folder.")] = 24.0,
    withdrawn: Annotated[
        bool, typer.Option("--withdrawn", help="Remove what newer results have replaced, too; a folder's always goes.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Remove from the artefact store what no event names: what aborted attempts left, and what was taken down."""
    from celstream.store import Lines, collect_folder, collect_store, summed_up

    told = Lines(lambda line: typer.echo(line, err=True))
    with one_line_for_a_person():
        try:
            if folder is not None:
                found = collect_folder(folder, dry_run=dry_run, told=told)
            else:
                found = collect_store(
                    events, artefacts, grace_hours=grace_hours, dry_run=dry_run, withdrawn=withdrawn, told=told
                )
        except KeyboardInterrupt as interrupted:
            typer.echo("Interrupted. The same command goes on.", err=True)
            raise typer.Exit(128 + signal.SIGINT) from interrupted
        typer.echo(
            json_lines.dumps({**asdict(found), "dry_run": dry_run}) if json else summed_up(found, dry_run=dry_run)
        )
