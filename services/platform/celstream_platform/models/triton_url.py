"""URLs of Triton servers: `triton://HOST:PORT?window=16&timeout_seconds=30&priority=1&shared_memory=auto`."""

from urllib.parse import parse_qsl, urlsplit

from celstream_platform import addresses
from celstream_platform.errors import Invalid
from celstream_platform.models.triton import TritonOptions

DEFAULTS = TritonOptions()
SHARED = {"auto": None, "on": True, "off": False}
KNOWN = "window, timeout_seconds, priority and shared_memory (auto, on, off)"


def parse(url: str) -> tuple[str, TritonOptions]:
    """(HOST:PORT, options) of a URL. Raises Invalid."""
    parts = urlsplit(url)
    try:
        addresses.split(parts.netloc)
        given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        options = TritonOptions(
            window=int(given.pop("window", DEFAULTS.window)),
            timeout_seconds=float(given.pop("timeout_seconds", DEFAULTS.timeout_seconds)),
            priority=int(given.pop("priority", DEFAULTS.priority)),
            shared_memory=SHARED[given.pop("shared_memory", "auto")],
        )
    except (Invalid, ValueError, KeyError) as error:
        raise Invalid(f"{url}: not a Triton server. Give triton://HOST:PORT, and after `?` {KNOWN}.") from error
    if given or parts.path.strip("/"):
        what = ", ".join(given) or parts.path
        raise Invalid(f"{url}: {what} is nothing that a Triton server is told. Give {KNOWN}.")
    if options.window < 1 or options.timeout_seconds <= 0 or options.priority < 0:
        raise Invalid(f"{url}: expected window >= 1, timeout_seconds > 0 and priority >= 0.")
    return parts.netloc, options
