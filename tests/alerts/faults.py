"""The faults, each as a context: made when it begins, mended when it ends, as a runbook says."""

import io
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress

from celstream.dlq import Wanted, replay
from celstream_platform.models.triton import TritonOptions, TritonServer
from tritonclient.utils import InferenceServerException

from tests.alerts.choosy_model import CHOOSY, ROWS, row
from tests.alerts.studio import BUCKET, DISK_MEGABYTES, LONG_DAYS, Studio
from tests.end_to_end.taking_in import take_in
from tests.small_store import grow

FULL = 0.93  # of the store's disk
ASK_SECONDS = 0.05
OFFER_SECONDS = 1.0  # between two films: the store is nearly full


@contextmanager
def stopped_broker(studio: Studio) -> Iterator[None]:
    """The broker ends, and comes back with its data."""
    studio.stack.down(["kafka"])
    try:
        yield
    finally:
        studio.stack.up(["kafka"])


@contextmanager
def dead_letters(studio: Studio) -> Iterator[None]:
    """The segmenter's scratch folder is gone, as when a volume is unmounted; in the end the letters are replayed.

    Films come as long as it lasts: those of a moment that no scrape sees, or no evaluation, raise no rate.
    """
    shutil.rmtree(studio.scratch)
    before, ended = studio.films, threading.Event()

    def offer() -> None:
        while not ended.wait(OFFER_SECONDS):
            take_in(studio.new_film(), studio.services["catalog"].grpc)

    with ThreadPoolExecutor(1) as offering:
        offered = offering.submit(offer)
        try:
            yield
        finally:
            ended.set()
            offered.result()
            studio.scratch.mkdir()
            letters = replay(studio.addresses["CELSTREAM_EVENTS"], Wanted(stage="segmenter"))
            assert letters == studio.films - before


@contextmanager
def nearly_full_store(studio: Studio) -> Iterator[None]:
    """Something large fills the store's disk, which then gets more room."""
    size = int(FULL * DISK_MEGABYTES * 2**20)
    studio.store.put_object(BUCKET, "ballast", io.BytesIO(bytes(size)), size)
    try:
        yield
    finally:
        grow(studio.folder / "minio", 2 * DISK_MEGABYTES)


@contextmanager
def ending_certificate(studio: Studio) -> Iterator[None]:
    """A certificate that nobody renewed ends tomorrow; then somebody renews it."""
    studio.renew(days=1)
    try:
        yield
    finally:
        studio.renew(days=LONG_DAYS)


@contextmanager
def lost_row(studio: Studio) -> Iterator[None]:
    """A clip's row is lost from the catalog's database, and put back."""
    with closing(sqlite3.connect(studio.database, timeout=30)) as database:
        item = database.execute("SELECT * FROM items WHERE level = 'clips'").fetchone()
        with database:
            database.execute("DELETE FROM items WHERE item_id = ?", (item[0],))
        try:
            yield
        finally:
            with database:
                database.execute(f"INSERT INTO items VALUES ({', '.join('?' * len(item))})", item)


@contextmanager
def failing_model(studio: Studio) -> Iterator[None]:
    """Every other input makes a model fail; then nobody asks it any more."""
    server = TritonServer(studio.addresses["CELSTREAM_MODELS"].removeprefix("triton://"), TritonOptions())
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(ASK_SECONDS):
            for number in (1, ROWS + 1):
                with suppress(InferenceServerException):
                    server.infer(CHOOSY, 1, row(number)).result()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        ended.set()
        asking.join()
        server.close()


@contextmanager
def ended_segmenter(studio: Studio) -> Iterator[None]:
    """The segmenter is killed, and started again."""
    studio.services["segmenter"].process.kill()
    try:
        yield
    finally:
        studio.start_segmenter()
        studio.services["segmenter"].wait_until_serving()
