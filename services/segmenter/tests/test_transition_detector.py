"""The detector as PySceneDetect's users see it."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from celstream_segmenter.cartoon_detector import CHANGE, NOVELTY, CartoonDetector
from scenedetect import SceneManager, StatsManager, open_video

from tests.transition_pictures import HEIGHT, WIDTH, Picture, mixed, shot


def written(path: Path, frames: list[Picture]) -> str:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(24), options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))
    return str(path)


def test_scenes_begin_where_shots_do(tmp_path: Path) -> None:
    old, new = shot(2, 60), shot(3, 60)
    between = [mixed(old[40 + i], new[i], (i + 1) / 17) for i in range(16)]
    path = written(tmp_path / "film.mp4", shot(1, 30) + old[:40] + between + new[16:])
    detector = CartoonDetector()
    manager = SceneManager(StatsManager())
    manager.add_detector(detector)
    manager.detect_scenes(open_video(path))
    starts = [scene[0].frame_num for scene in manager.get_scene_list()]
    assert [item.kind for item in detector.transitions] == ["cut", "dissolve"]
    assert starts[:2] == [0, 30]
    assert starts[2] == pytest.approx(78, abs=3)


def test_its_measures_reach_the_stats_of_the_manager(tmp_path: Path) -> None:
    path = written(tmp_path / "film.mp4", shot(1, 20) + shot(2, 20))
    stats = StatsManager()
    manager = SceneManager(stats)
    manager.add_detector(CartoonDetector())
    video = open_video(path)
    manager.detect_scenes(video)
    change, new = stats.get_metrics(video.base_timecode + 20, [CHANGE, NOVELTY])
    assert change > 0.5
    assert new > 0.5
