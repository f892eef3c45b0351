"""The artefact store in a directory, for one machine: `ab/cdef…` holds the bytes whose SHA-256 is abcdef….

Order of a put: write `incoming/…`, fsync, rename into place, fsync the folder. So whatever has a name is whole, also
after a power cut, and what an aborted attempt left lies in `incoming/` alone. A large local file can be adopted:
`ab/cdef….link` says where it is and how it looked; once it looks different the artefact is not there any more.
"""

import errno
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import BinaryIO

from celstream_protos.v1.envelope_pb2 import ArtefactRef

from celstream_platform import metrics
from celstream_platform.artefacts.measured import measured
from celstream_platform.artefacts.port import Stored
from celstream_platform.artefacts.verified import VerifiedReader
from celstream_platform.errors import Invalid, NotFound, Unavailable

BLOCK_BYTES = 1 << 20
FILE_MODE = 0o644
LINK = ".link"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class DirectoryStore:
    """Artefacts under one directory."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._incoming = self._root / "incoming"
        with self._writing():
            self._incoming.mkdir(parents=True, exist_ok=True)

    def put(self, source: bytes | Path | BinaryIO, media_type: str) -> ArtefactRef:
        """See the port."""
        with measured("put"):
            if isinstance(source, Path):
                with opened(source) as stream:
                    return self._put_stream(stream, media_type)
            return self._put_stream(BytesIO(source) if isinstance(source, bytes) else source, media_type)

    def adopt(self, path: Path, media_type: str) -> ArtefactRef:
        """See the port. The file is read once, for its hash; it must stay where it is, unchanged."""
        path = path.absolute()
        with measured("adopt"), opened(path) as stream:
            before = os.fstat(stream.fileno())
            sha256 = hashlib.file_digest(stream, hashlib.sha256).hexdigest()
            after = os.fstat(stream.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise Invalid(f"{path}: changed while it was read. Give it again once it is complete.")
        ref = ArtefactRef(sha256=sha256, size=after.st_size, media_type=media_type)
        if self._place(ref).exists():
            self.renew(ref)
        else:
            link = {"path": str(path), "size": after.st_size, "modified_ns": after.st_mtime_ns}
            self._write(BytesIO(json.dumps(link).encode()), lambda _: self._link(ref))
        return ref

    def open(self, ref: ArtefactRef) -> BinaryIO:
        """See the port. Raises Invalid at the end of a read whose bytes are not those of the name."""
        with measured("open"):
            path = self._find(ref)
            try:
                stream = path.open("rb")
            except OSError as error:
                raise Unavailable(f"{path}: cannot be read: {error.strerror}. Check its permissions.") from error
            return BufferedReader(VerifiedReader(stream, ref.sha256, str(path)), BLOCK_BYTES)

    @contextmanager
    def local(self, ref: ArtefactRef) -> Iterator[Path]:
        """See the port. It is the stored or adopted file itself; its size is checked, its bytes are not."""
        with measured("local"):
            path = self._find(ref)
        yield path

    def stat(self, ref: ArtefactRef) -> int | None:
        """See the port."""
        try:
            return self._find(ref).stat().st_size
        except (NotFound, FileNotFoundError):
            return None

    def presign(self, ref: ArtefactRef, seconds: int) -> str:
        """See the port. A file: URL, which needs no signature and does not run out."""
        return self._find(ref).as_uri()

    def delete(self, ref: ArtefactRef) -> None:
        """See the port. An adopted original stays where it is."""
        with measured("delete"), self._writing():
            self._place(ref).unlink(missing_ok=True)
            self._link(ref).unlink(missing_ok=True)

    def renew(self, ref: ArtefactRef) -> bool:
        """See the port."""
        with self._writing():
            found = [path for path in (self._place(ref), self._link(ref)) if path.exists()]
            for path in found:
                os.utime(path)
        return bool(found)

    def listed(self) -> Iterator[Stored]:
        """See the port. An adopted file counts by its link."""
        with self._writing():
            for path in sorted(self._root.iterdir()):
                if path.is_dir() and (path == self._incoming or re.fullmatch("[0-9a-f]{2}", path.name)):
                    yield from self._listed_in(path)

    def remove(self, stored: Stored) -> bool:
        """See the port."""
        with self._writing():
            for path in self._paths_of(stored):
                with suppress(FileNotFoundError):  # somebody else was faster
                    if path.stat().st_mtime == stored.modified_seconds:
                        path.unlink()
                        return True
        return False

    def sweep(self, grace_seconds: float) -> int:
        """Remove what aborted attempts left half stored and has not changed for `grace_seconds`; how many files."""
        limit = time.time() - grace_seconds
        halves = [stored for stored in self._listed_in(self._incoming) if stored.modified_seconds < limit]
        return sum(map(self.remove, halves))

    def _listed_in(self, folder: Path) -> Iterator[Stored]:
        with self._writing():
            for path in folder.iterdir():
                name = f"{folder.name}/{path.name}" if folder == self._incoming else folder.name + path.stem
                if folder != self._incoming and not re.fullmatch("[0-9a-f]{64}", name):
                    continue  # not ours
                with suppress(FileNotFoundError):  # its writer has finished in between
                    status = path.stat()
                    yield Stored(name, status.st_size, status.st_mtime)

    def _paths_of(self, stored: Stored) -> list[Path]:
        if stored.is_half:
            return [self._root / stored.name]
        ref = ArtefactRef(sha256=stored.name)
        return [self._place(ref), self._link(ref)]

    def _put_stream(self, stream: BinaryIO, media_type: str) -> ArtefactRef:
        sha256, size = self._write(stream, lambda sha256: self._place(ArtefactRef(sha256=sha256)))
        metrics.ARTEFACT_BYTES.labels("put").inc(size)
        return ArtefactRef(sha256=sha256, size=size, media_type=media_type)

    def _write(self, stream: BinaryIO, place: Callable[[str], Path]) -> tuple[str, int]:
        """Write a stream under the name that `place` gives for its SHA-256. Returns SHA-256 and size."""
        with self._writing():
            descriptor, name = tempfile.mkstemp(dir=self._incoming, prefix=f"{os.getpid()}-")
        temporary = Path(name)
        try:
            sha256, size = self._fill(descriptor, stream)
            with self._writing():
                self._name(temporary, place(sha256), size)
        except BaseException:
            with suppress(OSError):  # the first error says more; a sweep finds what stays
                temporary.unlink()
            raise
        return sha256, size

    def _fill(self, descriptor: int, stream: BinaryIO) -> tuple[str, int]:
        hasher, size = hashlib.sha256(), 0
        try:
            while block := stream.read(BLOCK_BYTES):
                hasher.update(block)
                size += len(block)
                with self._writing():
                    rest = memoryview(block)
                    while rest:
                        rest = rest[os.write(descriptor, rest) :]
            with self._writing():
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return hasher.hexdigest(), size

    def _name(self, temporary: Path, target: Path, size: int) -> None:
        """Rename into place, unless the same bytes are there: then those count as written now."""
        target.parent.mkdir(exist_ok=True)
        if target.suffix != LINK and target.exists() and target.stat().st_size == size:
            os.utime(target)
            temporary.unlink()
        else:
            temporary.chmod(FILE_MODE)
            temporary.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _find(self, ref: ArtefactRef) -> Path:
        """Where the bytes lie. Raises NotFound; Unavailable where an adopted file's folder is away."""
        place = self._place(ref)
        try:
            if place.exists():
                return self._checked(place, ref)
            link = json.loads(self._link(ref).read_bytes())
            original = Path(link["path"])
            seen = original.stat()
        except FileNotFoundError as error:
            if error.filename == str(self._link(ref)):
                raise NotFound(f"{ref.sha256}: no such artefact in {self._root}. Submit its footage again.") from None
            if not original.parent.is_dir():
                raise Unavailable(f"{original}: its folder is away. Mount or restore {original.parent}.") from None
            raise NotFound(f"{original}: adopted, but not there any more. Put it back, or submit it again.") from None
        except OSError as error:
            raise Unavailable(f"{self._root}: artefact cannot be read: {error}. Check its permissions.") from error
        if (seen.st_size, seen.st_mtime_ns) != (link["size"], link["modified_ns"]):
            raise NotFound(f"{original}: changed since it was adopted. Restore it, or submit it again.")
        return original

    def _checked(self, place: Path, ref: ArtefactRef) -> Path:
        size = place.stat().st_size
        if ref.size and size != ref.size:
            raise Invalid(f"{place}: {size} bytes, expected {ref.size}. It was damaged: delete it and store it again.")
        return place

    def _place(self, ref: ArtefactRef) -> Path:
        if not re.fullmatch("[0-9a-f]{64}", ref.sha256):
            raise Invalid(f"{ref.sha256!r}: not the name of an artefact. Give 64 lower-case hexadecimal digits.")
        return self._root / ref.sha256[:2] / ref.sha256[2:]

    def _link(self, ref: ArtefactRef) -> Path:
        return self._place(ref).with_suffix(LINK)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or str(error)
            if error.errno in _FULL:
                message = f"{self._root}: the artefact store is full ({why}). Free space, or give another place."
            elif error.errno in _FORBIDDEN:
                message = f"{self._root}: the artefact store cannot be written ({why}). Check its permissions."
            else:
                message = f"{self._root}: the artefact store does not answer ({why}). Check the directory."
            raise Unavailable(message) from error


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """A source file. Raises NotFound, or Invalid where it cannot be read."""
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"{path}: no such file. Give an existing one.") from error
    except OSError as error:
        raise Invalid(f"{path}: cannot be read ({error.strerror}). Give a file that can.") from error
    with stream:
        yield stream
