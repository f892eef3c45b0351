"""Stored ahead: the files of clips go into the store as soon as a process has made them, before their turn comes.

Of two processes that read a footage side by side, the results of the second are taken when the first has ended: until
then there is time to store its files. What is stored already when its turn comes is not stored again.
"""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from celstream_platform.artefacts.port import ArtefactStore
from celstream_protos.v1.envelope_pb2 import ArtefactRef

from celstream_segmenter.clip_events import PICTURE_TYPE, THUMBNAIL_TYPE, VIDEO_TYPE
from celstream_segmenter.found import ClipMade, FoundInShare


class StoredAhead:
    """A store that has some files already."""

    def __init__(self, store: ArtefactStore) -> None:
        self._store = store
        self._stored: dict[Path, ArtefactRef] = {}

    def ahead(self, found: Generator[FoundInShare, None, None]) -> Generator[FoundInShare, None, None]:
        """The same results; the files of a clip are stored before it comes. For use from several threads.

        Raises Unavailable where the store does not take them.
        """
        with closing(found):
            for one in found:
                if isinstance(one, ClipMade):
                    self._store_files(one)
                yield one

    def _store_files(self, made: ClipMade) -> None:
        stills = [(still, PICTURE_TYPE) for still in (made.first_frame, made.last_frame) if still]
        for name, media_type in ((made.video, VIDEO_TYPE), (made.thumbnail, THUMBNAIL_TYPE), *stills):
            self._stored[Path(name)] = self._store.put(Path(name), media_type)

    def put(self, path: Path, media_type: str) -> ArtefactRef:
        """What the file is stored as."""
        return self._stored.pop(path, None) or self._store.put(path, media_type)
