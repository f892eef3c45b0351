"""Ports and secrets of a server: drawn once, by itself or by another server that has to know them first, and kept."""

import json
from pathlib import Path

from celstream_stack.places import PASSABLE_FOLDER
from celstream_stack.ports import LOOPBACK
from celstream_stack.server import Server

FILE = "settings.json"
SECRET_FILE = 0o600


def draw(server: Server, stack: Path, **given: str) -> dict[str, str]:
    """A server's settings in a stack's folder; what was never drawn is drawn now, and what is given wins."""
    folder = stack / server.name
    folder.mkdir(mode=PASSABLE_FOLDER, exist_ok=True)
    folder.chmod(PASSABLE_FOLDER)
    kept = read(server, stack) if (folder / FILE).exists() else {}
    settings = server.new_settings() | kept | given  # a newer version of ours may know more of them
    if settings != kept:
        (folder / FILE).touch(SECRET_FILE)
        (folder / FILE).write_text(json.dumps(settings, indent=1))
    return settings


def read(server: Server, stack: Path) -> dict[str, str]:
    """A server's settings that were drawn before."""
    settings: dict[str, str] = json.loads((stack / server.name / FILE).read_text())
    return {"host": LOOPBACK} | settings  # those of an older version of ours knew no other
