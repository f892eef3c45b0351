"""The commands `submit` and `watch`: footage to a catalog that runs somewhere else, and what becomes of it there.

Each gives an exit status: 0 all is well, 2 some footage could not be used, 1 it met a fault of the program.
"""

from collections.abc import Sequence

from celstream_platform.errors import Invalid
from celstream_protos.v1.catalog_pb2 import FootageDescription
from celstream_protos.v1.catalog_pb2_grpc import CatalogStub
from celstream_protos.v1.envelope_pb2 import Rights
from celstream_protos.v1.footage_pb2 import FootageStyle

from celstream.footage_files import NamedFootage, named_footage
from celstream.options import Style
from celstream.remote import Remote
from celstream.remote_display import RemoteDisplay
from celstream.submit import submit
from celstream.watch import footage_named, is_refused, parked, watch

GOOD, FAULT, SOME_BAD = 0, 1, 2


def described(style: Style, work: str, license: str) -> FootageDescription:  # noqa: A002 - the option's name
    """What the options say of the footage; what is not said keeps what is known of the same bytes."""
    return FootageDescription(
        rights=Rights(license=license) if license else None,
        style=FootageStyle.Value(f"FOOTAGE_STYLE_{style.upper()}"),
        work=work,
    )


def submit_footage(
    given: Sequence[str], remote: Remote, description: FootageDescription, display: RemoteDisplay, *, follow: bool
) -> int:
    """Offer files and what is in folders; the exit status. follow: watch what was taken in until it is finished.

    Raises Unavailable where the catalog is away, Invalid for an address that is none.
    """
    files, findings = named_footage(given)
    for finding in findings:
        display.failed(finding.name, finding.message)
    status = SOME_BAD if findings else GOOD
    with remote.open() as stub:
        taken = []
        for file in files:
            footage_id = _submit_one(stub, remote, file, description, display)
            status = status if footage_id else SOME_BAD
            taken += [footage_id] if footage_id else []
        if follow:
            for footage_id in dict.fromkeys(taken):
                status = _worse(status, _watch_one(stub, remote, footage_id, display))
    return status


def watch_footage(start: str, remote: Remote, display: RemoteDisplay) -> int:
    """Follow the footage whose id starts so, all where empty, until it is finished; the exit status.

    Raises NotFound, Invalid, Unavailable.
    """
    with remote.open() as stub:
        return _watch_one(stub, remote, footage_named(stub, remote, start) if start else "", display)


def _submit_one(
    stub: CatalogStub, remote: Remote, file: NamedFootage, description: FootageDescription, display: RemoteDisplay
) -> str:
    """The footage's id; empty where it was refused."""
    try:
        taken = submit(stub, remote, file, description, lambda done, total: display.sent(file.name, done, total))
    except Invalid as error:
        display.failed(file.name, str(error))
        return ""
    footage_id = taken.footage.item.id
    display.taken(file.name, footage_id, already_known=taken.already_known)
    return footage_id


def _watch_one(stub: CatalogStub, remote: Remote, footage_id: str, display: RemoteDisplay) -> int:
    status = GOOD
    for state in watch(stub, remote, footage_id, display.note):
        display.state(state)
        status = FAULT if parked(state) else SOME_BAD if is_refused(state) else GOOD
    return status


def _worse(one: int, other: int) -> int:
    return FAULT if FAULT in (one, other) else max(one, other)
