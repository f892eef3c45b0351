"""The demonstration film: half a minute that shows every style and every kind of shot."""

from fractions import Fraction

from celstream_renderer.film import (
    Actor,
    Backdrop,
    Black,
    Cadence,
    Camera,
    Credits,
    Film,
    Flash,
    Motion,
    Prop,
    Puppet,
    Scene,
    Shot,
    Sound,
    Speech,
    TitleCard,
    Transition,
    View,
)

_MO = Puppet("Mo", hair_kind="short", top=(230, 57, 70), bottom=(38, 84, 150), hair=(59, 42, 32))
_LU = Puppet(
    "Lu",
    skin=(242, 195, 155),
    hair=(240, 180, 41),
    hair_kind="ponytail",
    garment="dress",
    top=(42, 157, 84),
    eyes=(60, 140, 90),
)
_KAI = Puppet(
    "Kai",
    skin=(253, 211, 179),
    hair=(43, 45, 91),
    hair_kind="spiky",
    top=(34, 51, 92),
    bottom=(62, 60, 76),
    eyes=(176, 72, 96),
    head=0.25,
)
_YUKI = Puppet(
    "Yuki",
    skin=(255, 227, 207),
    hair=(224, 122, 160),
    hair_kind="long",
    garment="skirt",
    top=(244, 244, 248),
    bottom=(34, 51, 92),
    eyes=(86, 120, 210),
    head=0.28,
)
_PIP = Puppet("Pip", skin=(241, 236, 223), hair=(28, 27, 25), hair_kind="none", ears="round", garment="shorts",
              top=(91, 88, 81), bottom=(51, 49, 45), shoes=(40, 39, 36), head=0.31)  # fmt: skip
_ZED = Puppet("Zed", skin=(107, 74, 143), hair=(255, 63, 164), hair_kind="bob", top=(35, 26, 77), bottom=(61, 31, 102),
              shoes=(25, 227, 224), eyes=(25, 227, 224))  # fmt: skip
_TAM = Puppet("Tam", skin=(247, 205, 169), hair=(242, 200, 121), hair_kind="bun", garment="dress", top=(195, 168, 216))
_OLA = Puppet(
    "Ola", skin=(226, 171, 128), hair=(93, 90, 102), hair_kind="cap", top=(143, 193, 217), bottom=(246, 214, 134)
)
_REN = Puppet("Ren", skin=(228, 180, 143), hair=(109, 75, 58), top=(184, 88, 76), bottom=(90, 127, 156), glasses=True)


def demo_film(size: tuple[int, int] = (960, 540), fps: Fraction = Fraction(24)) -> Film:
    """About 28 seconds with cuts, a dissolve, a wipe, fades, black, a flash, a talking shot and one too short."""

    def seconds(length: float) -> int:
        return round(length * fps)

    meadow = Backdrop("meadow", 4)
    shots = (
        Shot(seconds(2.0), TitleCard("cel", "Mo and Lu", "a celstream film"), Transition("fade_in", seconds(0.5)),
             Transition("fade_out", seconds(0.4))),
        Shot(seconds(3.0), Scene("cel", meadow, (
            Actor(_MO, x=-0.75, motion=Motion("walk", 1.0, 0.52)),
            Actor(_LU, x=0.5, facing=-1, motion=Motion("wave", 1.3)),
        ), cadence=Cadence(2, 2)), Transition("fade_in", seconds(0.5))),
        Shot(seconds(4.0), Scene("cel", meadow, (
            Actor(_LU, x=0.06, ground=0.98, height=1.35, motion=Motion("talk", 0.45), speech=Speech(3, 0.3, 3.4, 235)),
        ), cadence=Cadence(3, 2))),
        Shot(seconds(2.6), Scene("anime", Backdrop("street", 2), (
            Actor(_KAI, x=-0.6, ground=0.43, height=0.72, motion=Motion("run", 1.7, 0.85)),
            Actor(_YUKI, x=1.35, ground=0.4, height=0.66, facing=-1, motion=Motion("wave", 1.2)),
        ), Camera("pan", View(-0.3, 0, 1.05), View(1.1, 0, 1.05)), Cadence(2, 2))),
        Shot(seconds(0.4), Scene("anime", Backdrop("plain", 2), (
            Actor(_KAI, x=0.0, ground=1.05, height=1.5, motion=Motion("run", 1.7)),
        ), cadence=Cadence(2, 2), speed_lines=True, flashes=(Flash(0, 2),))),
        Shot(seconds(3.2), Scene("anime", Backdrop("room", 3), (
            Actor(_YUKI, x=-0.02, ground=1.04, height=1.5, facing=-1, motion=Motion("stand"),
                  speech=Speech(9, 0.2, 2.8, 260)),
        ), Camera("zoom", View(0, 0, 1.0), View(0, -0.05, 1.25)), Cadence(3, 2))),
        Shot(seconds(0.8), Black()),
        Shot(seconds(2.8), Scene("ink", Backdrop("street", 7), (
            Actor(_PIP, x=-0.25, height=0.6, motion=Motion("dance", 1.2)),
            Actor(Puppet("Bo", skin=(241, 236, 223), hair=(28, 27, 25), hair_kind="cap", top=(51, 49, 45),
                         bottom=(141, 137, 126)), x=0.35, height=0.56, facing=-1, motion=Motion("jump", 0.9)),
        ), cadence=Cadence(2, 2)), Transition("fade_in", seconds(0.4))),
        Shot(seconds(2.6), Scene("neon", Backdrop("rooftops", 5), (
            Actor(_ZED, x=-0.1, height=0.68, motion=Motion("dance", 1.0)),
        ), Camera("rotate", View(0, 0, 1.15, -4), View(0, -0.02, 1.2, 5)), Cadence(2, 2)),
             Transition("dissolve", seconds(0.5))),
        Shot(seconds(2.8), Scene("pastel", Backdrop("beach", 6), (
            Actor(_TAM, x=-0.35, height=0.58, motion=Motion("wave", 1.2)),
            Actor(_OLA, x=0.3, height=0.62, facing=-1, motion=Motion("point", 0.5)),
        ), cadence=Cadence(3, 3), props=(Prop("ball", 0, seconds(2.8), -0.1, 0.42, 0.09, (240, 120, 120)),)),
             Transition("wipe", seconds(0.5))),
        Shot(seconds(3.0), Scene("watercolour", Backdrop("forest", 8), (
            Actor(_REN, x=-0.55, height=0.62, motion=Motion("walk", 0.9, 0.36)),
        ), cadence=Cadence(2, 2), props=(
            Prop("passing_trunk", seconds(1.2), seconds(0.45), size=0.5, colour=(110, 84, 66)),
        )),
             exit=Transition("fade_out", seconds(0.5))),
        Shot(seconds(2.4), Credits("anime", (
            "Mo", "Lu", "Kai and Yuki", "Pip, Bo and Zed", "Tam, Ola and Ren", "drawn by a program",
        ))),
    )  # fmt: skip
    return Film(shots, size, fps, Sound(music=0.3, music_seed=2), name="demo")
