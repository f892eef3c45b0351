"""What the truth says is what the pictures show."""

from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest
from celstream_renderer import (
    BONES,
    JOINTS,
    STYLES,
    Actor,
    Backdrop,
    Black,
    Cadence,
    Camera,
    Film,
    Flash,
    Motion,
    Puppet,
    Scene,
    Shot,
    Speech,
    TitleCard,
    Transition,
    View,
    demo_film,
    frame_count,
    frames,
    joints,
    random_film,
    transitions,
    truth_of,
)
from celstream_renderer.camera import applied
from celstream_renderer.compose import shot_frames

SMALL = (256, 144)
STILL, TWOS = Camera(), Cadence()
WALKER = Actor(Puppet(), x=-0.3, motion=Motion("walk", 1.0, 0.3))


def film_of(*shots: Shot, size: tuple[int, int] = SMALL, fps: Fraction = Fraction(24)) -> Film:
    return Film(shots, size, fps, sound=None)


def scene(style: str = "cel", *actors: Actor, camera: Camera = STILL, cadence: Cadence = TWOS) -> Scene:
    return Scene(style, Backdrop("meadow", 2), actors or (WALKER,), camera, cadence)


@pytest.mark.parametrize("style", list(STYLES))
def test_a_hold_shows_one_picture_and_the_next_drawing_another(style: str) -> None:
    film = random_film(31, style, seconds=5, size=SMALL, sound=False)
    pictures = list(frames(film))
    for shot in truth_of(film).shots:
        content = film.shots[shot.index].content
        if shot.camera != "static" or (isinstance(content, Scene) and content.flashes) or shot.kind == "credits":
            continue
        assert sum(shot.holds) == sum(shot.pose_holds) == shot.end - shot.start
        edges = set((shot.start + np.cumsum((0, *shot.holds))).tolist())
        for frame in range(shot.clean_start + 1, shot.clean_end):
            same = np.array_equal(pictures[frame - 1], pictures[frame])
            assert same == (frame not in edges), f"shot {shot.index}, frame {frame}"


def test_a_cut_is_where_the_new_shot_begins() -> None:
    film = demo_film((160, 90))
    pictures = list(frames(film))
    truth = truth_of(film)
    starts = {shot.start: shot for shot in truth.shots}
    cuts = [t.frame for t in truth.transitions if t.kind == "cut"]
    assert len(cuts) == 7
    for cut in cuts:
        first = shot_frames(film, film.shots[starts[cut].index]).picture(0)
        assert np.array_equal(pictures[cut], first)
        assert not np.array_equal(pictures[cut - 1], pictures[cut])


def test_transitions_lie_where_the_description_puts_them() -> None:
    film = film_of(
        Shot(20, scene(), Transition("fade_in", 5), Transition("fade_out", 4)),
        Shot(6, Black()),
        Shot(30, scene("ink"), Transition("fade_in", 6)),
        Shot(30, scene("neon"), Transition("dissolve", 8)),
        Shot(10, scene("anime")),
        Shot(20, scene("pastel"), Transition("wipe", 4)),
    )
    found = [(t.kind, t.frame, t.start_frame, t.end_frame) for t in transitions(film)]
    assert found == [
        ("fade_in", 0, 0, 4),
        ("fade_out", 20, 16, 19),
        ("fade_in", 26, 26, 31),
        ("dissolve", 56, 48, 55),
        ("cut", 78, 78, 78),
        ("wipe", 88, 84, 87),
    ]
    truth = truth_of(film)
    assert frame_count(film) == truth.frames == 104
    assert truth.black == ((20, 26),)
    assert [(s.start, s.end, s.clean_start, s.clean_end) for s in truth.shots][3:] == [
        (48, 78, 56, 78),
        (78, 88, 78, 84),
        (84, 104, 88, 104),
    ]


def test_mixed_frames_are_neither_picture_and_clean_frames_are_pure() -> None:
    film = film_of(
        Shot(12, TitleCard("cel", "One"), Transition("fade_in", 4)),
        Shot(16, TitleCard("ink", "Two"), Transition("dissolve", 5)),
        Shot(14, TitleCard("neon", "Three"), Transition("wipe", 4), Transition("fade_out", 5)),
        Shot(3, Black()),
    )
    pictures = list(frames(film))
    pure = [shot_frames(film, shot).picture(0) for shot in film.shots]
    truth = truth_of(film)
    for shot in truth.shots:
        for frame in range(shot.start, shot.end):
            clean = shot.clean_start <= frame < shot.clean_end
            assert np.array_equal(pictures[frame], pure[shot.index]) == clean
    light = [int(p.astype(int).sum()) for p in pictures]
    assert light[0] < light[1] < light[2] < light[3] < light[4] == light[6]
    assert all(a > b for a, b in pairwise(light[27:33]))
    assert light[-1] == 0


def test_every_frame_counts_once_at_every_rate() -> None:
    for fps in (Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60)):
        for seed in range(6):
            film = random_film(seed, None, seconds=6, fps=fps, size=(96, 54), sound=False)
            truth = truth_of(film)
            assert truth.frames == frame_count(film)
            overlaps = sum(t.end_frame - t.start_frame + 1 for t in truth.transitions if t.kind in ("dissolve", "wipe"))
            assert sum(s.end - s.start for s in truth.shots) == truth.frames + overlaps
            assert Fraction(*truth.fps) == fps


def test_threes_of_24_frames_a_second_show_as_3_and_4_in_30() -> None:
    film = film_of(Shot(60, scene(cadence=Cadence(3, 3, Fraction(24)))), fps=Fraction(30), size=(640, 360))
    (shot,) = truth_of(film).shots
    assert set(shot.holds[1:-1]) == {3, 4}
    assert abs(np.mean(shot.holds) - 3.75) < 0.1


def test_a_partial_hold_changes_the_mouth_alone() -> None:
    talker = Actor(Puppet(), ground=1.0, height=1.4, speech=Speech(4, 0.0, 2.0))
    film = film_of(Shot(48, scene("cel", talker)), size=(320, 180))
    (shot,) = truth_of(film).shots
    assert shot.pose_holds == (48,)
    assert len(shot.holds) > 8
    pictures = list(frames(film))
    (_, _, points) = joints(film, 0)[0]
    centre, half = points[JOINTS.index("head")], abs(points[JOINTS.index("chin")] - points[JOINTS.index("head")]).max()
    for edge in np.cumsum(shot.holds)[:-1]:
        rows, columns = np.nonzero((pictures[edge] != pictures[edge - 1]).any(axis=2))
        assert np.hypot(rows - centre[1], columns - centre[0]).max() < 1.1 * half


def test_bones_keep_their_lengths_and_the_figure_stays_in_the_picture() -> None:
    for facing in (1, -1):
        for kind in ("stand", "walk", "run", "wave", "talk", "jump", "dance", "point"):
            actor = Actor(Puppet(), ground=0.42, height=0.55, facing=facing, motion=Motion(kind))  # type: ignore[arg-type]
            film = film_of(Shot(30, scene("cel", actor)), size=(320, 180))
            lengths = []
            for frame in range(0, 30, 3):
                ((_, _, points),) = joints(film, frame)
                assert (points >= 0).all()
                assert (points < (320, 180)).all()
                ends = np.array([(JOINTS.index(a), JOINTS.index(b)) for a, b in BONES])
                lengths.append(np.hypot(*(points[ends[:, 0]] - points[ends[:, 1]]).T))
            assert np.ptp(np.array(lengths), axis=0).max() < 1e-6


def test_a_joint_lies_where_the_figure_is_drawn() -> None:
    actor = Actor(Puppet(), x=0.1, ground=0.42, height=0.7, motion=Motion("wave"))
    empty = Scene("cel", Backdrop("plain", 1), ())
    film = film_of(Shot(4, Scene("cel", Backdrop("plain", 1), (actor,))), Shot(1, empty), size=(640, 360))
    pictures = list(frames(film))
    ((_, _, points),) = joints(film, 0)
    changed = cv2.dilate((pictures[0] != pictures[4]).any(axis=2).astype(np.uint8), np.ones((3, 3), np.uint8))
    for name, (x, y) in zip(JOINTS, points, strict=True):
        assert changed[int(y), int(x)], name


@pytest.mark.parametrize(
    "camera",
    [
        Camera("pan", View(-0.2), View(0.5, 0.05)),
        Camera("zoom", View(), View(0.05, 0.0, 1.4)),
        Camera("rotate", View(0, 0, 1.2, -5), View(0, 0, 1.2, 6)),
        Camera("shake", shake=0.02),
    ],
)
def test_the_camera_moves_as_its_transforms_say(camera: Camera) -> None:
    still = Actor(Puppet(), motion=Motion("stand"))
    film = film_of(Shot(20, scene("pastel", still, camera=camera)), size=(320, 180))
    pictures = list(frames(film))
    (shot,) = truth_of(film).shots
    assert shot.transforms is not None
    for frame in (7, 19):
        matrix = np.array(shot.transforms[frame]).reshape(2, 3)
        centred = matrix.copy()
        centred[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
        moved = cv2.warpAffine(pictures[0], centred, (320, 180), borderValue=(0, 0, 0))
        inside = cv2.warpAffine(np.full((180, 320), 255, np.uint8), centred, (320, 180))
        seen = cv2.erode((inside == 255).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        error = np.abs(moved.astype(int) - pictures[frame].astype(int))[seen].mean()
        unmoved = np.abs(pictures[0].astype(int) - pictures[frame].astype(int))[seen].mean()
        assert error < 0.35 * unmoved
        ((_, _, start),), ((_, _, here),) = joints(film, 0), joints(film, frame)
        assert np.allclose(applied(matrix, start), here, atol=0.02)


def test_a_flash_is_told_and_is_no_transition() -> None:
    bright = Scene("cel", Backdrop("room", 1), (WALKER,), flashes=(Flash(5, 2),))
    truth = truth_of(film_of(Shot(12, scene()), Shot(20, bright)))
    assert truth.flashes == ((17, 19),)
    assert [t.frame for t in truth.transitions] == [12]


def test_bars_are_black_and_the_picture_box_tells_them() -> None:
    film = Film((Shot(2, scene()),), (320, 180), sound=None, picture_ratio=2.4)
    truth = truth_of(film)
    left, top, width, height = truth.picture_box
    assert (left, width) == (0, 320)
    assert abs(width / height - 2.4) < 0.05
    picture = next(frames(film))
    assert not picture[:top].any()
    assert not picture[top + height :].any()
    assert picture[top].any()
    pillar = truth_of(Film((Shot(2, scene()),), (320, 180), sound=None, picture_ratio=4 / 3))
    assert pillar.picture_box == (40, 0, 240, 180)


def test_the_same_seed_gives_the_same_film_and_another_seed_another() -> None:
    assert random_film(7) == random_film(7)
    assert random_film(7) != random_film(8)
    assert {shot.content.style for shot in random_film(7, "ink").shots} <= {"ink", "black"}


@pytest.mark.parametrize(
    ("film", "words"),
    [
        (film_of(Shot(5, scene()), size=(321, 180)), "size 321x180"),
        (film_of(Shot(0, scene())), "shot 0: 0 frames"),
        (film_of(Shot(5, scene(), Transition("dissolve", 2))), "needs a picture before it"),
        (film_of(Shot(5, scene()), Shot(9, scene(), Transition("fade_in", 2))), "needs black or a fade_out"),
        (film_of(Shot(5, scene(), Transition("fade_in", 5))), "all in transitions"),
        (film_of(), "no shots"),
    ],
)
def test_a_film_that_cannot_be_is_refused_in_one_line(film: Film, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        truth_of(film)
    assert "\n" not in str(refusal.value)
