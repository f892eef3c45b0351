"""Parts of the report: its compiled templates."""

from pathlib import Path

import jinja2
from celstream.report.compiled_templates import CompiledTemplates


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
