"""The truth about a film's file, frame by frame, as data and as JSON.

`<name>.truth.json` has the fields of `Truth`, as lists, numbers and strings. Frame numbers are
those of the file in display order, from 0; ranges are [start, end) unless they say otherwise.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from celstream_renderer import camera as cameras
from celstream_renderer.cards import CreditFrames
from celstream_renderer.compose import picture_box
from celstream_renderer.delivery import FileFrame
from celstream_renderer.drawings import Drawing, drawings
from celstream_renderer.film import Black, Credits, Film, Scene, TitleCard
from celstream_renderer.skeleton import JOINTS
from celstream_renderer.speech import spoken_ranges
from celstream_renderer.timeline import ShotSpan, TransitionSpan, frame_count, shot_spans, transitions

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class CharacterTruth:
    """A character of a shot. drawings: one list of (x, y) per drawing (see ShotTruth.drawing_starts), in
    pixels of the picture as the camera saw it at the shot's first frame, in the order of Truth.joint_names."""

    name: str
    motion: str
    facing: int
    speaks: bool
    drawings: tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True, slots=True)
class ShotTruth:
    """One shot: frames [start, end), of which [clean_start, clean_end) are in no transition.

    kind: scene, title, credits or black. holds: for how many frames each drawing is shown, in order,
    mouths and eyes counted ("partial holds"); pose_holds: the same without mouths and eyes. Both add up to
    end - start. camera: static, pan, zoom, rotate, shake or whip. transforms: per frame the six numbers
    of the 2x3 affine from pixels of the shot's first frame to pixels of this frame (pixel centres
    at .5); None where the camera does not move. passing: frames in which something crosses close to the camera.
    drawing_starts: first frame of each entry of CharacterTruth.drawings, counted in *film* frames from the
    shot's start.
    """

    index: int
    kind: str
    style: str
    backdrop: str
    start: int
    end: int
    clean_start: int
    clean_end: int
    holds: tuple[int, ...]
    pose_holds: tuple[int, ...]
    camera: str
    transforms: tuple[tuple[float, ...], ...] | None
    passing: tuple[Range, ...]
    drawing_starts: tuple[int, ...]
    characters: tuple[CharacterTruth, ...]


@dataclass(frozen=True, slots=True)
class SpeechTruth:
    """One phrase: seconds of the film [start, end); character is None for a voice off screen."""

    shot: int | None
    character: str | None
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that is known about the file.

    fps: numerator, denominator; times: per frame its time stamp in units of 1/fps (equal to the
    frame's number unless the rate varies). picture_box: left, top, width, height without bars.
    flashes, black, titles, credits: ranges. mixed_frames: frames of the file that mix two film frames.
    """

    name: str
    frames: int
    fps: tuple[int, int]
    size: tuple[int, int]
    picture_box: tuple[int, int, int, int]
    times: tuple[int, ...]
    mixed_frames: tuple[int, ...]
    transitions: tuple[TransitionSpan, ...]
    flashes: tuple[Range, ...]
    black: tuple[Range, ...]
    titles: tuple[Range, ...]
    credits: tuple[Range, ...]
    speech: tuple[SpeechTruth, ...]
    joint_names: tuple[str, ...]
    shots: tuple[ShotTruth, ...]

    def to_json(self) -> str:
        """The truth as a JSON object, one field per attribute."""
        return json.dumps(asdict(self), separators=(",", ":"))


class _Mapping:
    """From film frames to the frames of the file that show them."""

    def __init__(self, shown: Sequence[FileFrame]) -> None:
        self.shown = shown
        self._early = [min(f.first, f.second) for f in shown]
        self._late = [max(f.first, f.second) for f in shown]

    def reached(self, frame: int) -> int:
        """First frame of the file that shows the film frame or a later one, be it in part."""
        return bisect_left(self._late, frame)

    def alone(self, frame: int) -> int:
        """First frame of the file that shows nothing from before the film frame."""
        return bisect_left(self._early, frame)

    def left(self, frame: int) -> int:
        """First frame of the file that shows nothing before `frame`, as the end of a range."""
        return bisect_right(self._early, frame - 1)

    def span(self, start: int, end: int) -> Range:
        return self.reached(start), self.left(end)


def _moved(span: TransitionSpan, mapping: _Mapping) -> TransitionSpan:
    frame = mapping.alone(span.frame)
    start = mapping.reached(span.start_frame)
    if span.kind == "cut":
        return TransitionSpan("cut", frame, start, max(start, frame - 1) if start < frame else frame)
    return TransitionSpan(span.kind, frame, start, max(start, mapping.left(span.end_frame + 1) - 1))


def _runs(numbers: Sequence[int]) -> tuple[int, ...]:
    """Lengths of runs of equal neighbours."""
    if not numbers:
        return ()
    edges = np.flatnonzero(np.diff(np.asarray(numbers))) + 1
    return tuple(int(n) for n in np.diff(np.concatenate([[0], edges, [len(numbers)]])))


def _characters(film: Film, scene: Scene, made: Sequence[Drawing], frames: int) -> tuple[CharacterTruth, ...]:
    found = []
    for number, actor in enumerate(scene.actors):
        points = [_in_picture(film, scene, drawing.figures[number].joints, 0, frames) for drawing in made]
        rows = tuple(tuple((round(float(x), 2), round(float(y), 2)) for x, y in p) for p in points)
        found.append(CharacterTruth(actor.puppet.name, actor.motion.kind, actor.facing, actor.speech is not None, rows))
    return tuple(found)


def _camera_matrix(film: Film, scene: Scene, frame: int, frames: int) -> cameras.Affine:
    left, top, width, height = picture_box(film)
    matrix = cameras.world_to_picture(cameras.view_at(scene.camera, frame, frames), (width, height))
    matrix[:, 2] += (left, top)
    return matrix


def _in_picture(film: Film, scene: Scene, points: cameras.Affine, frame: int, frames: int) -> cameras.Affine:
    return cameras.applied(_camera_matrix(film, scene, frame, frames), points)


def _shot(film: Film, span: ShotSpan, mapping: _Mapping) -> ShotTruth:
    shot = film.shots[span.index]
    content = shot.content
    start, end = mapping.span(span.start, span.end)
    local = [min(max(f.first - span.start, 0), shot.frames - 1) for f in mapping.shown[start:end]]
    kind = {Scene: "scene", TitleCard: "title", Credits: "credits", Black: "black"}[type(content)]
    made: tuple[Drawing, ...] = ()
    number = pose_number = np.zeros(shot.frames, dtype=int)
    transforms: tuple[tuple[float, ...], ...] | None = None
    passing: tuple[Range, ...] = ()
    if isinstance(content, Scene):
        _, _, width, height = picture_box(film)
        made = drawings(content, shot.frames, film.fps, (width, height))
        lengths = [d.length for d in made]
        number = np.repeat(np.arange(len(made)), lengths)
        pose_number = np.repeat(np.cumsum([d.change == "pose" for d in made]), lengths)
        if cameras.moves(content.camera):
            first = cameras.inverse(_camera_matrix(film, content, 0, shot.frames))
            matrices = (cameras.chained(_camera_matrix(film, content, f, shot.frames), first) for f in local)
            transforms = tuple(tuple(round(float(v), 5) for v in matrix.ravel()) for matrix in matrices)
        for at, prop in enumerate(content.props):
            crossing = [d for d in made if prop.kind.startswith("passing") and d.props[at] is not None]
            if crossing:
                last = crossing[-1]
                passing += (mapping.span(span.start + crossing[0].start, span.start + last.start + last.length),)
    elif isinstance(content, Credits):
        _, _, width, height = picture_box(film)
        roll = CreditFrames(content, shot.frames, (width, height))
        number = pose_number = np.array([roll.offset(frame) for frame in range(shot.frames)])
    clean_start, clean_end = mapping.alone(span.clean_start), mapping.reached(span.clean_end)
    return ShotTruth(
        index=span.index,
        kind=kind,
        style=content.style,
        backdrop=content.backdrop.kind if isinstance(content, Scene) else "",
        start=start,
        end=end,
        clean_start=clean_start,
        clean_end=max(clean_start, clean_end),
        holds=_runs([int(number[f]) for f in local]),
        pose_holds=_runs([int(pose_number[f]) for f in local]),
        camera=content.camera.kind if isinstance(content, Scene) else "static",
        transforms=transforms,
        passing=passing,
        drawing_starts=tuple(d.start for d in made),
        characters=_characters(film, content, made, shot.frames) if isinstance(content, Scene) else (),
    )


def _speech(film: Film, spans: Sequence[ShotSpan]) -> tuple[SpeechTruth, ...]:
    found: list[SpeechTruth] = []
    for span in spans:
        content = film.shots[span.index].content
        at = float(span.start / film.fps)
        for actor in content.actors if isinstance(content, Scene) else ():
            for start, end in spoken_ranges(actor.speech) if actor.speech else ():
                end = min(end, float(film.shots[span.index].frames / film.fps))
                if start < end:
                    found.append(SpeechTruth(span.index, actor.puppet.name, round(at + start, 4), round(at + end, 4)))
    if film.sound and film.sound.narration:
        found += [SpeechTruth(None, None, round(a, 4), round(b, 4)) for a, b in spoken_ranges(film.sound.narration)]
    return tuple(sorted(found, key=lambda s: s.start))


def truth_of(film: Film, shown: Sequence[FileFrame] | None = None, rate: Fraction | None = None) -> Truth:
    """The truth about a film delivered as the file frames `shown` at `rate` (by default as drawn, one by one).

    Where a frame of the file mixes two film frames across a cut, the cut's start_frame to end_frame are
    those mixed frames and `frame` is the first one that shows the new shot alone.
    """
    count = frame_count(film)
    if shown is None:
        shown = tuple(FileFrame(i, i, i) for i in range(count))
    mapping, spans = _Mapping(shown), shot_spans(film)

    def ranges(kind: type) -> tuple[Range, ...]:
        return tuple(mapping.span(s.start, s.end) for s in spans if isinstance(film.shots[s.index].content, kind))

    flashes: list[Range] = []
    for span in spans:
        content = film.shots[span.index].content
        for flash in content.flashes if isinstance(content, Scene) else ():
            flashes.append(mapping.span(span.start + flash.start, span.start + flash.start + flash.frames))
    return Truth(
        name=film.name,
        frames=len(shown),
        fps=(rate or film.fps).as_integer_ratio(),
        size=film.size,
        picture_box=picture_box(film),
        times=tuple(f.time for f in shown),
        mixed_frames=tuple(i for i, f in enumerate(shown) if f.first != f.second),
        transitions=tuple(_moved(span, mapping) for span in transitions(film)),
        flashes=tuple(flashes),
        black=ranges(Black),
        titles=ranges(TitleCard),
        credits=ranges(Credits),
        speech=_speech(film, spans),
        joint_names=JOINTS,
        shots=tuple(_shot(film, span, mapping) for span in spans),
    )


def joints(film: Film, frame: int) -> tuple[tuple[int, str, Any], ...]:
    """Joints of every character at a film frame: (shot index, name, (29, 2) pixels of the whole picture)."""
    found = []
    for span in shot_spans(film):
        content = film.shots[span.index].content
        if not (span.start <= frame < span.end and isinstance(content, Scene)):
            continue
        _, _, width, height = picture_box(film)
        local, length = frame - span.start, film.shots[span.index].frames
        made = drawings(content, length, film.fps, (width, height))
        drawing = next(d for d in made if d.start <= local < d.start + d.length)
        for actor, figure in zip(content.actors, drawing.figures, strict=True):
            found.append((span.index, actor.puppet.name, _in_picture(film, content, figure.joints, local, length)))
    return tuple(found)
