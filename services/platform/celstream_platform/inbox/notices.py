"""Notices: what a bucket tells of a whole object, as an event on `celstream.inbox`.

S3's own form (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html), as MinIO
publishes it: key `bucket/key`, no headers. A rescan publishes the same form, so one reader reads both.

A notice says nothing of tags. Whoever has read them notes on the same topic which they were, under a key of its own, so
that a rescan can see that they are others by now.
"""

import json
from collections.abc import Mapping
from urllib.parse import quote_plus, unquote_plus

from celstream_platform.errors import Invalid
from celstream_platform.events import Event
from celstream_platform.identity import digest
from celstream_platform.inbox.port import Offered
from celstream_platform.topics import INBOX

MEDIA_TYPE = "application/json"
RESCANNED = "celstream:ObjectCreated:Rescan"
SEEN = "celstream:TagsSeen"


def notice(offered: Offered) -> Event:
    """The event that tells of a file."""
    bucket, _, key = offered.path.partition("/")
    about = {"key": quote_plus(key), "size": offered.size, "eTag": offered.etag, "versionId": offered.version_id}
    record = {"eventName": RESCANNED, "s3": {"bucket": {"name": bucket}, "object": about}}
    value = json.dumps({"EventName": RESCANNED, "Key": offered.path, "Records": [record]}, separators=(",", ":"))
    return Event(INBOX.name, offered.path, value.encode(), {"content-type": MEDIA_TYPE})


def digest_of(tags: Mapping[str, str]) -> str:
    """What tells some tags from others."""
    return digest(dict(tags))


def seen(offered: Offered, tags: Mapping[str, str]) -> Event:
    """The note of the tags that a file was taken in with. It tells of no file."""
    about = {"path": offered.path, "eTag": offered.etag, "tags": digest_of(tags)}
    value = json.dumps({"EventName": SEEN, "Key": offered.path, "Records": [], "seen": about}, separators=(",", ":"))
    return Event(INBOX.name, f"{offered.path}#tags", value.encode(), {"content-type": MEDIA_TYPE})


def parse_seen(event: Event) -> tuple[str, str, str] | None:
    """(path, etag, digest of the tags) of a note; None for what is none."""
    try:
        about = json.loads(event.value)["seen"]
        return about["path"], about["eTag"], about["tags"]
    except (ValueError, KeyError, TypeError):
        return None


def parse(event: Event) -> list[Offered]:
    """The files that an event tells of. Raises Invalid where it is no such notice."""
    try:
        content = json.loads(event.value)
        records = content.get("Records", [])  # a bucket's test event has none
        return [_offered(record["s3"]) for record in records if "ObjectRemoved" not in record["eventName"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(
            f"{event.topic} {event.key}: not a bucket's notification ({type(error).__name__}: {error})."
            " Let only the bucket write to this topic."
        ) from error


def _offered(s3: dict[str, dict[str, str]]) -> Offered:
    about = s3["object"]
    path = f"{s3['bucket']['name']}/{unquote_plus(about['key'])}"
    return Offered(path, int(about.get("size", 0)), about.get("eTag", ""), about.get("versionId", ""))
