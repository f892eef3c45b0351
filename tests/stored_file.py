"""A process that stores a file, or reads one back to its end: `put STORE FILE`, `pipe STORE FILE`, `get STORE SHA256`.

`pipe` gives the file as a stream that comes once. Prints the SHA-256. What is read is checked by the store itself.
"""

import io
import sys
from pathlib import Path
from typing import BinaryIO, cast

from celstream_platform.artefacts import open_artefact_store
from celstream_protos.v1.envelope_pb2 import ArtefactRef


class Once(io.FileIO):
    """A file that cannot be rewound."""

    def seekable(self) -> bool:
        return False


def main() -> None:
    doing, url, what = sys.argv[1:]
    store = open_artefact_store(url)
    match doing:
        case "put":
            ref = store.put(Path(what), "video/mp4")
        case "pipe":
            ref = store.put(cast(BinaryIO, Once(what)), "video/mp4")
        case "get":
            ref = ArtefactRef(sha256=what)
            with store.open(ref) as stream:
                while stream.read(1 << 20):
                    pass
        case _:
            raise SystemExit(f"{doing}: give put, pipe or get")
    print(ref.sha256)


if __name__ == "__main__":
    main()
