"""Measurements of a clip as the contracts say them."""

from celstream_protos.v1 import clip_pb2

from celstream_segmenter.measured import HASHES_PER_SECOND, ClipMeasurements

SCANS = {
    "progressive": clip_pb2.SCAN_PROGRESSIVE,
    "interlaced": clip_pb2.SCAN_INTERLACED,
    "telecined": clip_pb2.SCAN_TELECINED,
}
CAMERA_MOVES = {
    "static": clip_pb2.CAMERA_MOVE_KIND_STATIC,
    "pan": clip_pb2.CAMERA_MOVE_KIND_PAN,
    "zoom": clip_pb2.CAMERA_MOVE_KIND_ZOOM,
    "rotate": clip_pb2.CAMERA_MOVE_KIND_ROTATE,
    "shake": clip_pb2.CAMERA_MOVE_KIND_SHAKE,
}
TEXTS = {
    "none": clip_pb2.TEXT_KIND_NONE,
    "some": clip_pb2.TEXT_KIND_SOME,
    "title_card": clip_pb2.TEXT_KIND_TITLE_CARD,
    "credits": clip_pb2.TEXT_KIND_CREDITS,
}
MOST_STEPS = 2400  # four numbers of four bytes each: an event stays below 64 KiB


def measurements_message(
    found: ClipMeasurements, *, brightness: float, motion: float, sharpness: float
) -> clip_pb2.ClipMeasurements:
    """The message; brightness, motion, sharpness: the clip's means."""
    cadence, camera, picture, style = found.cadence, found.camera, found.picture, found.style
    moves = camera.kind != "static" and len(found.steps) <= MOST_STEPS
    return clip_pb2.ClipMeasurements(
        brightness=brightness,
        motion=motion,
        sharpness=sharpness,
        cadence=clip_pb2.Cadence(
            ones=cadence.ones,
            twos=cadence.twos,
            threes=cadence.threes,
            longer=cadence.longer,
            partial=cadence.partial,
            drawings_per_second=cadence.drawings_per_second,
            median_frames=cadence.median_frames,
            hold_frames=[hold.length for hold in found.holds],
            partial_holds=[hold.partial for hold in found.holds],
        ),
        scan=SCANS[found.scan],
        camera=clip_pb2.CameraMove(
            kind=CAMERA_MOVES[camera.kind],
            right=camera.right,
            down=camera.down,
            zoom=camera.zoom,
            turn=camera.turn,
            step=camera.step,
            known=camera.known,
            steps=[v for step in found.steps for v in (step.dx, step.dy, step.zoom, step.turn)] if moves else [],
        ),
        picture=clip_pb2.PixelRectangle(left=picture.left, top=picture.top, width=picture.width, height=picture.height),
        text=TEXTS[found.text],
        black_frames=found.black_frames,
        flash_frames=found.flash_frames,
        style=clip_pb2.StyleHints(
            flat=style.flat, lines=style.lines, saturation=style.saturation, colours=style.colours
        ),
        live_action=found.live_action,
        fingerprint=clip_pb2.Fingerprint(hashes=found.hashes.tolist(), per_second=HASHES_PER_SECOND),
    )
