"""The libraries in the images work as they lie there: without debugging information, and with one FFmpeg."""

import json
from typing import Any

import pytest

from tests.images.containers import inside

pytestmark = pytest.mark.images
IMAGES = ("segmenter", "catalog", "cli")

LOAD_ALL = """
import ctypes, importlib, json, pathlib, sys
packages = next(pathlib.Path(sys.prefix, "lib").glob("python3.*/site-packages"))
for module in ("av", "cv2", "numpy"):
    try:
        importlib.import_module(module)
    except ModuleNotFoundError:
        pass
failed, tried = {}, 0
for path in packages.rglob("*.so*"):
    tried += 1
    try:
        ctypes.CDLL(path)
    except OSError as error:
        failed[path.name] = str(error)
mapped = {line.split()[-1] for line in open("/proc/self/maps") if "libavcodec" in line}
print(json.dumps({"tried": tried, "failed": failed, "mapped": sorted(mapped)}))
"""

BOTH_WAYS = """
import av, cv2, json, numpy
with av.open("/tmp/film.mp4", "w") as film:
    stream = film.add_stream("libx264", rate=24)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for number in range(30):
        picture = numpy.full((48, 64, 3), 8 * number, numpy.uint8)
        film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
    film.mux(stream.encode())
with av.open("/tmp/film.mp4") as film:
    ours = [int(frame.to_ndarray(format="bgr24").mean()) for frame in film.decode(video=0)]
capture, theirs = cv2.VideoCapture("/tmp/film.mp4", cv2.CAP_FFMPEG), []
while (read := capture.read())[0]:
    theirs.append(int(read[1].mean()))
print(json.dumps({"ours": ours, "theirs": theirs}))
"""


def said_by(image: str, script: str) -> dict[str, Any]:
    """What a script says, as JSON, by the Python of an image."""
    found: dict[str, Any] = json.loads(inside(f"celstream-{image}:0.1.0", f"python - <<'END'\n{script}\nEND"))
    return found


@pytest.mark.parametrize("image", IMAGES)
def test_every_library_loads_and_there_is_one_ffmpeg(image: str) -> None:
    found = said_by(image, LOAD_ALL)
    assert found["failed"] == {}
    assert found["tried"] > 50
    assert len(found["mapped"]) == 1


@pytest.mark.parametrize("image", ["segmenter", "cli"])
def test_opencv_reads_a_film_by_pyavs_ffmpeg(image: str) -> None:
    found = said_by(image, BOTH_WAYS)
    assert found["ours"] == found["theirs"]
    assert len(found["ours"]) == 30
