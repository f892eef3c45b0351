"""The command `celstream models`: whether a model server's models answer, each asked for an inference of zeros."""

import json as json_lines
from typing import Annotated

import typer

from celstream.one_line import SOME_BAD, one_line_for_a_person


def models(
    server: Annotated[
        str,
        typer.Argument(
            envvar="CELSTREAM_MODELS", help="triton://HOST:PORT, or onnx:///FOLDER.", show_default="CELSTREAM_MODELS"
        ),
    ],
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line on standard output, and nothing else there.")
    ] = False,
) -> None:
    """Ask every model of a model server for an answer, and say which file it is."""
    from celstream_platform.models import open_model_server

    with one_line_for_a_person():
        opened = open_model_server(server)
        try:
            found = [(name, version, opened.ready(name, version)) for name, version in opened.served()]
            if not found:
                raise ValueError(f"{server}: serves no model. Install models into its repository, or load them.")
            for name, version, answers in found:
                digest = opened.digest(name, version)
                said = {"model": name, "version": version, "answers": answers, "sha256": digest}
                line = f"{name} {version}: {'answers' if answers else 'DOES NOT ANSWER'}, SHA-256 {digest}"
                typer.echo(json_lines.dumps(said) if json else line)
        finally:
            opened.close()
    if not all(answers for _, _, answers in found):
        raise typer.Exit(SOME_BAD)
