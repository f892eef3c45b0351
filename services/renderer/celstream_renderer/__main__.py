"""The command line of the renderer: `python -m celstream_renderer film|demo|suite`."""

import os
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import av
import typer

from celstream_renderer.delivery import Delivery
from celstream_renderer.demo import demo_film
from celstream_renderer.encode import render
from celstream_renderer.film import Film
from celstream_renderer.random_film import random_film
from celstream_renderer.styles import STYLES

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Cartoon footage with exact ground truth (`<name>.truth.json` beside every file).",
)

Out = Annotated[Path, typer.Option(help="File to write; the suffix decides the container (.mp4, .mkv, .webm, .mov).")]
Size = Annotated[str, typer.Option(help="Width x height in pixels, both even.")]
Rate = Annotated[str, typer.Option(help="Frames per second: 24, 25, 60, 24000/1001, …")]
Codec = Annotated[str, typer.Option(help="libx264, libx265, libvpx, libvpx-vp9, libsvtav1, ffv1, mpeg4.")]
AudioCodec = Annotated[str, typer.Option(help="aac, libopus, flac, pcm_s16le.")]
Crf = Annotated[int, typer.Option(help="Quality of the video; lower is better.")]
CONTAINERS = (".mp4", ".mkv", ".webm", ".mov")


@app.command()
def film(
    out: Out,
    seed: Annotated[int, typer.Option(help="Another seed, another film.")] = 0,
    style: Annotated[str, typer.Option(help=f"{', '.join(STYLES)}; all of them where not given.")] = "",
    seconds: Annotated[float, typer.Option(help="About how long.", min=0.5)] = 20.0,
    size: Size = "640x360",
    fps: Rate = "24",
    codec: Codec = "libx264",
    crf: Crf = 18,
    audio_codec: AudioCodec = "aac",
    delivery: Annotated[str, typer.Option(help="progressive, interlaced, telecine, repeat:30, blend:30, variable.")] = (
        "progressive"
    ),
    silent: Annotated[bool, typer.Option(help="No sound track.")] = False,
) -> None:
    """A film by chance.

    Examples:

    `python -m celstream_renderer film --out neon.mp4 --seed 3 --style neon --seconds 12`

    `python -m celstream_renderer film --out tv.mkv --fps 24000/1001 --delivery telecine --audio-codec flac`
    """
    try:
        made = random_film(seed, style or None, seconds, _rate(fps), _size(size), sound=not silent)
        how = _delivery(delivery)
        _write(made, out, codec, crf, audio_codec, how)
    except (ValueError, OSError) as error:
        _refuse(error, out)


@app.command()
def demo(
    out: Out = Path("demo.mp4"), size: Size = "960x540", fps: Rate = "24", codec: Codec = "libx264", crf: Crf = 18
) -> None:
    """The demonstration film: about 28 seconds with every style and every kind of shot.

    Example: `python -m celstream_renderer demo --out demo.mp4`
    """
    try:
        _write(demo_film(_size(size), _rate(fps)), out, codec, crf, "aac", Delivery())
    except (ValueError, OSError) as error:
        _refuse(error, out)


@app.command()
def suite(
    out: Annotated[Path, typer.Option(help="Folder to write into.")],
    films: Annotated[int, typer.Option(help="Number of films, the styles in turn.", min=1)] = 12,
    first_seed: Annotated[int, typer.Option(help="Seed of the first film.")] = 1000,
    seconds: Annotated[float, typer.Option(help="About how long each is.", min=0.5)] = 10.0,
    size: Size = "640x360",
    fps: Rate = "24",
) -> None:
    """Many films, as `<style>-<seed>.mp4`.

    Example: `python -m celstream_renderer suite --out suite --films 24 --seconds 10`
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for number in range(films):
            style, seed = tuple(STYLES)[number % len(STYLES)], first_seed + number
            made = random_film(seed, style, seconds, _rate(fps), _size(size))
            _write(made, out / f"{style}-{seed}.mp4", "libx264", 18, "aac", Delivery())
    except (ValueError, OSError) as error:
        _refuse(error, out)


def _write(made: Film, out: Path, codec: str, crf: int, audio_codec: str, delivery: Delivery) -> None:
    if out.suffix not in CONTAINERS:
        raise ValueError(f"{out}: no container of that ending. Give a name that ends in {', '.join(CONTAINERS)}.")
    with typer.progressbar(length=1, label=out.name) as bar:
        done = 0

        def progress(frame: int, count: int) -> None:
            nonlocal done
            bar.length = count
            bar.update(frame - done)
            done = frame

        truth = render(made, out, codec=codec, crf=crf, audio_codec=audio_codec, delivery=delivery, progress=progress)
    typer.echo(f"{out}: {truth.frames} frames, {len(truth.shots)} shots, truth in {out.stem}.truth.json")


def _refuse(error: Exception, out: Path) -> None:
    text = str(error)
    if isinstance(error, OSError | av.FFmpegError):
        text = f"{out}: cannot be written ({error.strerror}). Give a path in an existing folder, such as film.mp4."
    elif "does not support" in text:  # libav's words for a codec that its container cannot hold
        text = f"{out}: {text}. Give another ending, or another --codec or --audio-codec."
    typer.echo(text, err=True)
    raise typer.Exit(2) from error


def _rate(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"fps {text!r}: not a rate. Give one such as 24 or 24000/1001.") from error


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ValueError(f"size {text!r}: not width x height. Give one such as 640x360.")
    return int(width), int(height)


def _delivery(text: str) -> Delivery:
    kind, _, rate = text.partition(":")
    for known in ("progressive", "interlaced", "telecine", "repeat", "blend", "variable"):
        if kind == known:
            return Delivery(known, _rate(rate) if rate else None)
    raise ValueError(
        f"delivery {text!r}: not known. Give progressive, interlaced, telecine, repeat:30, blend:30 or variable."
    )


if __name__ == "__main__":
    os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 prints its settings for every film
    app()
