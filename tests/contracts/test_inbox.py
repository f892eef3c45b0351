"""What every inbox keeps to: whole files alone, exactly the bytes that were told of, and what is said beside them."""

import hashlib
import secrets
from pathlib import Path
from urllib.parse import quote

import pytest
from celstream_platform.errors import Invalid, NotFound
from celstream_platform.inbox import Offered
from celstream_platform.inbox.notices import notice, parse
from celstream_platform.stage import Stopping

from tests.contracts.inboxes import BucketDropping, Dropping, FolderDropping

NAME = "films/a+b é 100%.mp4"


@pytest.fixture(params=["directory", pytest.param("minio", marks=pytest.mark.slow)])
def dropping(request: pytest.FixtureRequest, tmp_path: Path) -> Dropping:
    if request.param == "directory":
        return FolderDropping(tmp_path / "inbox")
    url: str = request.getfixturevalue("inbox_url")
    return BucketDropping(url, secrets.token_hex(8), request.getfixturevalue("submitter"))


def never() -> bool:
    return False


def only(dropping: Dropping) -> Offered:
    (offered,) = dropping.inbox.listed()
    return offered


def test_a_whole_file_is_listed_found_and_fetched(dropping: Dropping) -> None:
    content = secrets.token_bytes(3 << 20)
    path = dropping.put(NAME, content)
    offered = only(dropping)
    assert offered.path == path
    assert path.startswith(dropping.inbox.root)
    assert offered.size == len(content)
    found = dropping.inbox.find(path)
    assert found is not None
    assert (found.path, found.etag, found.size) == (offered.path, offered.etag, offered.size)
    with dropping.inbox.fetch(offered, never) as local:
        assert hashlib.sha256(local.read_bytes()).digest() == hashlib.sha256(content).digest()
    assert dropping.inbox.find(f"{path}.json") is None


def test_a_half_dropped_file_is_not_there(dropping: Dropping) -> None:
    dropping.begin("half.mp4")
    assert list(dropping.inbox.listed()) == []
    assert dropping.inbox.find(f"{dropping.inbox.root}half.mp4") is None


def test_what_was_replaced_or_never_there_is_not_fetched_for_what_it_was(dropping: Dropping) -> None:
    path = dropping.put("film.mp4", b"first")
    first = only(dropping)
    dropping.put("film.mp4", b"second")
    assert only(dropping).etag != first.etag
    with pytest.raises(NotFound, match="gone, or has been replaced"), dropping.inbox.fetch(first, never):
        pass
    missing = Offered(f"{path}x", 5, first.etag)
    with pytest.raises(NotFound, match="gone, or has been replaced"), dropping.inbox.fetch(missing, never):
        pass


def test_small_files_beside_are_read_and_large_ones_refused(dropping: Dropping) -> None:
    dropping.put("film.mp4.json", b'{"license": "CC0-1.0"}')
    offered = only(dropping)
    assert dropping.inbox.read(offered, 100) == b'{"license": "CC0-1.0"}'
    with pytest.raises(Invalid, match="22 bytes, at most 10"):
        dropping.inbox.read(offered, 10)


def test_a_notice_says_again_what_was_offered(dropping: Dropping) -> None:
    dropping.put(NAME, b"content")
    offered = only(dropping)
    event = notice(offered)
    (told,) = parse(event)
    assert event.key == offered.path
    assert (told.path, told.size, told.etag) == (offered.path, offered.size, offered.etag)
    with dropping.inbox.fetch(told, never) as local:
        assert local.read_bytes() == b"content"


@pytest.mark.slow
def test_tags_of_an_object_are_read_and_its_fetch_can_be_stopped(inbox_url: str, submitter: dict[str, str]) -> None:
    dropping = BucketDropping(inbox_url, secrets.token_hex(8), submitter)
    dropping.put("film.mp4", b"content", {"license": "CC-BY-4.0", "project": "x"})
    offered = only(dropping)
    assert dropping.inbox.tags(offered) == {"license": "CC-BY-4.0", "project": "x"}
    with pytest.raises(Stopping), dropping.inbox.fetch(offered, lambda: True):
        pass
    first = dropping.inbox.find(offered.path)
    assert first is not None
    dropping.put("film.mp4", b"other content")
    with dropping.inbox.fetch(first, never) as local:
        assert local.read_bytes() == b"content", "a bucket with versions keeps what was told of"


def test_the_buckets_own_words_are_understood() -> None:
    key = quote(NAME, safe="").replace("%20", "+")
    value = (
        '{"EventName":"s3:ObjectCreated:Put","Key":"b/x","Records":[{"eventName":"s3:ObjectCreated:Put","s3":{"bucket":'
        f'{{"name":"b"}},"object":{{"key":"{key}","size":100,"eTag":"e","versionId":"v"}}}}}}]}}'
    )
    event = notice(Offered("b/x", 1, ""))
    (told,) = parse(type(event)(event.topic, event.key, value.encode()))
    assert told == Offered(f"b/{NAME}", 100, "e", "v")
    for nonsense in (b"", b"[]", b'{"Records":[{}]}', b'{"Records":3}', b"\xff"):
        with pytest.raises(Invalid, match="not a bucket's notification"):
            parse(type(event)(event.topic, "b/x", nonsense))
    assert parse(type(event)(event.topic, "", b'{"Event":"s3:TestEvent"}')) == []
