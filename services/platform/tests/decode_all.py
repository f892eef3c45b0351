"""Decodes all of a file; runs in the limited child process."""

from pathlib import Path

from av.error import InvalidDataError
from celstream_platform.footage.opening import open_footage, packets


def decode_all(path: Path) -> int:
    """How many frames can be decoded."""
    frames = 0
    with open_footage(path) as opened:
        for packet in packets(opened.container, opened.video):
            try:
                frames += len(packet.decode())
            except InvalidDataError:
                continue
    return frames
