"""The command `celstream-cluster`: a node on this machine; the tools around the chart; the chart's pages."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from celstream_stack.command import run_command
from celstream_stack.errors import StackError

from celstream_cluster import chart_values, cluster, evidence, machine, places, schemas, tools, traces

FAILED = 1
TERMINATED = 128 + signal.SIGTERM
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="A Kubernetes of this machine with the chart on it, and the tools around the chart.",
)
Chart = Annotated[Path, typer.Option(help="Folder of the chart.")]
State = Annotated[Path | None, typer.Option(help="Folder of the node.", show_default="in cache")]
Source = Annotated[Path, typer.Option(help="Folder of the repository: images and chart are made of it.")]


@app.command()
def build(state: State = None, source: Source = Path()) -> None:
    """Build and fetch all that a node and its release are made of, once, into the cache."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # what builds, and the engine, end with it
    cluster.build(state or places.default_state(), source.absolute(), typer.echo)


@app.command()
def check() -> None:
    """Whether this machine can be a node. Exits with 2 and says why where it cannot."""
    machine.refuse_hopeless()


@app.command()
def up(state: State = None, source: Source = Path()) -> None:
    """Bring up node, servers and a release of the chart, and let footage go through."""
    where = state or places.default_state()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # what it has begun ends with it, but for servers
    try:
        cluster.up(where, source.absolute(), typer.echo)
    except StackError:
        typer.echo(f"It did not come up. Logs: {where}. All away: celstream-cluster down.", err=True)
        raise


@app.command()
def down(state: State = None) -> None:
    """Take all of it away: processes, mounts, interfaces, rules, files."""
    cluster.down(state or places.default_state(), typer.echo)


@app.command()
def status(state: State = None) -> None:
    """Who works. Exits with 1 where somebody does not."""
    found = cluster.status(state or places.default_state())
    for name, works in found.items():
        typer.echo(f"{name}: {'works' if works else 'does not work'}")
    if not found or not all(found.values()):
        raise typer.Exit(1)


@app.command("run", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def during(context: typer.Context, state: State = None, source: Source = Path()) -> None:
    """Bring a cluster up, run a command on it, take it away whatever happens; exits as the command does."""
    where = state or places.default_state()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # it is taken away then as well
    machine.refuse_hopeless()
    cluster.build_programs(typer.echo)
    before = traces.found(where)
    ended = FAILED
    try:
        cluster.up(where, source.absolute(), typer.echo)
        ended = subprocess.run(context.args, env=os.environ | cluster.variables(where), check=False).returncode
    finally:
        if ended != 0:
            typer.echo(f"It failed. What everybody said: {evidence.keep(where)}", err=True)
        cluster.down(where, typer.echo)
    left = sorted(traces.found(where) - before)
    if left:
        raise StackError(f"The node left {len(left)} traces, or others made them meanwhile: {'; '.join(left)}.")
    raise typer.Exit(ended)


@app.command("engine", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def with_engine(context: typer.Context, state: State = None) -> None:
    """Run a command with a container engine of its own, such as `make images`; exits as the command does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    raise typer.Exit(cluster.with_engine(state or places.default_state(), context.args))


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
    """Run the command."""
    run_command(app)


if __name__ == "__main__":
    main()
