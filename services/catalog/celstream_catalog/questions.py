"""What can be asked of the catalog: all of it reads one consistent state of the database.

All of it raises Unavailable where the database cannot be reached, Invalid for an unknown level.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import NotFound
from celstream_protos.v1.catalog_pb2 import FootageState, Funnel
from celstream_protos.v1.envelope_pb2 import ItemHeader, Outcome, Progress, Rejection, Review
from celstream_protos.v1.evaluation_pb2 import Evaluation
from google.protobuf.message import Message
from sqlalchemy import Connection, Engine

from celstream_catalog import queries
from celstream_catalog.balance import check_balance
from celstream_catalog.completion import Completion, completions
from celstream_catalog.corrections import ReviewStatus, review_status
from celstream_catalog.database import reading, unavailable
from celstream_catalog.evaluations import evaluations
from celstream_catalog.funnel import funnel, items_by_style
from celstream_catalog.levels import Chain
from celstream_catalog.progress import ProgressBoard
from celstream_catalog.queries import Attached, Parked

PART_BYTES = 1 << 20  # well below what a gRPC message may hold


@dataclass(frozen=True, slots=True)
class FootageEntry:
    """One footage that is in, and how far it is."""

    footage: Message
    completion: Completion = field(default_factory=Completion)


class Questions:
    """The projection of all topics, as far as it has come."""

    def __init__(self, engine: Engine, store: ArtefactStore, chain: Chain, board: ProgressBoard) -> None:
        self.chain = chain
        self._engine, self._store, self._board = engine, store, board

    def footages(self) -> list[FootageEntry]:
        """All footage that is in, by name; without canaries."""
        with self._reading() as connection:
            messages = queries.items(connection, self.chain, self.chain.root.name)
            found = completions(connection, self.chain)
        entries = [FootageEntry(message, found.get(_id(message), Completion())) for message in messages]
        return sorted(entries, key=lambda entry: (getattr(entry.footage, "name", ""), _id(entry.footage)))

    def completion(self, footage_id: str) -> Completion:
        """How far one footage is. Raises NotFound where it is not in."""
        with self._reading() as connection:
            queries.item(connection, self.chain, footage_id)
            return completions(connection, self.chain, footage_id).get(footage_id, Completion())

    def finished(self) -> bool:
        """Whether every footage that is in is finished."""
        with self._reading() as connection:
            return all(completion.finished for completion in completions(connection, self.chain).values())

    def funnel(self, footage_id: str | None = None, *, canaries: bool = False) -> Funnel:
        """How many inputs, items and rejections there are at each level, of one footage or of all.

        canaries: of all, whether canary footage counts as well; likewise below.
        """
        with self._reading() as connection:
            return funnel(connection, self.chain, footage_id, canaries=canaries)

    def items_by_style(self) -> dict[tuple[str, int], int]:
        """How many current items there are, by level and `FootageStyle` of their footage; without canaries."""
        with self._reading() as connection:
            return items_by_style(connection)

    def check_balance(self, footage_id: str | None = None) -> list[str]:
        """What does not add up, one line each; empty where every input has its outcome and all listed is stored."""
        with self._reading() as connection:
            return check_balance(connection, self.chain, footage_id)

    def items(self, level: str, footage_id: str | None = None, *, canaries: bool = False) -> list[Message]:
        """Current items of a level, in order of footage and frame."""
        with self._reading() as connection:
            return queries.items(connection, self.chain, level, footage_id, canaries=canaries)

    def near_duplicates(self) -> dict[str, str]:
        """Of each current clip that shows the same pictures as an earlier one, the first of them; by clip id."""
        from celstream_catalog.near_duplicates import fingerprint_of, first_of_same  # NumPy: large, and wanted by few

        return first_of_same(dict(map(fingerprint_of, self.items("clips"))))

    def page(
        self, level: str, footage_id: str | None, size: int, token: str, *, canaries: bool = False
    ) -> tuple[list[Message], str]:
        """Up to `size` current items after `token`, and the token of the next page, empty on the last one."""
        with self._reading() as connection:
            return queries.page(connection, self.chain, level, footage_id, size, token, canaries=canaries)

    def item(self, item_id: str) -> Message:
        """One current item. Raises NotFound."""
        with self._reading() as connection:
            return queries.item(connection, self.chain, item_id)

    def rejections(self, level: str | None = None, footage_id: str | None = None) -> list[Rejection]:
        """Current rejections, in order of footage and frame; of all footage, those of canaries are left out."""
        with self._reading() as connection:
            return queries.rejections(connection, level, footage_id)

    def attachments(self, name: str | None = None, footage_id: str | None = None) -> list[Attached]:
        """Attachments of current outcomes; of all footage, those of canaries are left out."""
        with self._reading() as connection:
            return queries.attachments(connection, name, footage_id)

    def attached_bytes(self, footage_id: str, name: str) -> Iterator[bytes]:
        """What current outcomes of a footage attach under a name, in parts. Raises NotFound where there is nothing."""
        found = self.attachments(name, footage_id)
        if not found:
            raise NotFound(f"{footage_id}: nothing called {name!r} is attached to it. Wait until it is finished.")
        for attached in found:
            with self._store.open(attached.artefact) as file:
                while part := file.read(PART_BYTES):
                    yield part

    def evaluations(self, benchmark: str, most: int | None = None) -> list[Evaluation]:
        """The evaluations of a benchmark, the latest first. most: no more than so many."""
        with self._reading() as connection:
            return evaluations(connection, benchmark, most)

    def parked(self, footage_id: str | None = None) -> list[Parked]:
        """Inputs that are in a dead-letter topic."""
        with self._reading() as connection:
            return queries.parked(connection, footage_id)

    def lineage(self, item_id: str) -> list[ItemHeader]:
        """Headers from the footage down to the item. Raises NotFound."""
        with self._reading() as connection:
            return queries.lineage(connection, self.chain, item_id)

    def versions(self, item_id: str) -> list[Message]:
        """History of an item: all its versions, oldest first."""
        with self._reading() as connection:
            return queries.versions(connection, self.chain, item_id)

    def outcomes(self, input_id: str) -> list[Outcome]:
        """History of an input: all its outcomes by stage, oldest first."""
        with self._reading() as connection:
            return queries.outcomes(connection, input_id)

    def reviews(self) -> list[tuple[Review, ReviewStatus]]:
        """Every review, with what has become of it."""
        with self._reading() as connection:
            return review_status(connection, self.chain)

    def progress(self, footage_id: str | None = None) -> list[Progress]:
        """What the stages work on now, as far as this process has seen it."""
        return self._board.of(footage_id)

    def state(self, footage_id: str) -> FootageState:
        """How far one footage is, with funnel and progress; footage that could not be read is finished, and rejected.

        Raises NotFound where it was never offered, or was taken down.
        """
        with self._reading() as connection:
            found = funnel(connection, self.chain, footage_id)
            refused = queries.rejections(connection, self.chain.root.name, footage_id)
            if refused:
                return FootageState(footage_id=footage_id, name=refused[0].footage_name, finished=True, funnel=found)
            footage = queries.item(connection, self.chain, footage_id)
            completion = completions(connection, self.chain, footage_id).get(footage_id, Completion())
        return FootageState(
            footage_id=footage_id,
            name=getattr(footage, "name", ""),
            finished=completion.finished,
            funnel=found,
            progress=self._board.of(footage_id),
        )

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with unavailable("catalog"), reading(self._engine) as connection:
            yield connection


def _id(message: Message) -> str:
    header: ItemHeader = message.item  # type: ignore[attr-defined]
    return header.id
