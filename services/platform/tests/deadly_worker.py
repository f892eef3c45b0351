"""A worker for the tests: some footage kills the process that works on it; any other gives no items.

`bad` kills at once; `stuck` after one checkpoint, at which it never gets on; `long` after each of its six checkpoints.
"""

import os
import signal
import sys
from dataclasses import dataclass

from celstream_platform.artefacts import open_artefact_store
from celstream_platform.eventlog import open_event_log
from celstream_platform.stage import Context, Result
from celstream_platform.topics import CLIPS, FOOTAGE, Topic
from celstream_platform.worker import Worker, WorkerSettings
from celstream_protos.v1 import footage_pb2
from google.protobuf.message import Message

LONG = 6


@dataclass
class Deadly:
    """The stage."""

    name: str = "deadly"
    consumes: Topic = FOOTAGE
    produces: tuple[Topic, ...] = (CLIPS,)
    message_type: type[Message] = footage_pb2.Footage
    recipe: str = "recipe"

    def process(self, message: Message, context: Context) -> Result:
        """Die, or give nothing."""
        assert isinstance(message, footage_pb2.Footage)
        name, done = message.item.id, len(context.load_checkpoint())
        goal = {"bad": 0, "stuck": 1, "long": LONG}.get(name, 0)
        if done < goal:
            context.save_checkpoint(b"done")
        if name in ("bad", "stuck") or done < goal:
            os.kill(os.getpid(), signal.SIGKILL)
        return Result()


def main() -> None:
    events, artefacts, max_attempts = sys.argv[1:]
    log = open_event_log(events)
    settings = WorkerSettings(max_attempts=int(max_attempts))
    Worker(Deadly(), log, open_artefact_store(artefacts), settings).run_until_idle()
    log.close()


if __name__ == "__main__":
    main()
