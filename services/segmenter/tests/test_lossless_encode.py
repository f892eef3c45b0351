"""Footage that must be encoded keeps every sample, whatever its pixel format, and what describes it."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from celstream_platform.errors import Invalid
from celstream_segmenter.lossless_cut import Cutter
from celstream_segmenter.lossless_encode import lossless_codec

from tests.cut_truth import Whole, frames_are_the_footages
from tests.footage_samples import X264, X265, Sample, make

X265_ONE_SECOND = {"preset": "ultrafast", "x265-params": "keyint=24:" + X265}
MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
FORMATS = (
    Sample("rgb.mp4", "libx264rgb", {**X264, "g": "24"}, "bgr24", frames=16),
    Sample("grey.mp4", "libx265", X265_ONE_SECOND, "gray", frames=16),
    Sample("bits_12.mp4", "libx265", X265_ONE_SECOND, "yuv422p12le", frames=16),
    Sample("rgb_12.mp4", "libx265", X265_ONE_SECOND, "gbrp12le", frames=16),
    Sample("alpha.mov", "prores_ks", {"profile": "4"}, "yuva444p10le", frames=16),
    Sample("prores.mov", "prores_ks", {"profile": "3"}, "yuv422p10le", frames=16),
    Sample("rgba.mkv", "ffv1", {}, "bgra", frames=16),
    Sample("yuv_440.mkv", "ffv1", {}, "yuv440p", frames=16),
    Sample("full_range.avi", "mjpeg", {}, "yuvj422p", frames=16),
    Sample("png.mov", "png", {}, "rgb24", frames=16),
    Sample("palette.gif", "gif", {}, "rgb8", frames=16, rate=Fraction(25)),
)
HDR = Sample(
    "hdr.mp4",
    "libx265",
    {"preset": "ultrafast", "x265-params": f"keyint=24:{X265}:hdr10=1:master-display={MASTERING}:max-cll=1000,400"},
    "yuv420p10le",
    frames=16,
    colour=(9, 16, 9),
)
FIELDS = Sample("fields.ts", "mpeg2video", {"flags": "+ildct+ilme"}, frames=16, height=96, rate=Fraction(25))


@pytest.mark.parametrize("shape", FORMATS, ids=[shape.file for shape in FORMATS])
def test_every_sample_of_every_format_survives(shape: Sample, tmp_path: Path) -> None:
    source = Whole(make(shape, tmp_path))
    with Cutter(source.path, source.index) as cutter:
        result = cutter.cut(3, 12, tmp_path / "clip.mp4", encode_because="for the test")
    assert result.method == "encoded"
    assert frames_are_the_footages(source, 3, 12, tmp_path / "clip.mp4")


def test_hdr_survives_copying_and_encoding(tmp_path: Path) -> None:
    source = Whole(make(HDR, tmp_path))
    wanted = _hdr(source.path)
    assert len(wanted) == 2
    with Cutter(source.path, source.index) as cutter:
        for reason in (None, "for the test"):
            cutter.cut(3, 12, tmp_path / "clip.mp4", encode_because=reason)
            assert frames_are_the_footages(source, 3, 12, tmp_path / "clip.mp4")
            assert _hdr(tmp_path / "clip.mp4") == wanted


def _hdr(path: Path) -> dict[str, bytes]:
    """Mastering display and light levels of the first frame, as libav holds them."""
    with av.open(path) as container:
        frame = next(container.decode(video=0))
        kinds = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")
        return {side.type.name: bytes(side) for side in frame.side_data if side.type.name in kinds}


def test_interlaced_footage_stays_marked_as_interlaced(tmp_path: Path) -> None:
    source = Whole(make(FIELDS, tmp_path))
    with Cutter(source.path, source.index) as cutter:
        cutter.cut(3, 12, tmp_path / "clip.mp4", encode_because="for the test")
    assert frames_are_the_footages(source, 3, 12, tmp_path / "clip.mp4")
    with av.open(tmp_path / "clip.mp4") as clip:
        assert next(clip.decode(video=0)).interlaced_frame


def test_a_format_that_no_encoder_keeps_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="pixel format xyz12le: no lossless encoder keeps it"):
        lossless_codec("xyz12le")
