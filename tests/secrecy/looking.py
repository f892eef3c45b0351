"""Looking for secrets in bytes: as they are, and as URLs, JSON, base64 or a repr would show them."""

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote


def disguises(secret: str) -> set[bytes]:
    """How a secret may look; in base64 the part that its neighbours do not change, wherever in a group it begins."""
    found = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + secret.encode()).decode()
        found.add(encoded[4 if shift else 0 : len(encoded) - 4 if (shift + len(secret)) % 3 else len(encoded)])
    return {one.encode() for one in found}


def told(content: bytes, secrets: Mapping[str, str]) -> list[str]:
    """The names of the secrets that a content tells."""
    return [name for name, secret in secrets.items() if any(one in content for one in disguises(secret))]
