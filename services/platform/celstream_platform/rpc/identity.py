"""Who calls: a client's certificate or a bearer token says which account it is and which roles it has.

Certificate (mutual TLS): a URI among the subject's alternative names, `urn:celstream:role:admin`; the account is the
common name. Token: `authorization: Bearer …`; the file holds SHA-256 digests only, which is enough because a token is
256 random bits (`new_token`).
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from celstream_platform import logs
from celstream_platform.errors import Invalid
from celstream_platform.rpc.methods import Role

log = logs.logger(__name__)
ROLE_URI = "urn:celstream:role:"
DIGEST_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Caller:
    """An account with its roles. account: empty for nobody."""

    account: str
    roles: frozenset[Role]


NOBODY = Caller("", frozenset())
LOCAL = Caller("local", frozenset(Role))  # whoever can reach a server without security; it listens on loopback


def new_token() -> str:
    """A token to hand out once; keep its hash."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What the tokens file holds of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def of_certificate(attributes: Mapping[str, Sequence[bytes]]) -> Caller:
    """The caller that a verified client certificate names; gRPC's auth context in. NOBODY where it names no role."""
    uris = [name.decode(errors="replace") for name in attributes.get("x509_subject_alternative_name", ())]
    roles = {uri.removeprefix(ROLE_URI) for uri in uris if uri.startswith(ROLE_URI)}
    known = frozenset(Role(role) for role in roles if role in set(Role))
    names = attributes.get("x509_common_name", ())
    return Caller(names[0].decode(errors="replace") if names else "", known)


class Tokens:
    """The tokens file: lines of `ACCOUNT ROLE SHA256`, empty lines, `#` comments. Read anew when it changes.

    Raises Invalid where it cannot be read at first; later on the last good state stays, with a log line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._stamp = self._look()
        self._callers = _parse(path)

    def caller(self, authorization: str) -> Caller:
        """The caller of an `authorization` header; NOBODY for an unknown token."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return NOBODY
        self._refresh()
        return self._callers.get(hash_token(token.strip()), NOBODY)

    def _refresh(self) -> None:
        with self._lock:
            stamp = self._look()
            if stamp == self._stamp:
                return
            self._stamp = stamp
            try:
                self._callers = _parse(self._path)
            except Invalid as error:
                log.error("the tokens file is not readable; the last good one stays", error=str(error))  # noqa: TRY400

    def _look(self) -> tuple[int, int, int]:
        try:
            status = self._path.stat()
        except OSError:
            return 0, 0, 0
        return status.st_mtime_ns, status.st_size, status.st_ino


def _parse(path: Path) -> dict[str, Caller]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: tokens file cannot be read ({error}). Give lines of ACCOUNT ROLE SHA256.") from error
    callers: dict[str, Caller] = {}
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        match words:
            case [account, role, digest] if (
                role in set(Role) and len(digest) == DIGEST_DIGITS and not set(digest) - set("0123456789abcdef")
            ):
                before = callers.get(digest, Caller(account, frozenset()))
                callers[digest] = Caller(account, before.roles | {Role(role)})
            case _:
                raise Invalid(
                    f"{path}:{number}: not ACCOUNT ROLE SHA256, with a role of {', '.join(Role)} "
                    "and 64 hexadecimal digits. Correct the line."
                )
    return callers
