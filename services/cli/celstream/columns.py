"""What a column of the dataset's tables is, and a row."""

from collections.abc import Mapping
from dataclasses import dataclass

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its type in SQL, and one line of what it means."""

    name: str
    sql_type: str
    meaning: str
