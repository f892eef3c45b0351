"""The dataset folder and what a command line names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from celstream.folder import DatasetFolder
from celstream.footage_files import named_footage
from celstream_platform.errors import Invalid


def test_a_folder_is_searched_in_order_for_what_looks_like_footage(tmp_path: Path) -> None:
    for name in ("b.MKV", "a.mp4", "notes.txt", ".hidden.mp4", "deep/c.webm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    files, findings = named_footage([tmp_path])
    assert [file.name for file in files] == [f"{tmp_path}/{name}" for name in ("a.mp4", "b.MKV", "deep/c.webm")]
    assert findings == []


def test_a_file_that_is_named_is_taken_whatever_its_ending_and_only_once(tmp_path: Path) -> None:
    film = tmp_path / "film.dat"
    film.write_bytes(b"x")
    files, _ = named_footage([str(film), str(film), tmp_path / "." / "film.dat"])
    assert [file.name for file in files] == [str(film)]


def test_the_clips_of_an_earlier_run_are_no_new_footage(tmp_path: Path) -> None:
    for name in ("film.mp4", "clips/film-0-10.mp4", ".celstream/artefacts/x.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    files, _ = named_footage([tmp_path])
    assert [Path(file.name).name for file in files] == ["film.mp4"]


def test_what_cannot_be_used_is_told_in_one_line_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("x")
    given = [str(tmp_path / name) for name in ("empty", "texts", "gone.mp4")]
    files, findings = named_footage(given)
    assert files == []
    assert [finding.name for finding in findings] == given
    for finding, words in zip(findings, ("it is empty", "only .txt", "no such file"), strict=True):
        assert finding.message.startswith(f"{finding.name}: ")
        assert words in finding.message
        assert "\n" not in finding.message


def test_an_output_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Invalid, match=r"cannot be written \(Not a directory\)\. Give a folder"):
        DatasetFolder(tmp_path / "file").create()


def test_two_runs_do_not_work_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("celstream.folder.LOCK_PATIENCE_SECONDS", 0.2)
    folder = DatasetFolder(tmp_path)
    folder.create()
    other = DatasetFolder(tmp_path)
    with (
        folder.locked(),
        pytest.raises(Invalid, match=f"another run works in this folder.*{os.getpid()}"),
        other.locked(),
    ):
        pass
    with other.locked():
        pass


def test_the_lock_goes_with_a_process_that_is_killed_and_with_the_last_of_its_workers(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path)
    folder.create()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, pathlib\n"
            "from celstream.folder import DatasetFolder\n"
            "with DatasetFolder(pathlib.Path(sys.argv[1])).locked() as lock:\n"
            "    child = subprocess.Popen(['cat'], stdin=subprocess.PIPE, pass_fds=(lock,))\n"
            "    print('locked', flush=True)\n"
            "    sys.stdin.read()\n",
            str(tmp_path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    holder.kill()
    holder.wait()
    with folder.locked():  # waits for the worker, whose pipe has ended, and no longer
        pass
