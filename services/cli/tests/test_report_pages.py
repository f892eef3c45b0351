"""The report: pages that are well-formed, whole, light, and say what is in the dataset."""

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from celstream.clip_files import place, wanted_files
from celstream.contents import FootageContents
from celstream.report.cut_thresholds import cut_places
from celstream.report.drawing_bands import cadence_shares, cadence_words, camera_shares, camera_words
from celstream.report.figures import balance, bin_width, histogram, moved_thresholds
from celstream.report.pages import write_report
from celstream_platform.artefacts import ArtefactStore
from celstream_protos.v1 import clip_pb2
from hypothesis import given
from hypothesis import strategies as st

VOID = {"meta", "img", "br", "hr", "input", "link"}
REPORT_BYTES_PER_SHOT = 1600  # 1,500 shots of a two-hour film: 2.4 MB


class Page(HTMLParser):
    """Reads a page: its links, pictures and text; `problems` are tags that do not fit each other."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.texts: list[str] = []
        self.problems: list[str] = []
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.problems += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        if tag not in VOID:
            self._open.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") and value]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""

    def handle_endtag(self, tag: str) -> None:
        """See HTMLParser."""
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        self.texts.append(data)


def written(dataset: Sequence[FootageContents], out: Path, store: ArtefactStore) -> dict[str, Page]:
    """Write the report; gives its pages by name."""
    place(out, wanted_files(dataset), store)
    write_report(dataset, out)
    return {path.name: Page(path) for path in (out / "report.html", *(out / "report").glob("*.html"))}


def test_pages_are_well_formed_and_their_links_lead_somewhere(
    film: FootageContents, unread: FootageContents, store: ArtefactStore, tmp_path: Path
) -> None:
    pages = written([film, unread], tmp_path, store)
    assert set(pages) == {"report.html", "index.html", f"a-film-{film.id[:8]}.html"}
    for name, page in pages.items():
        assert page.problems == [], name
        base = tmp_path if name == "report.html" else tmp_path / "report"
        for link in page.links:
            assert "://" not in link
            assert (base / unquote(link)).is_file(), link
    clips = {Path(link).name for link in pages[f"a-film-{film.id[:8]}.html"].links if link.endswith(".mp4")}
    assert clips == {path.name for path in (tmp_path / "clips").iterdir()}


def test_names_from_outside_are_text_and_never_markup(
    film: FootageContents, unread: FootageContents, store: ArtefactStore, tmp_path: Path
) -> None:
    pages = written([film, unread], tmp_path, store)
    assert "films/empty <b>.mp4" in pages["index.html"].texts
    assert any("an <empty> file" in text for text in pages["index.html"].texts)


def test_every_rejection_is_shown_with_its_value_and_threshold(
    film: FootageContents, store: ArtefactStore, tmp_path: Path
) -> None:
    page = written([film], tmp_path, store)[f"a-film-{film.id[:8]}.html"]
    text = " ".join(" ".join(page.texts).split())
    for words in ("too short", "0.50 s long, at least 1 s expected.", "0.5 s", "threshold 1 s"):
        assert words in text


def test_the_same_dataset_gives_the_same_pages(film: FootageContents, store: ArtefactStore, tmp_path: Path) -> None:
    written([film], tmp_path / "a", store)
    written([film], tmp_path / "b", store)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) > 8
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_what_is_gone_from_the_dataset_is_gone_from_the_report(
    film: FootageContents, unread: FootageContents, store: ArtefactStore, tmp_path: Path
) -> None:
    written([film], tmp_path, store)
    pages = written([unread], tmp_path, store)
    assert set(pages) == {"report.html", "index.html"}
    assert list((tmp_path / "report" / "pictures").iterdir()) == []


def test_the_page_of_a_long_film_stays_light(long_film: FootageContents, store: ArtefactStore, tmp_path: Path) -> None:
    write_report([long_film], tmp_path)
    (page,) = (tmp_path / "report").glob("two-hours-*.html")
    text = page.read_text()
    assert len(text) < REPORT_BYTES_PER_SHOT * 1500
    assert text.count("<details") == text.count("</details>") == 32
    assert text.count('<details class="fold" open>') == 1  # the others are folded: their pictures do not load
    assert text.count("<img") == text.count('loading="lazy"')


def test_the_balance_of_a_film_adds_up(film: FootageContents) -> None:
    found = balance([film])
    assert (found.shots, found.clips, found.rejections) == (4, 3, 1)
    assert found.clip_seconds + sum(loss.seconds for loss in found.losses) == found.footage_seconds


def test_a_moved_threshold_says_what_it_would_have_kept(film: FootageContents) -> None:
    moved = moved_thresholds(film.rejections)
    assert [(step.threshold, step.count, step.seconds) for step in moved] == [(0.5, 1, 0.5)]


def test_what_was_refused_by_another_rule_is_not_promised_by_a_moved_threshold(film: FootageContents) -> None:
    film.rejections[0].measured_value = 1.5  # long enough: its length was not the reason
    assert moved_thresholds(film.rejections) == []


@given(st.lists(st.floats(min_value=0, max_value=1e5), min_size=1, max_size=50))
def test_a_histogram_counts_every_value_in_few_bins(values: list[float]) -> None:
    bins = histogram(values, bin_width(values))
    assert sum(entry.count for entry in bins) == len(values)
    assert len(bins) <= 26


def test_the_page_shows_how_the_film_is_drawn_and_where_the_camera_moves(
    film: FootageContents, store: ArtefactStore, tmp_path: Path
) -> None:
    write_report([film], tmp_path)
    (page,) = (tmp_path / "report").glob("a-film-*.html")
    text = page.read_text()
    for words in ("on ones", "on twos", "mixed", "pan →", "zoom in"):
        assert f"<span>{words}</span>" in text
    band = re.search(r'<svg class="cadence".*?</svg>', text)
    assert band is not None
    # Clip 1 on ones, clip 2 on twos and then held, clip 3 on threes and then held; 156 frames are 1,000 units.
    boxes = dict(re.findall(r'<path class="(\w+)" d="([^"]*)"', band[0]))
    assert boxes["ones"] == "M0 0h308v10h-308z"
    assert boxes["twos"] == "M307.7 0h231v10h-231z"
    assert boxes["threes"].startswith("M615.4 0h154")
    assert boxes["longer"].count("M") == 2
    assert [share.share for share in cadence_shares(film)] == [1 / 3, 0.25, 1 / 6, 0.25]
    assert [(share.words, share.clips) for share in camera_shares(film)] == [("pan", 1), ("zoom", 1), ("stands", 1)]


def test_a_camera_pans_against_the_picture() -> None:
    def words(right: float, down: float) -> str:
        camera = clip_pb2.CameraMove(kind=clip_pb2.CAMERA_MOVE_KIND_PAN, right=right, down=down)
        return camera_words(clip_pb2.Clip(measurements=clip_pb2.ClipMeasurements(camera=camera)))

    assert [words(-1, 0), words(1, 0), words(0, 1), words(0, -1)] == ["pan →", "pan ←", "pan ↑", "pan ↓"]
    assert words(-1, -1) == "pan ↘"
    assert camera_words(clip_pb2.Clip()) == cadence_words(clip_pb2.Clip()) == ""


def test_another_threshold_of_a_cut_gains_near_misses_and_loses_weak_cuts(film: FootageContents) -> None:
    analysis = film.analysis
    assert analysis is not None
    analysis.change[96] = 0.4  # a weak cut
    analysis.change[20], analysis.change[21] = 0.25, 0.2  # one near miss: two frames from each other
    analysis.change[70] = 0.1
    analysis.transitions.add(kind=clip_pb2.TRANSITION_KIND_DISSOLVE, frame=72, start_frame=68, end_frame=76)
    places = cut_places(analysis)
    assert places is not None
    assert [place.frame for place in places.cuts] == [48, 96, 144]
    assert [place.frame for place in places.others] == [20]  # what changes inside a dissolve is no cut
    low, high = places.at(0.2), places.at(0.5)
    assert (low.cuts, [place.frame for place in low.gained], low.lost) == (4, [20], [])
    assert (high.cuts, high.gained, [place.frame for place in high.lost]) == (2, [], [96])
    assert json.loads(str(places.data())) == {
        "threshold": 3000,
        "fixed": 0,
        "cuts": [[48, 2000, 9000], [96, 4000, 4000], [144, 6000, 9000]],
        "others": [[20, 833, 2500]],
    }
    assert [(round(step.threshold, 3), step.cuts) for step in places.steps()] == [(0.225, 4), (0.3, 3), (0.45, 2)]


def test_a_cut_that_was_found_in_another_way_stays_at_any_threshold(film: FootageContents) -> None:
    assert film.analysis is not None
    film.analysis.change[48] = 0.1
    places = cut_places(film.analysis)
    assert places is not None
    assert (places.fixed, places.at(1.0).cuts) == (1, 1)
