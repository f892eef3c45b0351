"""The report's pages: an index, one page per footage, and `report.html` beside the folder that opens the index."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from celstream.clip_files import clip_picture, picture_name, readable_stem
from celstream.contents import FootageContents, duration_seconds, transition_kind
from celstream.report import charts, figures, words
from celstream.report.compiled_templates import CompiledTemplates
from celstream.report.sheet import footage_view, shape

TEMPLATES = Path(__file__).with_name("templates")
KIND_WORDS = {
    "cut": "cuts",
    "dissolve": "dissolves",
    "fade_in": "fades in",
    "fade_out": "fades out",
    "wipe": "wipes",
}


def page_name(contents: FootageContents) -> str:
    """File name of a footage's page."""
    return f"{readable_stem(contents.footage.name)}-{contents.id[:8]}.html"


def write_report(dataset: Sequence[FootageContents], out: Path) -> Path:
    """Write `report.html` and the pages in `report/` of the dataset folder; gives the former.

    The same dataset gives the same bytes. Raises OSError where the folder cannot be written.
    """
    folder = out / "report"
    folder.mkdir(parents=True, exist_ok=True)
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        bytecode_cache=CompiledTemplates(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "clock": words.clock,
        "duration": words.duration,
        "number": words.number,
        "percent": words.percent,
    }
    templates.globals |= {
        "count": words.count,
        "style": (TEMPLATES / "style.css").read_text(encoding="utf-8"),
        "script": (TEMPLATES / "script.js").read_text(encoding="utf-8"),
    }
    pages = {"index.html": templates.get_template("index.html").render(_index_view(dataset))}
    for contents in dataset:
        if contents.analysis is not None:
            pages[page_name(contents)] = templates.get_template("footage.html").render(footage_view(contents))
    for path in folder.glob("*.html"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        _write(folder / name, text)
    _write(out / "report.html", templates.get_template("open.html").render())
    return out / "report.html"


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _index_view(dataset: Sequence[FootageContents]) -> dict[str, Any]:
    read = [contents for contents in dataset if contents.analysis is not None]
    refused = [contents for contents in dataset if contents.analysis is None]
    rejections = [entry for contents in dataset for entry in contents.rejections]
    clips = [clip for contents in dataset for clip in contents.clips]
    balance = figures.balance(dataset)
    kinds = [transition_kind(t) for contents in read if contents.analysis for t in contents.analysis.transitions]
    return {
        "balance": balance,
        "funnel": charts.funnel(balance),
        "histograms": [
            _histogram("Length of clips", "seconds", [duration_seconds(clip.range) for clip in clips]),
            _histogram("Brightness", "mean luma, 0 to 255", [clip.measurements.brightness for clip in clips]),
            _histogram("Motion", "mean change of luma a frame", [clip.measurements.motion for clip in clips]),
            _histogram("Sharpness", "variance of the Laplacian", [clip.measurements.sharpness for clip in clips]),
        ],
        "kinds": [(KIND_WORDS[kind], kinds.count(kind)) for kind in KIND_WORDS if kind in kinds],
        "moved": figures.moved_thresholds(rejections),
        "films": [_row(contents) for contents in read],
        "refused": [
            {
                "name": contents.footage.name,
                "detail": contents.error or "; ".join(entry.detail for entry in contents.rejections) or "not read yet",
            }
            for contents in refused
        ],
    }


def _histogram(title: str, unit: str, values: Sequence[float]) -> dict[str, Any]:
    bins = figures.histogram(values, figures.bin_width(values))
    return {
        "title": title,
        "unit": unit,
        "picture": charts.bars(bins, title),
        "first": bins[0].start if bins else 0.0,
        "last": bins[-1].end if bins else 0.0,
        "middle": sorted(values)[len(values) // 2] if values else 0.0,
    }


def _row(contents: FootageContents) -> dict[str, Any]:
    balance = figures.balance([contents])
    clips = contents.clips
    video = contents.footage.video
    return {
        "name": contents.footage.name,
        "page": page_name(contents),
        "picture": picture_name(clip_picture(clips[len(clips) // 2])) if clips else None,
        "ratio": shape(contents),
        "video": f"{video.width}×{video.height} {video.codec}",
        "balance": balance,
        "refused": balance.rejections,
    }
