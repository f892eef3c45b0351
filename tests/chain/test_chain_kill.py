"""Worker processes and the catalog's, killed in the middle of their work: nothing is lost and nothing counts twice."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from celstream_catalog import Catalog
from celstream_platform import topics
from celstream_platform.events import decode
from celstream_protos.v1.envelope_pb2 import Outcome

from tests.chain import toy
from tests.chain.bench import Bench, contents, database_url, dump, open_bench

TEXTS = 60
STEPS = 50  # of a projection that is killed, at most: it must not have ended before, whoever waits for whom


def offer_all(bench: Bench) -> None:
    for number in range(TEXTS):
        bench.offer(f"text {number}", f"some words and {number}")


def start(folder: Path, stage: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.chain.toy_worker", str(folder), stage]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"up\n"
    return worker


@pytest.mark.slow
def test_workers_killed_in_the_middle_lose_and_double_nothing(tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    (tmp_path / "undisturbed").mkdir()
    with open_bench(tmp_path / "killed") as bench, open_bench(tmp_path / "undisturbed") as undisturbed:
        offer_all(undisturbed)
        undisturbed.settle()
        offer_all(bench)
        workers = {stage: start(bench.folder, stage) for stage in ("splitter", "speller")}
        try:
            for kill_after in (5, 20, 40):  # outcomes of the splitter; the speller is somewhere below
                while _outcomes(bench.catalog, 0) < kill_after:
                    bench.catalog._projection.step(1.0)
                for stage, worker in workers.items():
                    with worker:
                        worker.kill()
                    workers[stage] = start(bench.folder, stage)
            while not (bench.catalog.finished() and _outcomes(bench.catalog, 1) == TEXTS * 4):
                bench.catalog._projection.step(1.0)
        finally:
            for worker in workers.values():
                with worker:
                    worker.send_signal(signal.SIGTERM)
            assert [worker.returncode for worker in workers.values()] == [0, 0]
        bench.catalog.catch_up()
        assert contents(bench.catalog) == contents(undisturbed.catalog)
        assert bench.catalog.check_balance() == []
        outcomes = [decode(event, Outcome) for event in bench.on_topic(topics.OUTCOMES.name)]
        assert set(Counter((o.stage, o.input_id) for o in outcomes).values()) == {1}
        assert len(bench.on_topic(toy.LETTERS.name)) == len(undisturbed.on_topic(toy.LETTERS.name))


def _outcomes(catalog: Catalog, stage: int) -> int:
    return catalog.funnel().levels[1 + stage].inputs_done


@pytest.mark.slow
def test_a_catalog_killed_while_it_projects_goes_on_where_it_was(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        offer_all(bench)
        bench.settle()
    script = (
        "import sys; from pathlib import Path; from tests.chain.bench import open_bench\n"
        "with open_bench(Path(sys.argv[1])) as bench:\n"
        "    from celstream_catalog.projection import Projection\n"
        "    from tests.chain import toy\n"
        "    from celstream_catalog.database import open_database\n"
        "    projection = Projection(open_database(sys.argv[2]), bench.log, bench.store, toy.CHAIN)\n"
        f"    for _ in range({STEPS}):\n"
        "        projection.step(0.0, max_events=7)\n"
        "        print('.', end='', flush=True)\n"
    )
    url = database_url(tmp_path, "killed")
    for steps in (3, 11, 30):
        arguments = [sys.executable, "-c", script, str(tmp_path), url]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert len(process.stdout.read(steps)) == steps
            process.kill()
    with open_bench(tmp_path) as bench, Catalog(url, bench.log, bench.store, toy.CHAIN) as killed:
        assert killed.catch_up() > 0
        assert contents(killed) == contents(bench.catalog)
    assert dump(url) == dump(database_url(tmp_path, "catalog"))
