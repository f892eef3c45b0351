"""Packages of Debian, unpacked beside the other software, needing no rights and changing nothing of the machine.

Which archive is asked is the machine's own configuration, and apt checks its signatures.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from celstream_stack import commands


def download(server: str, packages: Sequence[str], folder: Path, *, advice: str, log: Path) -> list[Path]:
    """Download packages, `NAME` or `NAME=VERSION` each, into an empty folder. Raises StackError.

    server: for whom, in messages. advice: for machines without apt.
    """
    apt = commands.need("apt-get", server, advice)
    lists = folder / "lists"  # of our own: the machine's may be empty, and are not ours to write
    (lists / "partial").mkdir(parents=True)
    options = [
        *("-o", f"Dir::State::Lists={lists}"),
        *("-o", f"Dir::Cache={folder / 'cache'}"),
        *("-o", "Acquire::Languages=none"),
        *("-o", "APT::Sandbox::User=root"),  # its own user may not write here
    ]
    commands.run(server, commands.politely([apt, "-qq", *options, "update"]), log=log)
    commands.run(server, commands.politely([apt, "-qq", *options, "download", *packages]), log=log, cwd=folder)
    for left in (lists, folder / "cache"):
        shutil.rmtree(left, ignore_errors=True)
    return sorted(folder.glob("*.deb"))


def unpack(server: str, packages: Sequence[Path], folder: Path, *, advice: str, log: Path) -> None:
    """Unpack downloaded packages into a folder. Raises StackError."""
    dpkg = commands.need("dpkg-deb", server, advice)
    for package in packages:
        commands.run(server, [dpkg, "--extract", package, folder], log=log)
        package.unlink()
