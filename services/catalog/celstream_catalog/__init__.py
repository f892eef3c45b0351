"""Celstream catalog: intake of footage, and the projection of all topics into a database."""

from celstream_catalog.catalog import Catalog
from celstream_catalog.completion import Completion
from celstream_catalog.corrections import ReviewStatus
from celstream_catalog.intake import Description, Submission
from celstream_catalog.levels import CHAIN, Chain, Level, StageSpec
from celstream_catalog.queries import Attached, Parked
from celstream_catalog.questions import FootageEntry

__all__ = [
    "CHAIN",
    "Attached",
    "Catalog",
    "Chain",
    "Completion",
    "Description",
    "FootageEntry",
    "Level",
    "Parked",
    "ReviewStatus",
    "StageSpec",
    "Submission",
]
