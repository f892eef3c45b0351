"""The command `celstream-cluster`: install the tools, make the chart's pages."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from celstream_stack.errors import StackError

from celstream_cluster import chart_values, schemas, tools

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The tools around the chart.")
Chart = Annotated[Path, typer.Option(help="Folder of the chart.")]


@app.command()
def install() -> None:
    """Fetch Helm, kubectl and the schemas that manifests are checked by."""
    found = tools.install()
    schemas.install()
    typer.echo(f"helm: {found.helm}\nkubectl: {found.kubectl}")


@app.command()
def values(chart: Chart = Path("charts/celstream")) -> None:
    """Make README.md and values.schema.json of values.yaml."""
    for path, content in chart_values.files(chart).items():
        path.write_text(content)
        typer.echo(str(path))


def main() -> None:
    """Run the command; what a person can mend is one line."""
    try:
        app()
    except StackError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
