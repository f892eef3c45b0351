"""The segmenter's settings: `CELSTREAM_…` variables beside those of every service."""

from pathlib import Path
from typing import Literal, Self

from celstream_platform.footage.limits import GIB, MIB, Limits
from celstream_platform.settings import ServiceSettings
from pydantic import Field, model_validator

from celstream_segmenter.rules import DetectorName, OpinionModel, SegmentationRules


class SegmenterSettings(ServiceSettings):
    """What the segmenter can be told."""

    detector: DetectorName = Field("celstream", description="Detector of transitions: celstream, content or adaptive.")
    second_opinion: Literal["none", "transnetv2"] = Field(
        "none",
        description="Model that the detector celstream asks where it is unsure of a cut: none, or transnetv2, which "
        "MODELS then serves.",
    )
    min_seconds: float = Field(1.0, gt=0, description="Shortest clip, seconds; a shorter shot is refused.")
    target_seconds: float = Field(5.0, gt=0, description="Parts of a long shot are about this long, seconds.")
    max_seconds: float = Field(20.0, gt=0, description="Longest clip, seconds; a longer shot is split.")
    scratch: Path | None = Field(
        None, description="Folder for files on their way into the store; default: the system's."
    )
    decode_memory_bytes: int = Field(GIB, ge=256 * MIB, description="Memory of the process that decodes, bytes.")
    decode_cpu_seconds: float = Field(6 * 3600, gt=0, description="Processor time that one footage may take, seconds.")
    decode_wall_seconds: float = Field(6 * 3600, gt=0, description="Time that one footage may take, seconds.")
    processes: int = Field(1, ge=1, description="Processes that decode one footage side by side.")
    finish_seconds: float = Field(
        20.0,
        ge=0,
        description="After SIGTERM the minute of film at hand is finished if that takes no longer than this, seconds; "
        "less than DRAIN_SECONDS.",
    )
    upload_bytes: int = Field(4 * GIB, ge=MIB, description="Largest file that DetectShots takes as a stream, bytes.")

    @model_validator(mode="after")
    def _leaves_time_to_close(self) -> Self:
        if self.finish_seconds >= self.drain_seconds:
            raise ValueError(
                f"FINISH_SECONDS {self.finish_seconds:g} leaves no time to save the work before DRAIN_SECONDS "
                f"{self.drain_seconds:g} are over. Give less."
            )
        return self

    @model_validator(mode="after")
    def _has_whom_to_ask(self) -> Self:
        if self.second_opinion != "none" and not self.models:
            raise ValueError(
                f"SECOND_OPINION {self.second_opinion}, and no model server. Give MODELS, or SECOND_OPINION=none."
            )
        return self

    def rules(self, second_opinion: OpinionModel | None = None) -> SegmentationRules:
        """The rules that the settings say. Raises ValueError where the durations contradict each other."""
        return SegmentationRules(
            second_opinion=second_opinion,
            detector=self.detector,
            min_seconds=self.min_seconds,
            target_seconds=self.target_seconds,
            max_seconds=self.max_seconds,
        )

    def limits(self) -> Limits:
        """The limits of the process that decodes."""
        return Limits(
            memory_bytes=self.decode_memory_bytes,
            cpu_seconds=self.decode_cpu_seconds,
            wall_seconds=self.decode_wall_seconds,
        )
