"""Cartoon footage with exact ground truth.

    from celstream_renderer import demo_film, random_film, render
    truth = render(random_film(seed=3, style="neon", seconds=10), "film.mp4")

A film is a description (`Film`); `render` writes it as video with `film.truth.json` beside it;
`frames`, `soundtrack`, `truth_of` and `joints` give the same things in memory.
"""

from celstream_renderer.compose import frames
from celstream_renderer.delivery import Delivery, FileFrame
from celstream_renderer.demo import demo_film
from celstream_renderer.encode import render
from celstream_renderer.film import (
    CUT,
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
from celstream_renderer.random_film import random_film, random_puppet
from celstream_renderer.skeleton import BONES, JOINTS
from celstream_renderer.sound import SAMPLE_RATE_HZ, soundtrack
from celstream_renderer.styles import STYLES
from celstream_renderer.timeline import TransitionSpan, frame_count, transitions
from celstream_renderer.truth import ShotTruth, Truth, joints, truth_of

__all__ = [
    "BONES",
    "CUT",
    "JOINTS",
    "SAMPLE_RATE_HZ",
    "STYLES",
    "Actor",
    "Backdrop",
    "Black",
    "Cadence",
    "Camera",
    "Credits",
    "Delivery",
    "FileFrame",
    "Film",
    "Flash",
    "Motion",
    "Prop",
    "Puppet",
    "Scene",
    "Shot",
    "ShotTruth",
    "Sound",
    "Speech",
    "TitleCard",
    "Transition",
    "TransitionSpan",
    "Truth",
    "View",
    "demo_film",
    "frame_count",
    "frames",
    "joints",
    "random_film",
    "random_puppet",
    "render",
    "soundtrack",
    "transitions",
    "truth_of",
]
