"""The command `celstream canary`: how well the levels do on footage with known truth, here or elsewhere."""

import json as json_lines
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from celstream.one_line import one_line_for_a_person
from celstream.remote_options import CaFile, CertificateFile, KeyFile, ServerName, TokenFile

if TYPE_CHECKING:
    from celstream_protos.v1.evaluation_pb2 import Evaluation, Score

    from celstream.canary_film import CanaryFilm
    from celstream.remote import Remote

BELOW = 3


def canary(
    to: Annotated[str, typer.Option(help="A catalog elsewhere, HOST:PORT.", show_default="none")] = "",
    out: Annotated[Path | None, typer.Option(help="Or a dataset folder on this machine.", show_default="none")] = None,
    name: Annotated[
        str, typer.Option(envvar="CELSTREAM_CANARY_NAME", help="Its name.", show_default="canary-, and the minute")
    ] = "",
    seconds: Annotated[float, typer.Option(min=2.0, max=600.0, help="About how long the film is.")] = 20.0,
    strict: Annotated[bool, typer.Option("--strict", help="Fail where a score is below its least.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, and nothing else on standard output.")] = False,
    ca_file: CaFile = None,
    certificate_file: CertificateFile = None,
    key_file: KeyFile = None,
    token_file: TokenFile = None,
    server_name: ServerName = "",
) -> None:
    """Send rendered footage through the levels, and say how much of its truth they find."""
    from celstream.interruption import Interrupted
    from celstream.remote import Remote

    try:
        with one_line_for_a_person():
            if bool(to) == bool(out):
                raise ValueError("canary: where? Give either --to HOST:PORT, or --out FOLDER.")
            remote = Remote(to, ca_file, token_file, certificate_file, key_file, server_name) if to else None
            film, found = _evaluate(name, seconds, remote, out)
    except (KeyboardInterrupt, Interrupted) as interrupted:
        typer.echo("Interrupted. The same name goes on.", err=True)
        raise typer.Exit(128 + getattr(interrupted, "signal", signal.SIGINT)) from interrupted
    typer.echo(_as_json(film, found) if json else _as_table(film, found))
    if strict and any(f1(score) < score.least_f1 for score in found.scores):
        raise typer.Exit(BELOW)


def _evaluate(name: str, seconds: float, remote: "Remote | None", out: Path | None) -> "tuple[CanaryFilm, Evaluation]":
    from celstream.canary import canary_name, try_elsewhere, try_here
    from celstream.canary_film import render_canary
    from celstream.folder import DatasetFolder

    def say(words: str) -> None:
        typer.echo(words, err=True)

    name = canary_name(name)
    say(f"Rendering {name} …")
    if remote is not None:
        with tempfile.TemporaryDirectory(prefix="celstream-canary-") as folder:
            film = render_canary(name, Path(folder), seconds)
            return film, try_elsewhere(film, remote, say)
    assert out is not None
    state = DatasetFolder(out)
    state.create()
    films = state.state / "canaries"  # the store refers to it there
    films.mkdir(exist_ok=True)
    film = render_canary(name, films, seconds)
    return film, try_here(film, out)


def f1(score: "Score") -> float:
    """Harmonic mean of recall and precision; 1 where there was nothing to find and nothing was found."""
    of = score.expected + score.given
    return 2 * score.right / of if of else 1.0


def _as_json(film: "CanaryFilm", found: "Evaluation") -> str:
    said = {
        "canary": found.name,
        "seed": film.seed,
        "frames": film.frames,
        "shots": film.shots,
        "footage_id": found.footage_id,
        "finish_seconds": round(found.finish_seconds, 3),
        "scores": [
            {
                "level": one.level,
                "subject": one.subject,
                "expected": one.expected,
                "given": one.given,
                "right": one.right,
                "f1": round(f1(one), 4),
                "least_f1": one.least_f1,
            }
            for one in found.scores
        ],
    }
    return json_lines.dumps(said)


def _as_table(film: "CanaryFilm", found: "Evaluation") -> str:
    lines = [
        f"{found.name}: {film.frames} frames, {film.shots} shots, seed {film.seed}; "
        f"finished in {found.finish_seconds:.1f} s",
        f"{'level':8} {'what':10} {'in truth':>9} {'made':>6} {'right':>6} {'F1':>7} {'least':>6}",
    ]
    for one in found.scores:
        counts = f"{one.expected:9} {one.given:6} {one.right:6}"
        lines.append(f"{one.level:8} {one.subject:10} {counts} {f1(one):7.3f} {one.least_f1:6.2f}")
    return "\n".join(lines)
