"""One command takes footage to a dataset: what it finds, what it writes, what it says."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import av
import celstream
import pytest
from celstream.folder import DatasetFolder
from celstream.pipeline import open_ports

from tests.end_to_end import command
from tests.end_to_end.command import CLIPS, CUTS, REFUSED, Ended, rows, snapshot

pytestmark = pytest.mark.slow
Made = tuple[Path, Ended]


def of_first(found: list[dict[str, object]]) -> list[dict[str, object]]:
    """Those rows that belong to the first film."""
    return [row for row in found if row["footage"] == "films/a film.mp4"]


def test_the_cuts_clips_and_rejections_are_those_of_the_film(made: Made) -> None:
    dataset, ended = made
    assert ended.code == 0, ended.err
    cuts = of_first(rows(dataset, "transitions"))
    assert [(row["kind"], row["frame"]) for row in cuts] == [("cut", frame) for frame in CUTS]
    clips = of_first(rows(dataset, "clips"))
    assert [(row["start_frame"], row["end_frame"]) for row in clips] == list(CLIPS)
    refused = of_first(rows(dataset, "rejections"))
    assert [(row["reason"], row["start_frame"], row["end_frame"]) for row in refused] == list(REFUSED)


def test_every_frame_is_in_one_clip_in_one_rejection_or_inside_a_transition(made: Made) -> None:
    dataset, _ = made
    parts = of_first(rows(dataset, "clips")) + of_first(rows(dataset, "rejections"))
    covered = sorted(frame for row in parts for frame in range(row["start_frame"], row["end_frame"]))  # type: ignore[call-overload]
    assert covered == list(range(206))


def test_a_clip_is_a_film_of_its_own_with_the_frames_that_its_row_says(made: Made) -> None:
    dataset, _ = made
    for row in rows(dataset, "clips"):
        with av.open(dataset / row["file"]) as clip:
            assert sum(1 for _ in clip.decode(video=0)) == row["frames"] == row["end_frame"] - row["start_frame"]
            video = clip.streams.video[0]
            assert (video.width, video.height) == (row["width"], row["height"]) == (320, 180)
            assert len(clip.streams.audio) == len(row["audio"]) == 1
        assert row["fps"] == row["fps_numerator"] / row["fps_denominator"] == 24
        assert (row["style"], row["license"], row["work"]) == ("rendered", "CC0-1.0", Path(row["footage"]).stem)
        for name in ("first_frame_file", "last_frame_file"):
            assert (dataset / row[name]).read_bytes().startswith(b"\x89PNG")


def test_files_in_the_folder_are_those_of_the_table(made: Made) -> None:
    dataset, _ = made
    table = rows(dataset, "clips")
    assert {path.name for path in (dataset / "clips").iterdir()} == {Path(row["file"]).name for row in table}
    assert len(list((dataset / "frames").iterdir())) == 2 * len(table)


def test_the_funnel_balances(made: Made) -> None:
    dataset, _ = made
    with open_ports(DatasetFolder(dataset), {}) as ports:
        ports.catalog.catch_up()
        assert ports.catalog.check_balance() == []
        footage, clips = ports.catalog.funnel().levels
    assert (footage.items, clips.inputs, clips.inputs_done, clips.inputs_parked) == (2, 2, 2, 0)
    assert clips.items == len(rows(dataset, "clips"))
    assert sum(reason.count for reason in clips.rejections) == len(rows(dataset, "rejections"))


def test_json_on_standard_output_is_one_object_a_line_and_ends_with_the_summary(made: Made) -> None:
    dataset, ended = made
    kinds = [event["event"] for event in ended.events]
    assert kinds.count("footage") == kinds.count("finished") == 2
    assert kinds[-1] == "summary"
    summary = ended.events[-1]
    assert (summary["footage"], summary["failed"], summary["clips"]) == (2, 0, len(rows(dataset, "clips")))
    assert summary["report"] == "dataset/report.html"


class Links(HTMLParser):
    """Links and pictures of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def test_the_report_opens_from_the_folder_and_all_its_links_lead_somewhere(made: Made) -> None:
    dataset, _ = made
    pages = [dataset / "report.html", *(dataset / "report").glob("*.html")]
    assert len(pages) == 4
    linked = set()
    for page in pages:
        for link in Links(page.read_text()).found:
            target = (page.parent / unquote(link)).resolve()
            assert target.is_file(), f"{page.name}: {link}"
            linked.add(target)
    assert {path.resolve() for path in (dataset / "clips").iterdir()} <= linked


def test_the_same_command_again_does_nothing(made: Made, films: Path) -> None:
    dataset, _ = made
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("*.parquet")}
    again = command.celstream("run", "films", "--out", "dataset", "--json", cwd=films)
    assert again.code == 0
    assert [event["event"] for event in again.events] == ["already_done", "already_done", "summary"]
    assert not again.events[-1]["changed"]
    assert {path: path.stat().st_mtime_ns for path in dataset.rglob("*.parquet")} == before


def test_the_report_command_writes_the_same_again(made: Made, films: Path) -> None:
    dataset, _ = made
    before = snapshot(dataset)
    shutil.rmtree(dataset / "report")
    (dataset / "clips.parquet").unlink()
    ended = command.celstream("report", "dataset", cwd=films)
    assert (ended.code, ended.out) == (0, "dataset/report.html\n")
    assert snapshot(dataset) == before


def test_changed_settings_replace_what_was_there_and_changing_back_restores_it(films: Path, tmp_path: Path) -> None:
    shutil.copy(films / "films/more/second.mkv", tmp_path)

    def run(minimum: str) -> Path:
        ended = command.celstream("run", "second.mkv", "--out", "dataset", "--min-seconds", minimum, cwd=tmp_path)
        assert ended.code == 0, ended.err
        return tmp_path / "dataset"

    dataset = run("1")
    before = rows(dataset, "clips")
    stricter = rows(run("1.45"), "clips")
    assert [(row["start_frame"], row["end_frame"]) for row in stricter] == [(0, 36)]
    assert stricter[0]["clip_id"] == before[0]["clip_id"]
    assert stricter[0]["recipe"] != before[0]["recipe"]
    assert len(list((dataset / "clips").iterdir())) == 1
    assert [row["reason"] for row in rows(dataset, "rejections")] == ["black", "too_short"]
    collected = json.loads(command.celstream("store", "gc", "dataset", "--dry-run", "--json", cwd=tmp_path).out)
    assert collected["used"] > 0
    assert collected["left_over"] == 0, "a run keeps nothing of what it has replaced"
    assert rows(run("1"), "clips") == before


def test_from_python_it_is_the_same(films: Path, tmp_path: Path, made: Made) -> None:
    result = celstream.run(films / "films/more/second.mkv", out=tmp_path / "dataset", license="CC0-1.0")
    assert (result.footage, result.clips, result.failed, result.changed) == (1, 2, (), True)
    assert result.report.is_file()
    same = [row for row in rows(made[0], "clips") if row["footage"].endswith("second.mkv")]
    mine = rows(tmp_path / "dataset", "clips")
    assert [row["clip_id"] for row in mine] == [row["clip_id"] for row in same]
    assert [(tmp_path / "dataset" / row["file"]).read_bytes() for row in mine] == [
        (made[0] / row["file"]).read_bytes() for row in same
    ]


def test_the_same_bytes_under_two_names_are_processed_once(films: Path, tmp_path: Path) -> None:
    for name in ("one.mkv", "two.mkv"):
        shutil.copy(films / "films/more/second.mkv", tmp_path / name)
    ended = command.celstream("run", "one.mkv", "two.mkv", "--out", "dataset", "--json", cwd=tmp_path)
    assert ended.code == 0
    assert "two.mkv: the same bytes as one.mkv" in ended.err
    assert {row["footage"] for row in rows(tmp_path / "dataset", "clips")} == {"one.mkv"}


def test_metadata_of_a_table_says_what_its_columns_mean(made: Made) -> None:
    import pyarrow.parquet

    schema = pyarrow.parquet.read_schema(made[0] / "clips.parquet")
    meanings = json.loads(schema.metadata[b"columns"])
    assert set(meanings) == set(schema.names)
