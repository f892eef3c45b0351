"""Clip files and tables: names, links, columns, and the same bytes for the same dataset."""

import os
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet
import pytest
from celstream.clip_files import clip_files, clip_picture, place, readable_stem, wanted_files
from celstream.contents import FootageContents
from celstream.parquet import column_page, write_tables
from celstream.tables import CLIPS, REJECTIONS, TABLES, TRANSITIONS, clip_rows, rejection_rows, transition_rows
from celstream_platform.artefacts import ArtefactStore
from celstream_protos.v1 import clip_pb2
from hypothesis import given
from hypothesis import strategies as st


def test_a_clip_file_is_named_by_film_frames_and_id(film: FootageContents) -> None:
    clip = film.clips[1]
    assert clip_files(film.footage.name, clip).video == f"clips/a-film-000048-000096-{clip.item.id[:8]}.mp4"


@given(st.text())
def test_every_name_of_footage_gives_a_file_name_that_every_system_takes(name: str) -> None:
    stem = readable_stem(name)
    assert stem
    assert len(stem) <= 60
    assert stem.isascii()
    assert set(stem).isdisjoint('/\\:*?"<>| \n\0')
    assert not stem.startswith((".", "-"))


def test_clip_files_are_links_to_the_artefacts(film: FootageContents, store: ArtefactStore, tmp_path: Path) -> None:
    place(tmp_path, wanted_files([film]), store)
    video = tmp_path / clip_files(film.footage.name, film.clips[0]).video
    with store.local(film.clips[0].video) as artefact:
        assert video.samefile(artefact)


def test_a_clip_without_a_small_picture_is_shown_by_its_first_frame(film: FootageContents) -> None:
    clip = clip_pb2.Clip()
    clip.CopyFrom(film.clips[0])
    assert clip_picture(clip) == clip.thumbnail
    clip.ClearField("thumbnail")
    wanted = wanted_files([replace(film, clips=[clip], rejections=[])])
    assert wanted[f"report/pictures/{clip.first_frame.sha256[:16]}.png"] == clip.first_frame


def test_clip_files_are_copies_where_there_are_no_links(
    film: FootageContents, store: ArtefactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "this file system has no links")

    monkeypatch.setattr(os, "link", refuse)
    for _ in range(2):  # the second time there is nothing to do
        place(tmp_path, wanted_files([film]), store)
    video = tmp_path / clip_files(film.footage.name, film.clips[0]).video
    with store.local(film.clips[0].video) as artefact:
        assert video.read_bytes() == artefact.read_bytes()
        assert not video.samefile(artefact)
    assert {path.name for path in (tmp_path / "clips").iterdir()} == {
        Path(clip_files(film.footage.name, clip).video).name for clip in film.clips
    }


def test_files_of_withdrawn_clips_are_removed(film: FootageContents, store: ArtefactStore, tmp_path: Path) -> None:
    place(tmp_path, wanted_files([film]), store)
    place(tmp_path, wanted_files([replace(film, clips=film.clips[:1])]), store)
    assert len(list((tmp_path / "clips").iterdir())) == 1
    assert len(list((tmp_path / "frames").iterdir())) == 2


def test_the_tables_hold_what_the_dataset_holds(film: FootageContents, tmp_path: Path) -> None:
    write_tables(
        tmp_path,
        {
            "clips": (CLIPS, clip_rows([film])),
            "transitions": (TRANSITIONS, transition_rows([film])),
            "rejections": (REJECTIONS, rejection_rows([film])),
        },
    )
    clips = pyarrow.parquet.read_table(tmp_path / "clips.parquet").to_pylist()
    assert [(row["start_frame"], row["end_frame"]) for row in clips] == [(0, 48), (48, 96), (96, 144)]
    assert clips[0]["footage"] == "films/a film.mp4"
    assert clips[0]["fps"] == 24.0
    assert clips[0]["audio"][0]["layout"] == "stereo"
    assert clips[0]["license"] == "CC-BY-3.0"
    transitions = pyarrow.parquet.read_table(tmp_path / "transitions.parquet").to_pylist()
    assert [(row["kind"], row["frame"]) for row in transitions] == [("cut", 48), ("cut", 96), ("cut", 144)]
    rejections = pyarrow.parquet.read_table(tmp_path / "rejections.parquet").to_pylist()
    assert rejections[0]["reason"] == "too_short"
    assert rejections[0]["measured_value"] == 0.5
    assert sorted(path.name for path in tmp_path.glob("*")) == [
        "artefacts",
        "clips.parquet",
        "rejections.parquet",
        "transitions.parquet",
    ]


def test_a_row_has_exactly_the_columns_that_are_declared(film: FootageContents) -> None:
    for columns, rows in ((CLIPS, clip_rows), (TRANSITIONS, transition_rows), (REJECTIONS, rejection_rows)):
        assert list(rows([film])[0]) == [column.name for column in columns]


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_table_has_its_columns_and_says_what_they_mean(name: str, tmp_path: Path) -> None:
    write_tables(tmp_path, {"t": (TABLES[name], [])})
    table = pyarrow.parquet.read_table(tmp_path / "t.parquet")
    assert table.num_rows == 0
    assert table.column_names == [column.name for column in TABLES[name]]
    assert TABLES[name][0].meaning.encode() in table.schema.metadata[b"columns"]


def test_the_same_dataset_gives_the_same_bytes(film: FootageContents, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_tables(tmp_path / folder, {"clips": (CLIPS, clip_rows([film] * 40))})
    assert (tmp_path / "a/clips.parquet").read_bytes() == (tmp_path / "b/clips.parquet").read_bytes()


def test_every_column_is_explained_on_the_page() -> None:
    page = column_page()
    for columns in TABLES.values():
        for column in columns:
            assert f"| `{column.name}` | {column.sql_type} | {column.meaning} |" in page
