"""The command `celstream`: what it can do, and with which exit code it ends."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from celstream_segmenter.rules import DetectorName

from celstream import examples
from celstream.canary_command import canary
from celstream.models_command import models
from celstream.one_line import FAULT, SOME_BAD, one_line_for_a_person
from celstream.options import DEFAULTS, RunOptions, Style
from celstream.processors import usable_processors
from celstream.remote_options import CaFile, CertificateFile, KeyFile, ServerName, TokenFile
from celstream.take_down_command import take_down
from celstream.upkeep_commands import dlq_app, store_app

if TYPE_CHECKING:
    from celstream.display import Display
    from celstream.remote_display import RemoteDisplay

JOBS = usable_processors()

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
HERE, ELSEWHERE, UPKEEP = "On this machine", "At a catalog that runs somewhere else", "In both places"
Out = Annotated[Path, typer.Option("--out", help="The dataset folder. What is there is gone on with.")]
Jobs = Annotated[int, typer.Option(min=1, help="Footages at a time.", show_default="one a processor")]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON object a line on standard output, and nothing else there.")
]
DetectorOption = Annotated[DetectorName, typer.Option(help="How transitions are found.")]
SecondOpinion = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Model server with TransNetV2, asked where the detector is unsure of a cut: onnx:///FOLDER or "
        "triton://HOST:PORT.",
        show_default="nobody is asked",
    ),
]
StyleOption = Annotated[Style, typer.Option(help="Where the drawing style comes from.")]
Work = Annotated[str, typer.Option(help="Film or series.", show_default="the file's name")]
License = Annotated[str, typer.Option(help="Licence of the footage (SPDX).", show_default="none")]


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"celstream {version('celstream')}")
        raise typer.Exit


@app.callback()
def celstream(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Cartoon footage to a hierarchical dataset."""


def _display(*, json: bool) -> "Display":
    from celstream.lines import JsonLines, PlainLines

    if json:
        return JsonLines(sys.stdout, sys.stderr)
    if not sys.stdout.isatty():
        return PlainLines(sys.stdout, sys.stderr)
    from rich.console import Console

    from celstream.terminal import TerminalDisplay

    return TerminalDisplay(Console())


@contextmanager
def _remote_display(*, json: bool) -> "Iterator[RemoteDisplay]":
    """Shows what happens elsewhere; what can be helped, and an interruption, ends it with one line."""
    from celstream.remote_display import RemoteJson, RemoteLines

    display: RemoteDisplay
    if json:
        display = RemoteJson(sys.stdout, sys.stderr)
    elif not sys.stdout.isatty():
        display = RemoteLines(sys.stdout, sys.stderr)
    else:
        from rich.console import Console

        from celstream.remote_terminal import RemoteTerminal

        display = RemoteTerminal(Console())
    try:
        with one_line_for_a_person():
            try:
                yield display
            finally:
                display.close()
    except KeyboardInterrupt as interrupted:
        typer.echo("Interrupted. The same command goes on.", err=True)
        raise typer.Exit(128 + signal.SIGINT) from interrupted


def _run(options: RunOptions, *, json: bool) -> None:
    from celstream.interruption import Interrupted
    from celstream.launch import run_footage

    display = _display(json=json)
    summary = None
    try:
        with one_line_for_a_person():
            summary = run_footage(options, display)
    except Interrupted as interrupted:
        display.note("Interrupted. What is done is kept; resume with the same command.")
        raise typer.Exit(128 + interrupted.signal) from interrupted
    finally:
        display.close(summary)
    if summary.parked:
        typer.echo(f"`celstream dlq list --at {options.out}` shows what went wrong.", err=True)
        raise typer.Exit(FAULT)
    if summary.failed:
        raise typer.Exit(SOME_BAD)


@app.command(epilog=examples.RUN, rich_help_panel=HERE)
def run(
    footage: Annotated[list[str], typer.Argument(help="Files, and folders to search.", show_default=False)],
    out: Out,
    until: Annotated[Literal["clips"], typer.Option(help="The level to stop after.")] = "clips",
    jobs: Jobs = JOBS,
    json: Json = False,
    detector: DetectorOption = DEFAULTS.detector,
    second_opinion: SecondOpinion = "",
    min_seconds: Annotated[float, typer.Option(help="A shorter shot is refused.")] = DEFAULTS.min_seconds,
    target_seconds: Annotated[
        float, typer.Option(help="A long shot is split into about this.")
    ] = DEFAULTS.target_seconds,
    max_seconds: Annotated[float, typer.Option(help="A longer shot is split.")] = DEFAULTS.max_seconds,
    style: StyleOption = "unspecified",
    work: Work = "",
    license: License = "",  # noqa: A002
) -> None:
    """Take footage to a dataset: lossless clips, what was rejected and why, a report to look through.

    The same command goes on where it was interrupted, and does nothing once all is done.
    """
    with one_line_for_a_person():
        options = RunOptions(
            footage=footage,
            out=out,
            until=until,
            jobs=jobs,
            detector=detector,
            second_opinion=second_opinion,
            min_seconds=min_seconds,
            target_seconds=target_seconds,
            max_seconds=max_seconds,
            style=style,
            work=work,
            license=license,
        )
    _run(options, json=json)


@app.command(epilog=examples.DEMO, rich_help_panel=HERE)
def demo(out: Out, jobs: Jobs = JOBS, json: Json = False, detector: DetectorOption = DEFAULTS.detector) -> None:
    """Render a demonstration film into OUT/footage, and take it to a dataset."""
    from celstream.demo import demo_footage
    from celstream.folder import DatasetFolder

    with one_line_for_a_person():
        DatasetFolder(out).create()
        film = demo_footage(out, lambda words: typer.echo(words, err=True))
    _run(
        RunOptions(footage=[film], out=out, jobs=jobs, detector=detector, style="rendered", license="Apache-2.0"),
        json=json,
    )


@app.command(epilog=examples.SHOTS, rich_help_panel=HERE)
def shots(
    footage: Annotated[Path, typer.Argument(help="A film.")],
    json: Json = False,
    detector: DetectorOption = DEFAULTS.detector,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Print what is measured of each shot as well: holds, camera, text, … From 720 rows on a picture is "
            "read less closely than by `run`: one hold in twenty may differ, neither being the better.",
        ),
    ] = False,
    second_opinion: SecondOpinion = "",
) -> None:
    """Print the shots of a film as they are found; write nothing."""
    from celstream_segmenter.rules import SegmentationRules

    from celstream.second_opinion import opened
    from celstream.shot_list import print_shots

    with one_line_for_a_person(), opened(second_opinion) as opinion:
        rules = SegmentationRules(detector=detector, second_opinion=opinion.model if opinion else None)
        answering = opinion.answering() if opinion else None
        print_shots(footage, rules, as_json=json, say=typer.echo, measured=measure, answering=answering)


@app.command(epilog=examples.REPORT, rich_help_panel=HERE)
def report(folder: Annotated[Path, typer.Argument(help="The dataset folder.")]) -> None:
    """Write a dataset's tables, clips and report anew from its state."""
    from celstream.pipeline import rebuild

    with one_line_for_a_person():
        typer.echo(rebuild(folder).report_page)


@app.command(epilog=examples.SUBMIT, rich_help_panel=ELSEWHERE)
def submit(
    footage: Annotated[list[str], typer.Argument(help="Files, and folders to search.", show_default=False)],
    to: Annotated[str, typer.Option(help="The catalog, HOST:PORT.", show_default=False)],
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it is finished.")] = False,
    json: Json = False,
    style: StyleOption = "unspecified",
    work: Work = "",
    license: License = "",  # noqa: A002
    ca_file: CaFile = None,
    certificate_file: CertificateFile = None,
    key_file: KeyFile = None,
    token_file: TokenFile = None,
    server_name: ServerName = "",
) -> None:
    """Send footage to a catalog that runs somewhere else. Bytes that it has already are not sent again."""
    from celstream.remote import Remote
    from celstream.remote_commands import described, submit_footage

    remote = Remote(to, ca_file, token_file, certificate_file, key_file, server_name)
    with _remote_display(json=json) as display:
        status = submit_footage(footage, remote, described(style, work, license), display, follow=watch)
    raise typer.Exit(status)


@app.command(epilog=examples.WATCH, rich_help_panel=ELSEWHERE)
def watch(
    at: Annotated[str, typer.Option(help="The catalog, HOST:PORT.", show_default=False)],
    footage_id: Annotated[str, typer.Argument(help="Start of a footage's id.", show_default="all footage")] = "",
    json: Json = False,
    ca_file: CaFile = None,
    certificate_file: CertificateFile = None,
    key_file: KeyFile = None,
    token_file: TokenFile = None,
    server_name: ServerName = "",
) -> None:
    """Follow footage through the levels at a catalog that runs somewhere else, until it is finished."""
    from celstream.remote import Remote
    from celstream.remote_commands import watch_footage

    remote = Remote(at, ca_file, token_file, certificate_file, key_file, server_name)
    with _remote_display(json=json) as display:
        status = watch_footage(footage_id, remote, display)
    raise typer.Exit(status)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
    rich_help_panel=HERE,
)
def render(context: typer.Context) -> None:
    """Render footage with exact truth (`celstream render --help`)."""
    from celstream_renderer.__main__ import app as renderer

    renderer(args=context.args, prog_name="celstream render")


app.command("take-down", epilog=examples.TAKE_DOWN, rich_help_panel=UPKEEP)(take_down)
app.command(epilog=examples.CANARY, rich_help_panel=UPKEEP)(canary)
app.add_typer(store_app, name="store", rich_help_panel=UPKEEP)
app.add_typer(dlq_app, name="dlq", rich_help_panel=UPKEEP)
app.command(epilog=examples.MODELS, rich_help_panel=UPKEEP)(models)
