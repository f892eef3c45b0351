"""Ids name the thing, versions name how it came about (design: rule 3).

An id stays the same when a model gets better; a version changes with the parent's version, the recipe
(digest of settings, models and software) or a person's correction. All are SHA-256 over a canonical text.
"""

import hashlib
import json
from collections.abc import Mapping

from celstream_protos.v1 import envelope_pb2

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_TEXT = json.encoder.encode_basestring_ascii


def digest(*parts: object) -> str:
    """SHA-256 (64 hexadecimal digits) of the parts, as JSON with sorted keys, so that no two lists of parts collide."""
    return hashlib.sha256(f"[{','.join(map(_written, parts))}]".encode()).hexdigest()


def _written(part: object) -> str:
    """A part as JSON. Most are texts and whole numbers, for which the encoder takes longer to set up than to write."""
    if type(part) is str:
        return _TEXT(part)
    return repr(part) if type(part) is int else _CANONICAL.encode(part)


def item_id(parent_id: str, level: str, start_frame: int, end_frame: int, track_ordinal: int = 0) -> str:
    """Id of an item: frames [start_frame, end_frame) of its parent, `track_ordinal` where several share the range."""
    return digest("item", parent_id, level, start_frame, end_frame, track_ordinal)


def item_version(parent_version: str, recipe: str, correction: str = "") -> str:
    """Version of an item; `correction` is the digest of a person's correction, if there is one."""
    return digest("version", parent_version, recipe, correction)


def rejection_id(parent_id: str, level: str, start_frame: int, end_frame: int, reason: int) -> str:
    """Id of a rejection: what was refused, and why."""
    return digest("rejection", parent_id, level, start_frame, end_frame, reason)


def recipe(software: str, settings: Mapping[str, object], models: Mapping[str, str] | None = None) -> str:
    """Recipe of a stage.

    software: name and version of what computes, for example `celstream-segmenter 0.1.0`.
    settings: those settings that change results (no addresses, no sizes of windows).
    models: model name -> SHA-256 of its file.
    """
    return digest("recipe", software, dict(settings), dict(models or {}))


def event_id(item: str, version: str) -> str:
    """The `ce_id` of an event about one version of an item: the same content under the same recipe has the same."""
    return f"{item}.{version}"


def reference(item: envelope_pb2.ItemHeader) -> envelope_pb2.ItemRef:
    """The reference that an outcome lists for an item."""
    return envelope_pb2.ItemRef(level=item.level, id=item.id, version=item.version)
