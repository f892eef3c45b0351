"""Running the tools that install servers, each with one line of advice where it is missing or fails."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
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

    Everything it says is kept in `log`. Where this process is told to end meanwhile, and that raises, the command ends
    with all that it has started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        as_user(user, [str(part) for part in command]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
        cwd=cwd,  # not the caller's: another user may not read it
    ) as process:
        try:
            out, err = process.communicate(timeout=LONGEST_INSTALL_SECONDS)
        except subprocess.TimeoutExpired as error:
            _kill_tree(process.pid)
            raise StackError(
                f"{server}: {command[0]} did not end in {LONGEST_INSTALL_SECONDS} s. "
                "Look at the network, then try again."
            ) from error
        except BaseException:
            _kill_tree(process.pid)
            raise
    log.write_text(f"$ {' '.join(map(str, command))}\n{out}{err}")
    if process.returncode != 0:
        said = (err.strip() or out.strip() or "it said nothing").splitlines()[-1]
        raise StackError(f"{server}: {Path(command[0]).name} failed ({said}). Read {log}.")
    return out


def end_all() -> None:
    """Kill all commands that this process has started, with all below them, so that whatever waits for them ends.

    Servers go on: each is a session of its own.
    """
    for number in list(_children(os.getpid())):
        with suppress(ProcessLookupError):
            if os.getsid(number) == os.getsid(0):
                _kill_tree(number)


def _kill_tree(top: int) -> None:
    """Kill a child of ours with all below it: a compiler's driver leaves its compilers to themselves."""
    tree = [top]
    for number in tree:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGSTOP)  # so that it starts no others while we look
        tree += _children(number)
    for number in tree:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGKILL)


def _children(number: int) -> Iterator[int]:
    for children in Path(f"/proc/{number}/task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, children.read_text().split())


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
