"""Writes the tables of docs/settings.md out of the settings themselves: `python -m tests.settings_page`."""

import re
from pathlib import Path

from celstream_catalog.settings import CatalogSettings
from celstream_platform.settings import ServiceSettings, table
from celstream_segmenter.settings import SegmenterSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"


def page() -> str:
    """What the page should say."""
    text = PAGE.read_text()
    head, _, rest = table(CatalogSettings).partition("\n|---|---|---|\n")
    common = set(table(ServiceSettings).splitlines())
    own = "\n".join(line for line in rest.splitlines() if line not in common)
    tables = {"segmenter": table(SegmenterSettings), "catalog": f"{head}\n|---|---|---|\n{own}"}
    for name, content in tables.items():
        text = re.sub(
            rf"(<!-- begin {name}\b.*?-->\n).*?(<!-- end {name} -->)",
            lambda found, content=content: f"{found[1]}\n{content}\n\n{found[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
    return text


if __name__ == "__main__":
    PAGE.write_text(page())
