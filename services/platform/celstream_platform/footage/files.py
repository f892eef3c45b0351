"""Files as they are given: whether one can be read at all, and the hash that names its bytes."""

import hashlib
import stat
from pathlib import Path

from celstream_platform.errors import Invalid, NotFound

ADVICE = "Give a file with moving pictures."


def check_file(path: Path, name: str = "") -> int:
    """Size in bytes of a regular file that can be read and is not empty.

    name: what to call it in a complaint; the path's last part where empty. Raises NotFound, Invalid.
    """
    name = name or path.name or str(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise Invalid(f"{name}: is a folder. {ADVICE}")
        if not stat.S_ISREG(status.st_mode):
            raise Invalid(f"{name}: is not a regular file (device, pipe or socket). {ADVICE}")
        if status.st_size == 0:
            raise Invalid(f"{name}: is empty (0 bytes). {ADVICE}")
        with path.open("rb"):
            return status.st_size
    except FileNotFoundError as error:
        raise NotFound(f"{name}: no such file. Check the path.") from error
    except OSError as error:
        raise Invalid(f"{name}: cannot be read ({error.strerror}). Check its permissions.") from error


def hash_file(path: Path) -> tuple[str, int]:
    """(SHA-256 as 64 hexadecimal digits, size in bytes) of a file, read once. Raises NotFound, Invalid."""
    check_file(path)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            return digest.hexdigest(), file.tell()
    except OSError as error:
        raise Invalid(f"{path.name}: cannot be read ({error.strerror}). Check the disk.") from error
