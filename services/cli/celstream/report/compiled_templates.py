"""Compiled templates: kept beside the templates, as Python keeps its modules; compiling takes as long as the tables.

Where the folder cannot be written, they are compiled each time.
"""

from contextlib import suppress
from pathlib import Path

from jinja2.bccache import Bucket, FileSystemBytecodeCache


class CompiledTemplates(FileSystemBytecodeCache):
    """Keeps what jinja compiled in the `__pycache__` of a folder of templates."""

    def __init__(self, templates: Path) -> None:
        super().__init__(str(templates / "__pycache__"), "%s.jinja")

    def load_bytecode(self, bucket: Bucket) -> None:
        """See jinja2."""
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """See jinja2; a folder of somebody else, or a full disk, is no reason to write no report."""
        with suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)
