"""What cannot be used costs one line and nothing else: the others go on, the summary counts, the exit code is 2."""

import shutil
import subprocess
import wave
from pathlib import Path

import pytest

from tests.end_to_end.command import COMMAND, celstream, rows

pytestmark = pytest.mark.slow


def sound(path: Path) -> None:
    """A file with sound alone."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x10\x20" * 8000)


def test_bad_files_are_told_in_a_line_each_and_the_others_go_on(films: Path, tmp_path: Path) -> None:
    shutil.copy(films / "films/more/second.mkv", tmp_path / "good.mkv")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("Once upon a time there was a film.\n" * 50)
    (tmp_path / "playlist.mp4").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n")
    sound(tmp_path / "sound.mp4")
    (tmp_path / "nothing").mkdir()
    bad = ("empty.mp4", "text.mp4", "playlist.mp4", "sound.mp4", "nothing", "missing.mp4")
    ended = celstream("run", *bad[:3], "good.mkv", *bad[3:], "--out", "dataset", "--json", cwd=tmp_path)
    assert ended.code == 2
    told = {event["footage"]: event["message"] for event in ended.events if event["event"] == "failed"}
    assert set(told) == set(bad)
    findings = ("empty (0 bytes)", "text", "playlist", "no video stream (found: audio)", "it is empty", "no such file")
    for name, words in zip(bad, findings, strict=True):
        assert told[name].startswith(f"{name}: "), told[name]
        assert words in told[name]
        assert "\n" not in told[name]
    assert ended.events[-1]["failed"] == len(bad)
    assert ended.events[-1]["clips"] == 2
    assert {row["footage"] for row in rows(tmp_path / "dataset", "clips")} == {"good.mkv"}
    refused = {row["footage"] for row in rows(tmp_path / "dataset", "rejections") if row["level"] == "footage"}
    assert refused == {"empty.mp4", "text.mp4", "playlist.mp4", "sound.mp4"}
    assert not any(name in ended.err for name in bad), "what is told to a program is not told to a person as well"


def test_nothing_but_bad_files_leaves_an_empty_dataset_and_a_report(tmp_path: Path) -> None:
    ended = celstream("run", "missing.mp4", "--out", "dataset", cwd=tmp_path)
    assert ended.code == 2
    assert "missing.mp4: no such file. Give a file or a folder with footage." in ended.err.splitlines()
    assert rows(tmp_path / "dataset", "clips") == []
    assert (tmp_path / "dataset/report/index.html").is_file()


def test_an_output_that_cannot_be_written_is_told_before_anything_is_done(films: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = celstream("run", films / "films", "--out", "file/dataset", cwd=tmp_path)
    assert ended.code == 2
    said = "file/dataset: cannot be written (Not a directory). Give a folder for --out that can be written."
    assert said in ended.err.splitlines()


def test_lengths_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    ended = celstream("run", "film.mp4", "--out", "dataset", "--min-seconds", "9", "--max-seconds", "3", cwd=tmp_path)
    assert ended.code == 2
    assert "expected 0 < min <= target <= max" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_full_output_ends_the_run_in_one_line_and_the_same_command_goes_on(films: Path, tmp_path: Path) -> None:
    shutil.copy(films / "films/a film.mp4", tmp_path / "film.mp4")
    arguments = [*COMMAND, "run", "film.mp4", "--out", "dataset"]
    # No file may grow past what the databases need (293 KiB): to the run the disk is full.
    command = ["bash", "-c", 'ulimit -f 293; exec "$@"', "limited", *arguments]
    limited = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert limited.returncode == 2, limited.stderr
    assert limited.stderr.startswith("dataset: the output is full (")
    assert len(limited.stderr.splitlines()) == 1
    assert celstream(*arguments[3:], cwd=tmp_path).code == 0
    assert len(rows(tmp_path / "dataset", "clips")) == 4
