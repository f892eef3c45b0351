"""What is said of footage in an inbox: by the object's tags, and by a side-car beside it, `film.mp4.json`.

Both know the same names: license, source, owner, release_allowed, canary, style, work. The side-car wins, name by name.
Tags with other names belong to somebody else; in a side-car they are a mistake.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec
from celstream_protos.v1.envelope_pb2 import Rights
from celstream_protos.v1.footage_pb2 import FOOTAGE_STYLE_UNSPECIFIED, FootageStyle

from celstream_catalog.intake import Description, RightsUnknown

SIDE_CAR = ".json"
SIDE_CAR_BYTES = 64 * 1024


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may be said; None: nothing was."""

    license: str | None = None
    source: str | None = None
    owner: str | None = None
    release_allowed: bool | None = None
    canary: bool | None = None
    style: Literal["american", "chinese", "japanese", "other", "rendered"] | None = None
    work: str | None = None


NAMES = Said.__struct_fields__
RIGHTS = ("license", "source", "owner", "release_allowed", "canary")


def said_of(path: str, tags: Mapping[str, str], side_car: bytes | None) -> Description:
    """The description of the file at `path`. Raises RightsUnknown where tags or side-car cannot be understood."""
    try:
        tagged = msgspec.convert({name: text for name, text in tags.items() if name in NAMES}, Said, strict=False)
    except msgspec.ValidationError as error:
        raise RightsUnknown(f"{path}: its tags cannot be understood ({error}). Correct them.") from error
    beside = Said()
    if side_car is not None:
        try:
            beside = msgspec.json.decode(side_car, type=Said)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RightsUnknown(
                f"{path}{SIDE_CAR}: cannot be understood ({error})."
                f" Give a JSON object with some of {', '.join(NAMES)}, in UTF-8."
            ) from error
    said = {**msgspec.to_builtins(tagged), **msgspec.to_builtins(beside)}
    rights = {name: said[name] for name in RIGHTS if name in said}
    style = FootageStyle.Value(f"FOOTAGE_STYLE_{said['style'].upper()}") if "style" in said else None
    return Description(
        rights=Rights(**rights) if rights else None,
        style=style or FOOTAGE_STYLE_UNSPECIFIED,
        work=said.get("work", ""),
    )
