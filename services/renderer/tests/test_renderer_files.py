"""The files hold the film: every codec, delivery, sound track, and the command line."""

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from celstream_renderer import (
    SAMPLE_RATE_HZ,
    STYLES,
    Actor,
    Backdrop,
    Cadence,
    Delivery,
    Film,
    Motion,
    Puppet,
    Scene,
    Shot,
    Sound,
    Speech,
    demo_film,
    frame_count,
    frames,
    random_film,
    render,
    soundtrack,
    truth_of,
)
from celstream_renderer.__main__ import app
from celstream_renderer.speech import syllables, viseme_at
from typer.testing import CliRunner

SMALL = (160, 96)
PUPPET = Puppet()


def short_film(
    fps: Fraction = Fraction(24), frames_a: int = 13, frames_b: int = 11, sound: Sound | None = None
) -> Film:
    day = Scene("cel", Backdrop("meadow", 1), (Actor(PUPPET, motion=Motion("walk", 1.0, 0.4)),), cadence=Cadence(1, 1))
    night = Scene("neon", Backdrop("street", 1), (Actor(PUPPET, motion=Motion("dance", 1.0)),), cadence=Cadence(1, 1))
    return Film((Shot(frames_a, day), Shot(frames_b, night)), SMALL, fps, sound)


def decoded(path: Path) -> tuple[list[np.ndarray], list[Fraction]]:
    """Frames as RGB and their times in seconds."""
    pictures, times = [], []
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "FRAME"
        for frame in container.decode(video=0):
            pictures.append(frame.to_ndarray(format="rgb24"))
            times.append(frame.pts * frame.time_base)
    return pictures, times


@pytest.mark.parametrize(
    ("codec", "name", "pixel_format"),
    [
        ("libx264", "film.mp4", "yuv420p"),
        ("libx264", "film.mkv", "yuv444p"),
        ("libx264", "film10.mp4", "yuv420p10le"),
        ("libx265", "film.mov", "yuv420p"),
        ("libvpx", "film.webm", "yuv420p"),
        ("libvpx-vp9", "film9.webm", "yuv420p"),
        ("libsvtav1", "film1.mp4", "yuv420p"),
        ("ffv1", "filmf.mkv", "yuv420p"),
        ("mpeg4", "film.avi", "yuv420p"),
    ],
)
def test_every_codec_holds_every_frame_and_the_cut(tmp_path: Path, codec: str, name: str, pixel_format: str) -> None:
    film = short_film()
    truth = render(film, tmp_path / name, codec=codec, pixel_format=pixel_format, crf=12 if codec != "mpeg4" else 3)
    drawn = list(frames(film))
    pictures, times = decoded(tmp_path / name)
    assert len(pictures) == truth.frames == 24
    assert [round(t * 24) for t in times] == list(range(24))
    (cut,) = truth.transitions
    assert cut.frame == 13
    for got, wanted in zip(pictures, drawn, strict=True):
        assert np.abs(got.astype(int) - wanted).mean() < 9


@pytest.mark.parametrize("codec", ["libx264", "libvpx-vp9", "ffv1"])
def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, codec: str) -> None:
    film = random_film(5, None, seconds=2, size=SMALL)
    suffix, audio = ("webm", "libopus") if codec == "libvpx-vp9" else ("mkv", "aac")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        render(film, tmp_path / name / f"film.{suffix}", codec=codec, audio_codec=audio)
    for file in (f"film.{suffix}", "film.truth.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60)])
def test_rates_are_exact(tmp_path: Path, fps: Fraction) -> None:
    render(short_film(fps), tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert container.streams.video[0].average_rate == fps
        assert container.streams.video[0].frames == 24


def test_key_frames_come_as_often_as_asked(tmp_path: Path) -> None:
    render(short_film(), tmp_path / "film.mp4", gop=6, b_frames=0, options={"sc_threshold": "0"})
    with av.open(str(tmp_path / "film.mp4")) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert [i for i, key in enumerate(keys) if key] == [0, 6, 12, 18]


def test_interlaced_frames_weave_two_moments(tmp_path: Path) -> None:
    film = short_film(Fraction(50), 13, 11)
    truth = render(film, tmp_path / "film.mkv", codec="ffv1", pixel_format="yuv444p", delivery=Delivery("interlaced"))
    drawn = list(frames(film))
    pictures, _ = decoded(tmp_path / "film.mkv")
    assert (truth.frames, truth.fps) == (12, (25, 1))
    for number, picture in enumerate(pictures):
        assert np.abs(picture[0::2].astype(int) - drawn[2 * number][0::2]).mean() < 2.5
        assert np.abs(picture[1::2].astype(int) - drawn[2 * number + 1][1::2]).mean() < 2.5
    # Film frame 13 is the bottom field of frame 6: that frame is mixed, frame 7 shows the new shot alone.
    (cut,) = truth.transitions
    assert (cut.frame, cut.start_frame, cut.end_frame) == (7, 6, 6)


def test_telecine_makes_five_frames_of_four(tmp_path: Path) -> None:
    film = short_film(Fraction(24000, 1001))
    truth = render(film, tmp_path / "film.mp4", delivery=Delivery("telecine"))
    assert (truth.frames, truth.fps) == (30, (30000, 1001))
    assert truth.mixed_frames == tuple(i for i in range(30) if i % 5 in (2, 3))
    pictures, _ = decoded(tmp_path / "film.mp4")
    assert len(pictures) == 30
    assert sum(truth.shots[0].holds) == truth.shots[0].end - truth.shots[0].start


def test_a_blend_mixes_across_the_cut_and_a_repeat_does_not(tmp_path: Path) -> None:
    film = short_film(Fraction(24))
    blend = render(film, tmp_path / "blend.mp4", delivery=Delivery("blend", Fraction(30)))
    repeat = render(film, tmp_path / "repeat.mp4", delivery=Delivery("repeat", Fraction(30)))
    assert blend.frames == repeat.frames == 30
    (soft,), (hard,) = blend.transitions, repeat.transitions
    assert (soft.start_frame, soft.end_frame, soft.frame) == (16, 16, 17)
    assert hard.start_frame == hard.frame == 17
    assert set(repeat.shots[0].holds) == {1, 2}


def test_a_variable_rate_drops_repeats_and_keeps_the_time(tmp_path: Path) -> None:
    dancer = Actor(PUPPET, motion=Motion("dance"))
    scenes = [Scene(style, Backdrop("room", 1), (dancer,), cadence=Cadence(3, 3)) for style in ("cel", "ink")]
    film = Film(tuple(Shot(20, scene) for scene in scenes), SMALL, sound=None)
    truth = render(film, tmp_path / "film.mp4", delivery=Delivery("variable"))
    pictures, times = decoded(tmp_path / "film.mp4")
    assert len(pictures) == truth.frames < 20
    assert [round(t * 24) for t in times] == list(truth.times)
    (cut,) = truth.transitions
    assert truth.times[cut.frame] == 20


def test_the_rotation_is_a_flag(tmp_path: Path) -> None:
    render(short_film(), tmp_path / "film.mp4", rotation=90, sample_aspect=Fraction(4, 3))
    with av.open(str(tmp_path / "film.mp4")) as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == SMALL
        assert frame.rotation == 90
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


@pytest.mark.parametrize(("codec", "name"), [("aac", "film.mp4"), ("flac", "film.mkv"), ("libopus", "film.webm")])
def test_sound_is_as_long_as_the_picture_and_may_begin_late(tmp_path: Path, codec: str, name: str) -> None:
    film = short_film(Fraction(24), 30, 18, Sound(0.3, 1, late_start=0.5))
    video = "libvpx" if name.endswith("webm") else "libx264"
    render(film, tmp_path / name, codec=video, audio_codec=codec)
    with av.open(str(tmp_path / name)) as container:
        heard = list(container.decode(audio=0))
    assert heard[0].layout.name == "stereo"
    assert abs(float(heard[0].pts * heard[0].time_base) - 0.5) < 0.05
    end = heard[-1].pts * heard[-1].time_base + Fraction(heard[-1].samples, heard[-1].sample_rate)
    assert abs(float(end) - 2.0) < 0.05


def test_surround_sound_speaks_from_the_centre(tmp_path: Path) -> None:
    talker = Scene("cel", actors=(Actor(PUPPET, speech=Speech(1, 0.0, 1.0)),))
    film = Film((Shot(24, talker),), SMALL, sound=Sound(0.3, 1, channels=6))
    track = soundtrack(film)
    assert track is not None
    assert track.shape == (6, 48000)
    assert np.abs(track[2]).max() > 0.1
    assert not track[3].any()
    render(film, tmp_path / "film.mkv", audio_codec="flac")
    with av.open(str(tmp_path / "film.mkv")) as container:
        assert container.streams.audio[0].channels == 6


def test_the_mouth_opens_when_there_is_speech() -> None:
    speech = Speech(11, 0.3, 4.0)
    film = Film((Shot(120, Scene("cel", actors=(Actor(PUPPET, speech=speech),))),), SMALL, sound=Sound(music=0.0))
    track = soundtrack(film)
    assert track is not None
    loud = np.array([np.abs(track[:, s : s + 480]).max() for s in range(0, track.shape[1] - 480, 480)]) > 0.02
    moving = np.array([viseme_at(speech, (s + 0.5) / 100) != "rest" for s in range(len(loud))])
    assert (loud == moving).mean() > 0.93
    spoken = [(s.start, s.end) for s in truth_of(film).speech]
    assert spoken[0][0] == 0.3
    assert len(spoken) > 1
    assert syllables(speech)[-1].start < spoken[-1][1]
    assert track.shape[1] == SAMPLE_RATE_HZ * 5


def test_the_demo_shows_every_style_and_gives_rejections_something_to_reject() -> None:
    truth = truth_of(demo_film())
    assert 24 * 24 < truth.frames < 30 * 24
    assert {shot.style for shot in truth.shots} >= set(STYLES)
    assert truth.black
    assert truth.titles
    assert truth.credits
    assert truth.speech
    assert min(shot.end - shot.start for shot in truth.shots) < 12
    assert {t.kind for t in truth.transitions} == {"cut", "dissolve", "wipe", "fade_in", "fade_out"}


def test_sixty_unseen_films_are_all_different_and_all_valid() -> None:
    films = [
        random_film(seed, tuple(STYLES)[seed % 6], seconds=10, size=SMALL, sound=False) for seed in range(9000, 9060)
    ]
    assert len(set(films)) == 60
    assert all(frame_count(film) >= 200 for film in films)
    contents = [shot.content for film in films for shot in film.shots]
    cameras = {content.camera.kind for content in contents if isinstance(content, Scene)}
    assert cameras == {"static", "pan", "zoom", "rotate", "shake", "whip"}


def test_the_command_writes_a_film_and_its_truth(tmp_path: Path) -> None:
    out = tmp_path / "neon.mp4"
    arguments = ["film", "--out", str(out), "--seed", "3", "--style", "neon", "--seconds", "1", "--size", "160x96"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    truth = json.loads((tmp_path / "neon.truth.json").read_text())
    assert truth["frames"] == len(decoded(out)[0])
    assert truth["joint_names"][0] == "nose"
    assert truth["shots"][0]["start"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--style", "noir"], "style 'noir'"),
        (["--size", "big"], "size 'big'"),
        (["--size", "161x96"], "size 161x96"),
        (["--fps", "fast"], "fps 'fast'"),
        (["--delivery", "post"], "delivery 'post'"),
        (["--codec", "libx267"], "libx267"),
    ],
)
def test_the_command_refuses_in_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, ["film", "--out", str(tmp_path / "f.mp4"), "--seconds", "1", *arguments])
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output
