"""What the SQLite event log may forget: superseded events of compacted topics, and old ones of the others.

Both run inside a transaction of the caller.
"""

import sqlite3
import time

MOST_AT_ONCE = 10_000  # a longer transaction would keep writers waiting


def compact(connection: sqlite3.Connection) -> int:
    """Keep the last event of each key in compacted topics, and whatever a group has still to consume.

    Returns the number of events dropped.
    """
    return connection.execute(
        "DELETE FROM events WHERE sequence IN ("
        " SELECT e.sequence FROM events e JOIN topics t ON t.id = e.topic AND t.compacted"
        " JOIN (SELECT topic, key, max(sequence) AS last FROM events GROUP BY topic, key) newest"
        "   ON newest.topic = e.topic AND newest.key = e.key AND e.sequence < newest.last"
        " WHERE NOT EXISTS (SELECT 1 FROM cursors c WHERE c.topic = e.topic AND c.bucket = e.bucket"
        "   AND c.next_sequence <= e.sequence))"
    ).rowcount


def expire(connection: sqlite3.Connection) -> int:
    """Drop the oldest events past the retention of topics that are not compacted, consumed or not, as Kafka does.

    Returns the number of events dropped, at most `MOST_AT_ONCE`.
    """
    return connection.execute(
        "DELETE FROM events WHERE sequence IN (SELECT e.sequence FROM topics t JOIN events e ON e.topic = t.id"
        " WHERE NOT t.compacted AND e.published_seconds < ? - t.retention_hours * 3600 LIMIT ?)",
        (time.time(), MOST_AT_ONCE),
    ).rowcount
