"""Asking a server by HTTP whether it is ready."""

import ssl
import urllib.error
import urllib.request

ANSWER_SECONDS = 10.0  # a server that is well answers in milliseconds, one on a busy machine in seconds


def says_ready(url: str, *, tls: ssl.SSLContext | None = None) -> bool:
    """Whether the address answers 200. tls: whom we trust and what we show, where that is not what everybody does."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS, context=tls) as answer:  # noqa: S310 - ours
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
