"""A cluster under load and under attack: what comes of the footage is what one machine makes of it in peace."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from celstream_cluster import servers
from celstream_platform.eventlog import open_event_log
from celstream_protos.v1.envelope_pb2 import OUTCOME_STATE_COMPLETED
from celstream_stack.stack import Stack

from tests.benchmarks.recording import record
from tests.cluster.cluster import INSTALLED, Cluster
from tests.cluster.collected import Collected, Following
from tests.cluster.load import Inbox, Load, Release
from tests.cluster.pieces import expected, footage_id, pieces
from tests.cluster.watching import Ending, Watch, endings

pytestmark = [pytest.mark.cluster, pytest.mark.faults, pytest.mark.timeout(3600)]
PIECES = 220
DELETED = 12
SETS = ("segmenter.replicas=2", "segmenter.resources.limits.memory=768Mi", "segmenter.settings.decodeMemoryMiB=512")
ORDERLY = {0, 143}
WHILE_ALL_IS_UP = ("pods deleted", "segmenters killed for want of memory", "Kafka restarted", "upgrades", "rollbacks")


@pytest.fixture
def loaded(release: Cluster, cluster_values: Path) -> Iterator[Release]:
    """The node's release, with two segmenters; as it was afterwards."""
    found = Release(release, INSTALLED, cluster_values)
    found.upgrade(*SETS)
    yield found
    found.upgrade()


def test_what_comes_of_footage_is_the_same_whatever_befalls_the_cluster(
    loaded: Release, own_servers: Stack, tmp_path: Path
) -> None:
    films = pieces(tmp_path / "films", PIECES)
    wanted = expected(films, tmp_path / "dataset")
    variables = own_servers.up(servers.NAMES)
    inbox = Inbox(own_servers, variables["CELSTREAM_INBOX"], "load")
    log = open_event_log(variables["CELSTREAM_EVENTS"])
    following = Following(log, {footage_id(film) for film in films})
    load = Load(loaded, own_servers, following, PIECES)
    troubles = [
        *((0.04 + 0.8 * number / DELETED, Load.delete_a_pod) for number in range(DELETED)),
        (0.1, Load.use_up_memory),
        (0.5, Load.use_up_memory),
        (0.2, Load.restart_kafka),
        (0.3, lambda load: load.upgrade(*SETS, "logs.level=debug")),
        (0.4, Load.roll_back),
        (0.65, Load.drain),
    ]
    with Watch(loaded.cluster.namespace, "pods", loaded.selector) as pods:
        load.run(inbox, films, troubles)
        loaded.settle()
    following.close()
    log.close()
    ended = endings(pods.changes)
    report(load, following.found, wanted, ended)
    found = following.found
    assert found.clips == wanted.clips
    assert found.outcomes == wanted.outcomes
    assert found.rejections == wanted.rejections
    assert found.twice() == []
    assert len(found.finished) == PIECES
    assert load.happened["pods deleted"] >= 10
    assert set(WHILE_ALL_IS_UP) | {"nodes drained"} <= set(load.happened)
    assert killed_at_the_end_of_grace(ended) == []


def killed_at_the_end_of_grace(ended: set[Ending]) -> list[Ending]:
    """Containers that were asked to end and did not by themselves, or not in time."""
    asked = [one for one in ended if one.seconds is not None and one.grace_seconds is not None]
    return [one for one in asked if one.exit_code not in ORDERLY or one.seconds >= one.grace_seconds]  # type: ignore[operator]


def report(load: Load, found: Collected, wanted: Collected, ended: set[Ending]) -> None:
    """Write what happened down."""
    asked = [one for one in ended if one.seconds is not None]
    codes = Counter(one.exit_code for one in asked)
    others = Counter(f"{one.reason} ({one.exit_code})" for one in ended if one.seconds is None)
    completed = sum(many for (_, state), many in found.outcomes.items() if state == OUTCOME_STATE_COMPLETED)
    rows = [
        {"what": "footage dropped into the inbox", "figure": PIECES},
        {"what": "outcomes, each that all went well", "figure": completed},
        {"what": "clips", "figure": sum(found.clips.values())},
        {"what": "clips of one machine by itself", "figure": sum(wanted.clips.values())},
        {"what": "clips missing, or other than there", "figure": len(set(wanted.clips) - set(found.clips))},
        {"what": "clips and outcomes that are there twice", "figure": len(found.twice())},
        *({"what": what, "figure": many} for what, many in load.happened.items()),
        {"what": "containers asked to end", "figure": len(asked)},
        {"what": "their exit codes", "figure": ", ".join(f"{code}: {many}" for code, many in sorted(codes.items()))},
        {"what": "longest until one had ended, s", "figure": max((one.seconds or 0 for one in asked), default=0.0)},
        {"what": "their time to end, s", "figure": max((one.grace_seconds or 0 for one in asked), default=0.0)},
        {"what": "killed at the end of that time", "figure": len(killed_at_the_end_of_grace(ended))},
        {
            "what": "containers that ended unasked",
            "figure": ", ".join(f"{how}: {many}" for how, many in sorted(others.items())) or "none",
        },
        {"what": "minutes", "figure": load.seconds / 60},
    ]
    record(
        "cluster_load",
        "A node under load while pods, memory, Kafka, versions and the node itself come and go",
        rows,
        [
            "Pieces of two seconds and two shots, rendered at 128x72; two segmenters.",
            "Compared with `celstream run` on the same files: ids, frame ranges, the bytes of video and stills.",
            "There is one node: while it is drained its pods wait, and the budget holds the last ones until they are "
            "taken away without asking it.",
        ],
    )
