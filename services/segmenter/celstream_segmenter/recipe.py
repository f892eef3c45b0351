"""How the segmenter's work is known to those who wait for it: they need none of the libraries that do it."""

from importlib.metadata import version

import msgspec
from celstream_platform import identity

from celstream_segmenter.rules import SegmentationRules

NAME = "segmenter"
ANALYSIS = "transitions"  # name of the attachment that holds a FootageAnalysis


def recipe_of(rules: SegmentationRules) -> str:
    """The digest of everything that decides what the segmenter makes of a footage."""
    software = " ".join(f"{name} {version(name)}" for name in ("celstream-segmenter", "av", "scenedetect-headless"))
    said = msgspec.to_builtins(rules)
    if not rules.asks:
        del said["second_opinion"]  # nothing comes of it: the recipe is the same as without
    return identity.recipe(software, said)
