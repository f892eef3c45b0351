"""Where each shot lies in the film, and which frames are transitions.

Convention of `TransitionSpan`: start_frame and end_frame are the first and last *mixed* frame,
neither purely one picture nor the other (nor purely black). `frame` is the first frame of the new
shot: for a cut its first frame, for a dissolve or wipe the first frame that shows it alone, for a
fade_in its first (dark) frame, for a fade_out the first frame after it. A cut has
start_frame = end_frame = frame. A fade through black is a fade_out followed by a fade_in.
"""

from dataclasses import dataclass

from celstream_renderer.film import Black, Film, Shot, TransitionKind


@dataclass(frozen=True, slots=True)
class TransitionSpan:
    """One transition of the film, in film frames, ends inclusive (see the module's convention)."""

    kind: TransitionKind
    frame: int
    start_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True)
class ShotSpan:
    """Where a shot is seen: frames [start, end), of which [clean_start, clean_end) are not in a transition."""

    index: int
    start: int
    end: int
    clean_start: int
    clean_end: int


def check(film: Film) -> None:
    """Raise ValueError, in one line for a person, where the film cannot be rendered as described."""
    width, height = film.size
    if width % 2 or height % 2 or width < 32 or height < 32:
        raise ValueError(f"size {width}x{height}: both sides must be even and at least 32. Give another size.")
    if film.fps <= 0:
        raise ValueError(f"fps {film.fps}: must be above 0. Give a rate such as 24 or 24000/1001.")
    if not film.shots:
        raise ValueError("the film has no shots: at least one is needed. Add a Shot.")
    for i, shot in enumerate(film.shots):
        _check_shot(film, i, shot)


def _check_shot(film: Film, i: int, shot: Shot) -> None:
    entrance, leaving = shot.entrance, shot.exit
    before = film.shots[i - 1] if i else None
    if shot.frames < 1:
        raise ValueError(f"shot {i}: {shot.frames} frames; at least 1 is needed.")
    if leaving.kind not in ("cut", "fade_out"):
        raise ValueError(f"shot {i}: exit {leaving.kind!r}; expected cut or fade_out.")
    if entrance.kind == "fade_out":
        raise ValueError(f"shot {i}: entrance 'fade_out'; expected cut, dissolve, wipe or fade_in.")
    for transition in (entrance, leaving):
        if (transition.kind == "cut") != (transition.frames == 0):
            raise ValueError(f"shot {i}: {transition.kind} of {transition.frames} frames; only a cut has 0.")
    overlap_after = 0
    if i + 1 < len(film.shots) and film.shots[i + 1].entrance.kind in ("dissolve", "wipe"):
        overlap_after = film.shots[i + 1].entrance.frames
    if entrance.frames + leaving.frames + overlap_after >= shot.frames:
        raise ValueError(f"shot {i}: {shot.frames} frames are all in transitions. Make it longer.")
    if entrance.kind in ("dissolve", "wipe") and (before is None or before.exit.kind == "fade_out"):
        raise ValueError(f"shot {i}: {entrance.kind} needs a picture before it. Use fade_in or cut.")
    dark_before = before is None or before.exit.kind == "fade_out" or isinstance(before.content, Black)
    if entrance.kind == "fade_in" and not dark_before:
        raise ValueError(f"shot {i}: fade_in needs black or a fade_out before it. Add one.")


def shot_spans(film: Film) -> tuple[ShotSpan, ...]:
    """The frames of every shot, in order. Raises ValueError for a film that `check` refuses."""
    check(film)
    spans: list[ShotSpan] = []
    position = 0
    for i, shot in enumerate(film.shots):
        overlap = shot.entrance.frames if shot.entrance.kind in ("dissolve", "wipe") else 0
        start = position - overlap
        end = start + shot.frames
        after = film.shots[i + 1].entrance if i + 1 < len(film.shots) else None
        tail = after.frames if after is not None and after.kind in ("dissolve", "wipe") else 0
        spans.append(ShotSpan(i, start, end, start + shot.entrance.frames, end - tail - shot.exit.frames))
        position = end
    return tuple(spans)


def frame_count(film: Film) -> int:
    """Number of frames of the film."""
    return shot_spans(film)[-1].end


def transitions(film: Film) -> tuple[TransitionSpan, ...]:
    """Every transition, by its start."""
    spans = shot_spans(film)
    found: list[TransitionSpan] = []
    for i, (shot, span) in enumerate(zip(film.shots, spans, strict=True)):
        kind, length = shot.entrance.kind, shot.entrance.frames
        before = film.shots[i - 1] if i else None
        if kind in ("dissolve", "wipe"):
            found.append(TransitionSpan(kind, span.start + length, span.start, span.start + length - 1))
        elif kind == "fade_in":
            found.append(TransitionSpan(kind, span.start, span.start, span.start + length - 1))
        elif before is not None and not (isinstance(shot.content, Black) and before.exit.kind == "fade_out"):
            found.append(TransitionSpan("cut", span.start, span.start, span.start))
        if shot.exit.kind == "fade_out":
            found.append(TransitionSpan("fade_out", span.end, span.end - shot.exit.frames, span.end - 1))
    return tuple(sorted(found, key=lambda t: t.start_frame))


def mix_weights(film: Film, frame: int) -> tuple[tuple[int, int, float], ...]:
    """Which shots a film frame shows: (shot index, frame in the shot, weight 0-1), oldest first.

    Weights below 1 in sum mean that the rest is black (fades).
    """
    shown = [span for span in shot_spans(film) if span.start <= frame < span.end]
    return weights_of(film, shown, frame)


def weights_of(film: Film, shown: list[ShotSpan], frame: int) -> tuple[tuple[int, int, float], ...]:
    """As `mix_weights`, for the spans that are known to be shown at the frame."""
    if len(shown) == 2:
        old, new = shown
        share = (frame - new.start + 1) / (film.shots[new.index].entrance.frames + 1)
        return ((old.index, frame - old.start, 1 - share), (new.index, frame - new.start, share))
    (span,) = shown
    shot = film.shots[span.index]
    local = frame - span.start
    light = 1.0
    if shot.entrance.kind == "fade_in" and local < shot.entrance.frames:
        light = (local + 1) / (shot.entrance.frames + 1)
    from_end = shot.frames - local
    if shot.exit.kind == "fade_out" and from_end <= shot.exit.frames:
        light = from_end / (shot.exit.frames + 1)
    return ((span.index, local, light),)
