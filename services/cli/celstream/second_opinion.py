"""The second opinion of a run: which model a model server has, known before the work begins.

It goes into the recipe: with another model all is done anew.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from celstream_segmenter.rules import OpinionModel

if TYPE_CHECKING:
    from celstream_segmenter.model_opinion import ModelOpinion


@contextmanager
def opened(url: str) -> "Iterator[ModelOpinion | None]":
    """A model server's opinion, None for an empty URL. Raises Invalid, NotFound, Unavailable."""
    if not url:
        yield None
        return
    from celstream_segmenter.model_opinion import open_opinion  # wanted by few

    opinion = open_opinion(url)
    try:
        yield opinion
    finally:
        opinion.close()


@cache
def opinion_model(url: str) -> OpinionModel | None:
    """The model of a model server, None for an empty URL. Raises as `opened` does."""
    with opened(url) as opinion:
        return opinion.model if opinion else None
