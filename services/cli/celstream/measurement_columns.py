"""The columns of `clips.parquet` that say what was measured over a clip's frames."""

from celstream_protos.v1 import clip_pb2
from celstream_protos.v1.clip_pb2 import Clip

from celstream.columns import Column, Row
from celstream.contents import enum_name

MEASUREMENTS = (
    Column("brightness", "DOUBLE", "mean luma, 0 (black) to 255"),
    Column("motion", "DOUBLE", "mean absolute difference of consecutive frames' luma, 0 to 255"),
    Column("sharpness", "DOUBLE", "variance of the Laplacian of luma, averaged over the frames; larger is sharper"),
    Column("scan", "VARCHAR", "progressive, interlaced or telecined: how the source's frames hold its moments"),
    Column("ones", "DOUBLE", "share of frames whose drawing is held for one frame, 0 to 1; fields matched first"),
    Column("twos", "DOUBLE", "share of frames whose drawing is held for two frames, 0 to 1"),
    Column("threes", "DOUBLE", "share of frames whose drawing is held for three frames, 0 to 1"),
    Column("longer", "DOUBLE", "share of frames whose drawing is held for longer, 0 to 1"),
    Column("partial", "DOUBLE", "share of new drawings that changed a part only, such as a mouth, 0 to 1"),
    Column("drawings_per_second", "DOUBLE", "drawings per second"),
    Column("hold_frames", "INTEGER[]", "length of every hold in order, frames; they add up to the clip"),
    Column("camera", "VARCHAR", "static, pan, zoom, rotate or shake"),
    Column("camera_right", "DOUBLE", "how far the picture goes to the right from first to last frame, by its height"),
    Column("camera_down", "DOUBLE", "how far the picture goes down from first to last frame, by its height"),
    Column("camera_zoom", "DOUBLE", "natural logarithm of how much the picture grows from first to last frame"),
    Column("camera_turn", "DOUBLE", "how far the picture turns clockwise from first to last frame, radians"),
    Column(
        "camera_steps",
        "FLOAT[]",
        "four numbers a frame, its step from the frame before: right, down (by the height), log of growth, turn in "
        "radians; empty where the camera stands",
    ),
    Column("picture_left", "INTEGER", "first column of the picture inside black bars, pixels"),
    Column("picture_top", "INTEGER", "first row of the picture inside black bars, pixels"),
    Column("picture_width", "INTEGER", "columns of the picture inside black bars"),
    Column("picture_height", "INTEGER", "rows of the picture inside black bars"),
    Column("text", "VARCHAR", "none, some, title_card or credits"),
    Column("black_frames", "INTEGER", "number of black frames"),
    Column("flash_frames", "INTEGER", "number of frames under a flash of light or dark"),
    Column("flat", "DOUBLE", "share of the picture in even fills, 0 to 1"),
    Column("lines", "DOUBLE", "share of the picture in dark outlines, 0 to 1"),
    Column("saturation", "DOUBLE", "mean distance of the colours from grey, 0 to 1"),
    Column("colours", "DOUBLE", "number of colours that cover the picture, brightness apart"),
    Column("live_action", "DOUBLE", "suspicion that this is live action, 0 to 1: a flag to look, no judgement"),
    Column("fingerprint", "UBIGINT[]", "perceptual hashes of pictures in order, 64 bits each; 0 for a plain picture"),
    Column("fingerprint_per_second", "DOUBLE", "hashes per second"),
)


def measurement_row(clip: Clip) -> Row:
    """What was measured of one clip."""
    found = clip.measurements
    cadence, camera, picture, style = found.cadence, found.camera, found.picture, found.style
    return {
        "brightness": found.brightness,
        "motion": found.motion,
        "sharpness": found.sharpness,
        "scan": enum_name(clip_pb2.Scan.Name(found.scan), "SCAN_"),
        "ones": cadence.ones,
        "twos": cadence.twos,
        "threes": cadence.threes,
        "longer": cadence.longer,
        "partial": cadence.partial,
        "drawings_per_second": cadence.drawings_per_second,
        "hold_frames": list(cadence.hold_frames),
        "camera": enum_name(clip_pb2.CameraMoveKind.Name(camera.kind), "CAMERA_MOVE_KIND_"),
        "camera_right": camera.right,
        "camera_down": camera.down,
        "camera_zoom": camera.zoom,
        "camera_turn": camera.turn,
        "camera_steps": list(camera.steps),
        "picture_left": picture.left,
        "picture_top": picture.top,
        "picture_width": picture.width,
        "picture_height": picture.height,
        "text": enum_name(clip_pb2.TextKind.Name(found.text), "TEXT_KIND_"),
        "black_frames": found.black_frames,
        "flash_frames": found.flash_frames,
        "flat": style.flat,
        "lines": style.lines,
        "saturation": style.saturation,
        "colours": style.colours,
        "live_action": found.live_action,
        "fingerprint": list(found.fingerprint.hashes),
        "fingerprint_per_second": found.fingerprint.per_second,
    }
