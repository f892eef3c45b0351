"""The second opinion of a model server's model; the process that reads footage is answered with it.

A server that is away is a dependency that is away: the work is tried again later, and never done without its answer.
"""

import numpy as np
from celstream_platform.errors import Invalid, NotFound, Unavailable
from celstream_platform.footage.asking import Answering
from celstream_platform.models import ModelServer, open_model_server
from celstream_platform.models.meters import meters

from celstream_segmenter.asked_outside import Chances, Pictures
from celstream_segmenter.rules import OpinionModel

MODEL, VERSION = "transnetv2", 1
INPUT, OUTPUT = "frames", "cut"
SHAPE = (100, 27, 48, 3)


class ModelOpinion:
    """Asks a model server. For use from several threads."""

    def __init__(self, server: ModelServer, model: OpinionModel | None = None) -> None:
        """model: what the rules say; None for what the server has: then it is asked at once.

        Raises NotFound where the server has no such model, Unavailable where it is away.
        """
        self._server = server
        meters(MODEL)  # at 0, before it is asked
        self.model = model or OpinionModel(name=MODEL, version=VERSION, sha256=server.digest(MODEL, VERSION))

    def answering(self) -> Answering:
        """What the process that reads footage is answered with."""
        return Answering(Pictures, self._answer)

    def close(self) -> None:
        """Let go of the model server."""
        self._server.close()

    def _answer(self, question: Pictures) -> Chances:
        """Raises Unavailable and Overloaded as the server does, and Invalid for what no honest process asks."""
        if question.frames.shape != SHAPE:
            raise Invalid(f"pictures of {question.frames.shape} to be judged, expected {SHAPE}.")
        try:
            digest = self._server.digest(MODEL, VERSION)
            answer = self._server.infer(MODEL, VERSION, {INPUT: question.frames[None]}).result()
        except Invalid as error:  # NotFound among them: not the footage is to blame
            raise Unavailable(f"{MODEL} version {VERSION} cannot be asked: {error}") from error
        if digest != self.model.sha256:
            raise Unavailable(
                f"{MODEL} version {VERSION}: the model server has another file by now ({digest[:12]}, not "
                f"{self.model.sha256[:12]}). Give it the one that this work was begun with, or start anew."
            )
        return Chances(np.asarray(answer[OUTPUT][0], np.float32))


def open_opinion(url: str, model: OpinionModel | None = None) -> ModelOpinion:
    """The opinion of a model server. url: see `open_model_server`. Raises as that does; NotFound, Unavailable."""
    server = open_model_server(url)
    try:
        return ModelOpinion(server, model)
    except (NotFound, Unavailable):
        server.close()
        raise
