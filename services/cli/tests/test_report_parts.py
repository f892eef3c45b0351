"""Parts of the report: its compiled templates, and small pictures of our own stills and of others'."""

import io
from pathlib import Path

import jinja2
import numpy as np
import pytest
from celstream.report.compiled_templates import CompiledTemplates
from celstream.report.pictures import Picture, picture_name, write_pictures
from celstream_platform.artefacts.directory import DirectoryStore
from celstream_segmenter.png import PngWriter
from PIL import Image


def rendered(templates: Path) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates), bytecode_cache=CompiledTemplates(templates), autoescape=True
    )
    return environment.get_template("page.html").render(name="film")


def test_a_compiled_template_is_used_again_until_its_source_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("a {{ name }}")
    assert rendered(tmp_path) == "a film"
    (kept,) = (tmp_path / "__pycache__").glob("*.jinja")
    written = kept.stat().st_mtime_ns
    assert rendered(tmp_path) == "a film"
    assert kept.stat().st_mtime_ns == written
    page.write_text("the {{ name }}")
    assert rendered(tmp_path) == "the film"


def test_where_nothing_can_be_kept_templates_are_compiled_each_time(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("a {{ name }}")
    (tmp_path / "__pycache__").write_text("not a folder")
    assert rendered(tmp_path) == "a film"


@pytest.mark.parametrize("size", [(72, 128), (700, 1001)])
def test_our_stills_and_those_of_other_programs_give_the_same_small_picture(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    others = io.BytesIO()
    Image.fromarray(picture).save(others, "PNG")
    store = DirectoryStore(tmp_path / "store")
    stills = [store.put(data, "image/png") for data in (PngWriter().png(picture), others.getvalue())]
    assert stills[0].sha256 != stills[1].sha256
    wanted = {picture_name(still): Picture((still,)) for still in stills}
    write_pictures(tmp_path / "pictures", wanted, store)
    first, second = ((tmp_path / "pictures" / picture_name(still)).read_bytes() for still in stills)
    assert first == second
