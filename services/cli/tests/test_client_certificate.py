"""A client's certificate: shown where it can be, and refused in one line where it could not."""

from pathlib import Path

import pytest
from celstream.remote import Remote
from celstream_platform.errors import Invalid

FILE = Path("client.pem")


@pytest.mark.parametrize("pair", [(FILE, None), (None, FILE)])
def test_a_certificate_needs_its_key(pair: tuple[Path | None, Path | None]) -> None:
    with pytest.raises(Invalid, match="Give both files, or neither"), Remote("localhost:1", FILE, None, *pair).open():
        pass


def test_a_certificate_is_not_forgotten_silently_where_there_is_no_tls() -> None:
    remote = Remote("localhost:1", certificate_file=FILE, key_file=FILE)
    with pytest.raises(Invalid, match="would not be shown without TLS"), remote.open():
        pass
