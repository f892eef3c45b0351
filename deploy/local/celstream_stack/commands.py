"""Running the tools that install servers, each with one line of advice where it is missing or fails."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from celstream_stack.errors import StackError

LONGEST_INSTALL_SECONDS = 3600  # MinIO is compiled: minutes on two idle cores, more on busy ones


def need(tool: str, server: str, advice: str) -> str:
    """The path of a tool. Raises StackError where it is not installed."""
    found = shutil.which(tool)
    if found is None:
        raise StackError(f"{server}: {tool} not found. {advice}")
    return found


def run(
    server: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    cwd: Path = Path("/"),
) -> str:
    """Run a command to its end, as `user` where one is given; its standard output. Raises StackError.

    Everything it says is kept in `log`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        ended = subprocess.run(
            as_user(user, [str(part) for part in command]),
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            timeout=LONGEST_INSTALL_SECONDS,
            cwd=cwd,  # not the caller's: another user may not read it
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(
            f"{server}: {command[0]} did not end in {LONGEST_INSTALL_SECONDS} s. Look at the network, then try again."
        ) from error
    log.write_text(f"$ {' '.join(map(str, command))}\n{ended.stdout}{ended.stderr}")
    if ended.returncode != 0:
        said = (ended.stderr.strip() or ended.stdout.strip() or "it said nothing").splitlines()[-1]
        raise StackError(f"{server}: {Path(command[0]).name} failed ({said}). Read {log}.")
    return ended.stdout


def as_user(user: str | None, command: list[str]) -> list[str]:
    """The command, which becomes another user by itself. Raises StackError.

    Were it made one by `subprocess`, that would fork: then gRPC may crash the child of a process that uses it.
    """
    if user is None:
        return command
    setpriv = need("setpriv", user, "Install util-linux, or become another user than root.")
    account = pwd.getpwnam(user)
    return [setpriv, f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--", *command]


def politely(command: Sequence[str | Path]) -> list[str | Path]:
    """The command at the lowest priority: an installation must not slow down what runs beside it."""
    return [*(("nice", "-n", "19") if shutil.which("nice") else ()), *command]
