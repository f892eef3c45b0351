"""Films of gigabytes, made in seconds: ordinary pictures at a constant bit rate far above their need, filled up.

And what the processes hold that store one and make clips of it.
"""

import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from celstream_platform.artefacts import open_artefact_store
from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_platform.events import decode, encode
from celstream_platform.footage.probe import fill, probe
from celstream_platform.topics import FOOTAGE, OUTCOMES
from celstream_protos.v1 import envelope_pb2, footage_pb2

from tests.peak import Peak, ended, start

FPS = 24
SHOT_FRAMES = 72
MEGABITS_PER_SECOND = 400
STORED_FILE = Path(__file__).with_name("stored_file.py")
WAIT_SECONDS = 1800.0


def large_film(path: Path, megabytes: int, *, megabits_per_second: int = MEGABITS_PER_SECOND) -> Path:
    """A film of so many megabytes (10^6 bytes) or a little more: cuts every three seconds, with sound."""
    shots = round(megabytes * 8 / megabits_per_second * FPS / SHOT_FRAMES) + 1
    rate = megabits_per_second * 1000
    filled = f"nal-hrd=cbr:keyint=24:threads=1:bitrate={rate}:vbv-maxrate={rate}:vbv-bufsize={rate // 4}"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "x264-params": filled})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        video.codec_context.time_base = Fraction(1, FPS)
        sound = out.add_stream("aac", rate=48_000, layout="stereo")
        noise = np.random.default_rng(0)
        for shot in range(shots):
            blocks = np.random.default_rng(shot).integers(0, 255, (9, 16, 3), np.uint8)
            picture = av.VideoFrame.from_ndarray(blocks.repeat(20, 0).repeat(20, 1), format="rgb24")
            for number in range(shot * SHOT_FRAMES, (shot + 1) * SHOT_FRAMES):
                picture.pts, picture.time_base = number, Fraction(1, FPS)
                out.mux(video.encode(picture))
                samples = noise.normal(0, 0.1, (2, 48_000 // FPS)).astype(np.float32)
                heard = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
                heard.sample_rate, heard.pts, heard.time_base = 48_000, number * 2000, Fraction(1, 48_000)
                out.mux(sound.encode(heard))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))
    return path


def stored(python: str, doing: str, store: str, what: Path | str) -> Peak:
    """What a process holds that stores a file or reads it back; see stored_file.py."""
    return ended(start([python, STORED_FILE, doing, store, what], {}))


def segmented(
    python: str, store: str, film: Path, sha256: str, folder: Path
) -> tuple[Peak, list[envelope_pb2.Outcome]]:
    """(what the largest process of the segmenter holds that makes clips of a stored film, the film's outcomes)."""
    events = sqlite_url(folder / "events.sqlite")
    log = open_event_log(events)
    _offer(log, store, film, sha256)
    settings = {
        "CELSTREAM_EVENTS": events,
        "CELSTREAM_ARTEFACTS": store,
        "CELSTREAM_GRPC_ADDRESS": "127.0.0.1:0",
        "CELSTREAM_METRICS_ADDRESS": "127.0.0.1:0",
        "CELSTREAM_LOG_LEVEL": "warning",
    }
    service = start([python, "-m", "celstream_segmenter"], settings)
    deadline = time.monotonic() + WAIT_SECONDS
    while not (outcomes := _outcomes(log)):
        assert service.poll() is None, "the segmenter ended"
        assert time.monotonic() < deadline, "no end of the work"
        time.sleep(0.2)
    service.terminate()
    log.close()
    return ended(service), outcomes


def _offer(log: EventLog, store: str, film: Path, sha256: str) -> None:
    content = envelope_pb2.ArtefactRef(sha256=sha256, size=film.stat().st_size, media_type="video/mp4")
    assert open_artefact_store(store).stat(content) == content.size
    item = envelope_pb2.ItemHeader(id=sha256, version="1", level="footage", footage_id=sha256)
    footage = footage_pb2.Footage(item=item, name=film.name, content=content)
    fill(footage, probe(film))
    log.ensure_topics([FOOTAGE, OUTCOMES])
    log.publish([encode(FOOTAGE.name, item.id, footage, event_id="1", source="test")])


def _outcomes(log: EventLog) -> list[envelope_pb2.Outcome]:
    reader = log.reader([OUTCOMES.name], {})
    try:
        return [decode(delivery.event, envelope_pb2.Outcome) for delivery in reader.poll(100, 0.0)]
    finally:
        reader.close()
