"""What a release's notes tell people to do, done: each command as it is printed, by a shell."""

import os
import re
import subprocess
import sys
from pathlib import Path

from celstream_cluster import tools
from celstream_stack.ports import free_port

from tests.cluster.cluster import INSTALLED, Cluster, forwarding

COMMAND = re.compile(r"^ {2}(\S.*)$", re.MULTILINE)
FORWARDED = f"service/{INSTALLED}-catalog "
HERE = "localhost:"
PORT = "50051"


def submitted(release: Cluster, film: Path) -> str:
    """What `celstream submit --watch` says of a film in a folder where all is done that the notes say, to its end.

    film: of the name that they give it. They forward to port 50051, which another may have: it is a free one here.
    """
    assert film.name == "film.mp4"
    told = COMMAND.findall(release.helm("get", "notes", INSTALLED).stdout)
    forward, *others = (command for command in told if not command.startswith("helm test "))
    own = free_port()
    assert f"{FORWARDED}{PORT}" in forward
    assert others[-1].count(f"{HERE}{PORT}") == 1
    kubectl = tools.install().kubectl
    program, *arguments = forward.replace(f"{FORWARDED}{PORT}", f"{FORWARDED}{own}:{PORT}").split()
    assert program == kubectl.name
    with forwarding([str(kubectl), *arguments], own):
        return _by_a_shell([one.replace(f"{HERE}{PORT}", f"{HERE}{own}") for one in others], film.parent)


def _by_a_shell(commands: list[str], folder: Path) -> str:
    programs = f"{tools.install().kubectl.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    said = subprocess.run(
        ["bash", "-ec", "\n".join(commands)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PATH": programs},
    )
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout
