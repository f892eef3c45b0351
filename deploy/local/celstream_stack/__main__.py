"""The command `celstream-stack`: up, down, status, logs, scrape, compose, bucket, install."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from celstream_stack import compose as compose_file
from celstream_stack.bucket import ROOT, USERS, make_bucket
from celstream_stack.command import run_command
from celstream_stack.errors import StackError
from celstream_stack.places import cache, default_state
from celstream_stack.stack import SERVERS, Stack

NAMES = ", ".join(SERVERS)
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # it would show secrets
    help=f"The real servers as processes of this machine: {NAMES}.",
)
Servers = Annotated[list[str] | None, typer.Argument(help=f"Some of {NAMES}; all where none is given.")]
State = Annotated[Path | None, typer.Option(help="Folder of ports, secrets, data and logs.", show_default="in cache")]


def _stack(state: Path | None) -> Stack:
    return Stack(state or default_state(), cache())


def _say(line: str) -> None:
    typer.echo(line)


@app.command()
def up(servers: Servers = None, state: State = None) -> None:
    """Install what is missing, start what does not run, wait until all is ready."""
    stack = _stack(state)
    begin = time.monotonic()
    stack.up(servers or list(SERVERS))
    for one in stack.status():
        _say(f"{one.server}: {'ready' if one.ready else 'not ready'} (process {one.pid})")
    _say(f"{time.monotonic() - begin:.1f} s. Variables of the services: set -a; . {stack.env_file}; set +a")
    _say(f"One service's own keys, after these: {stack.env_file}.SERVICE")


@app.command()
def down(
    servers: Servers = None,
    state: State = None,
    remove: Annotated[bool, typer.Option(help="Forget data, logs and secrets as well.")] = False,
) -> None:
    """End the servers; data and ports stay for the next time."""
    stack = _stack(state)
    for name in stack.down(servers or []):
        _say(f"{name}: ended")
    if remove:
        stack.remove()


@app.command()
def status(state: State = None) -> None:
    """Who runs, and who is ready. Exits with 1 where somebody is not."""
    found = _stack(state).status()
    for one in found:
        how = "ready" if one.ready else "not ready" if one.pid else "down"
        _say(f"{one.server}: {how}" + (f" (process {one.pid})" if one.pid else ""))
    if not found or not all(one.ready for one in found):
        raise typer.Exit(1)


@app.command()
def logs(
    server: Annotated[str, typer.Argument(help=f"One of {NAMES}.")],
    state: State = None,
    lines: Annotated[int, typer.Option(help="How many of the last lines.")] = 50,
) -> None:
    """What a server said last."""
    for line in _stack(state).log(server).read_text(errors="replace").splitlines()[-lines:]:
        _say(line)


@app.command()
def scrape(
    job: Annotated[str, typer.Argument(help="Name of the service.")],
    places: Annotated[list[str] | None, typer.Argument(help="Its metrics, HOST:PORT; none: forget it.")] = None,
    state: State = None,
) -> None:
    """Let Prometheus scrape a service, from now on and after a restart."""
    _stack(state).scrape(job, places or [])


@app.command()
def compose() -> None:
    """Print the same stack for a container engine: what deploy/compose.yaml holds."""
    _say(compose_file.compose().rstrip())


@app.command()
def bucket(address: Annotated[str, typer.Argument(help="A MinIO that somebody else started, HOST:PORT.")]) -> None:
    """Make the bucket, its users and their rights. Passwords: MINIO_ROOT_PASSWORD, MINIO_CATALOG_PASSWORD, …."""
    names = {ROOT: "MINIO_ROOT_PASSWORD"} | {user: compose_file.password_variable(user) for user in USERS}
    missing = sorted(name for name in names.values() if not os.environ.get(name))
    if missing:
        raise StackError(f"{', '.join(missing)}: not set. Give each a secret, for example of openssl rand -hex 16.")
    make_bucket(address, {user: os.environ[name] for user, name in names.items()})
    _say(f"{address}: the bucket is there, with {', '.join(USERS)}")


@app.command()
def install(servers: Servers = None) -> None:
    """Install without starting."""
    _stack(None).install(servers or list(SERVERS))


def main() -> None:
    """Run the command."""
    run_command(app)


if __name__ == "__main__":
    main()
