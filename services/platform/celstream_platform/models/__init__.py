"""The model server: port and implementations. `open_model_server` picks one by URL."""

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from celstream_platform.errors import Invalid
from celstream_platform.models.onnx import OnnxServer
from celstream_platform.models.port import Arrays, ModelServer

__all__ = ["Arrays", "ModelServer", "onnx_url", "open_model_server"]


def open_model_server(url: str) -> ModelServer:
    """Open a model server.

    url: `onnx:///absolute/repository` or `onnx:relative/repository`, percent-encoded (see `onnx_url`); or
    `triton://HOST:PORT` (see `triton_url.py` for what may follow).
    Raises Invalid for any other scheme and where the library is missing, NotFound where there is no such folder.
    """
    parts = urlsplit(url)
    if parts.scheme == "onnx" and not parts.netloc and parts.path.strip("/"):
        path = unquote(parts.path)
        return OnnxServer(Path("/" + path.lstrip("/") if path.startswith("/") else path))
    if parts.scheme == "triton":
        from celstream_platform.models.triton import TritonServer
        from celstream_platform.models.triton_url import parse

        return TritonServer(*parse(url))
    raise Invalid(f"{url}: not a model server. Give onnx:///absolute/repository or triton://HOST:PORT.")


def onnx_url(repository: Path) -> str:
    """The URL of a model server over a repository in a folder."""
    return f"onnx://{quote(str(repository.absolute()))}"
