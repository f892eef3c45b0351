"""A worker for the tests: footage `bad` kills the process that works on it; any other gives no items."""

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
        if message.item.id == "bad":
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
