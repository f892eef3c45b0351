"""The description of a film: what is on every shot, how shots follow each other, how it sounds.

Everything here is a frozen value; drawing, sound and truth are functions of it. Lengths are in
frames of the film, places in *world units*: the picture's height is 1, the origin is the centre
of the picture as an untouched camera sees it, x grows to the right and y downwards.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

TransitionKind = Literal["cut", "dissolve", "wipe", "fade_in", "fade_out"]
CameraKind = Literal["static", "pan", "zoom", "rotate", "shake", "whip"]
MotionKind = Literal["stand", "walk", "run", "wave", "talk", "jump", "dance", "point"]
HairKind = Literal["short", "bob", "ponytail", "spiky", "bun", "long", "cap", "none"]
GarmentKind = Literal["trousers", "shorts", "skirt", "dress"]
EarKind = Literal["human", "cat", "round"]
BackdropKind = Literal["meadow", "street", "room", "forest", "beach", "rooftops", "plain"]
PropKind = Literal["passing_car", "passing_trunk", "passing_bird", "popup_star", "popup_sign", "ball"]

Colour = tuple[int, int, int]  # red, green, blue, 0-255


@dataclass(frozen=True, slots=True)
class Transition:
    """How a shot begins or ends; `frames` is the number of mixed frames (0 for a cut)."""

    kind: TransitionKind = "cut"
    frames: int = 0


CUT = Transition()


@dataclass(frozen=True, slots=True)
class View:
    """What the camera sees: centre in world units, zoom (2 = twice as large), turn in degrees."""

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0
    degrees: float = 0.0


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera move from `start` to `end`, eased at both ends; `shake` is its amplitude in world units.

    A static camera stays at `start`. A whip holds `start`, snaps to `end` in the middle third with
    motion blur, and holds again.
    """

    kind: CameraKind = "static"
    start: View = View()
    end: View = View()
    shake: float = 0.0


@dataclass(frozen=True, slots=True)
class Cadence:
    """For how many frames drawings are held: `body` for poses and props, `mouth` for mouth and eyes.

    source_fps: the rate at which the film was drawn, when it differs from the film's own rate.
    24 drawn frames/s on threes in a film of 30 frames/s then show as 3-4-4-4.
    """

    body: int = 2
    mouth: int = 2
    source_fps: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Puppet:
    """What a character looks like. Lengths are shares of the character's height."""

    name: str = "Mo"
    head: float = 0.27
    shoulders: float = 0.17
    limb: float = 0.062
    skin: Colour = (247, 208, 176)
    hair: Colour = (92, 58, 42)
    hair_kind: HairKind = "short"
    top: Colour = (226, 92, 84)
    bottom: Colour = (66, 92, 148)
    shoes: Colour = (58, 46, 60)
    eyes: Colour = (74, 120, 170)
    garment: GarmentKind = "trousers"
    ears: EarKind = "human"
    glasses: bool = False


@dataclass(frozen=True, slots=True)
class Motion:
    """What a character does: `cycles` per second; `travel`: how far it gets, in its own heights per second."""

    kind: MotionKind = "stand"
    cycles: float = 1.0
    travel: float = 0.0
    phase: float = 0.0


@dataclass(frozen=True, slots=True)
class Speech:
    """Spoken syllables, from `start` for `seconds` after the shot begins; pitch in hertz."""

    seed: int = 0
    start: float = 0.2
    seconds: float = 2.0
    pitch_hz: float = 190.0


@dataclass(frozen=True, slots=True)
class Actor:
    """A character in a scene: feet at (x, ground), `height` tall; facing 1 looks right, -1 left."""

    puppet: Puppet
    x: float = 0.0
    ground: float = 0.4
    height: float = 0.62
    facing: Literal[-1, 1] = 1
    motion: Motion = Motion()
    speech: Speech | None = None


@dataclass(frozen=True, slots=True)
class Prop:
    """A thing that appears: from frame `start` of the shot for `frames`, at (x, y), `size` tall.

    passing_*: crosses the whole picture close to the camera. popup_*: small, appears on the stage
    within a drawing. ball: bounces on the stage.
    """

    kind: PropKind
    start: int
    frames: int
    x: float = 0.0
    y: float = 0.0
    size: float = 0.1
    colour: Colour = (240, 190, 60)
    direction: Literal[-1, 1] = 1


@dataclass(frozen=True, slots=True)
class Flash:
    """Frames [start, start + frames) of the shot are mixed with `colour` by `strength` (0-1)."""

    start: int
    frames: int
    strength: float = 0.85
    colour: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Backdrop:
    """The painted background; the same kind and seed are the same painting."""

    kind: BackdropKind = "meadow"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """Characters before a backdrop."""

    style: str
    backdrop: Backdrop = Backdrop()
    actors: tuple[Actor, ...] = ()
    camera: Camera = Camera()
    cadence: Cadence = Cadence()
    props: tuple[Prop, ...] = ()
    flashes: tuple[Flash, ...] = ()
    speed_lines: bool = False


@dataclass(frozen=True, slots=True)
class TitleCard:
    """A still card with text."""

    style: str
    title: str
    subtitle: str = ""


@dataclass(frozen=True, slots=True)
class Credits:
    """Lines of text that scroll upwards through the picture."""

    style: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Black:
    """Black frames."""

    style: str = "black"


Content = Scene | TitleCard | Credits | Black


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot of `frames` frames, its entrance and exit included.

    entrance: cut, fade_in (only at the start, after black or after a fade_out), or dissolve/wipe,
    which overlap the end of the shot before by their length. exit: cut or fade_out.
    """

    frames: int
    content: Content
    entrance: Transition = CUT
    exit: Transition = CUT


@dataclass(frozen=True, slots=True)
class Sound:
    """What is heard: music under everything (0 = none), speech of the actors, a voice nobody speaks on screen.

    late_start: seconds of film before the audio track begins.
    """

    music: float = 0.35
    music_seed: int = 0
    channels: Literal[2, 6] = 2
    late_start: float = 0.0
    narration: Speech | None = None


@dataclass(frozen=True, slots=True)
class Film:
    """A film: shots in order at one size and rate.

    size: width, height in pixels, both even. picture_ratio: width / height of the drawn picture;
    where it differs from the size's, black bars fill the rest (letterbox or pillarbox).
    """

    shots: tuple[Shot, ...]
    size: tuple[int, int] = (640, 360)
    fps: Fraction = Fraction(24)
    sound: Sound | None = field(default_factory=Sound)
    picture_ratio: float | None = None
    name: str = "film"
