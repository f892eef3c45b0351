"""The chain as a value."""

import pytest
from celstream_catalog import CHAIN, Chain, StageSpec
from celstream_platform.errors import Invalid


def test_until_keeps_the_stages_that_lead_there_and_no_others() -> None:
    longer = Chain(CHAIN.levels, (*CHAIN.stages, StageSpec("tagger", consumes="clips", produces=())))
    assert [stage.name for stage in longer.until("clips").stages] == ["segmenter"]
    assert longer.until("footage").stages == ()


def test_an_unknown_level_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Invalid, match=r"'poses' does not exist. Give one of: footage, clips"):
        CHAIN.until("poses")


def test_a_stage_of_an_unknown_level_is_a_bug_of_the_chain() -> None:
    with pytest.raises(ValueError, match="unknown level 'poses'"):
        Chain(CHAIN.levels, (StageSpec("pose", consumes="clips", produces=("poses",)),))
