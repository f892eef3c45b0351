"""Triton as the chart runs it: models come out of an image, answer from outside, and are restricted as all pods are."""

from concurrent.futures import Future

import numpy as np
import pytest
from celstream_cluster.models import MEAN_COLOUR
from celstream_platform.models import Arrays, open_model_server
from celstream_stack.stack import Stack

from tests.cluster.cluster import SELECTOR, TRITON, Cluster, wait_until

pytestmark = pytest.mark.cluster
CHOSEN = f"{SELECTOR},app.kubernetes.io/component=triton"


def test_a_model_answers_through_the_service_with_what_it_is_asked(release: Cluster, own_servers: Stack) -> None:
    pictures = np.random.default_rng(1).integers(0, 255, (20, 1, 45, 80, 3), dtype=np.uint8)
    with release.forwarded(TRITON, 8001) as address:
        models = open_model_server(f"triton://{address}?shared_memory=off")
        assert models.served() == [(MEAN_COLOUR, 1)]
        asked: list[Future[Arrays]] = [models.infer(MEAN_COLOUR, 1, {"picture": one}) for one in pictures]
        answers = [one.result()["colour"] for one in asked]
        models.close()
    np.testing.assert_allclose(answers, pictures.mean(axis=(2, 3)), rtol=1e-4)


def test_triton_runs_as_nobody_on_a_root_that_nobody_writes(release: Cluster, own_servers: Stack) -> None:
    tried = "id -u; touch /opt/here || touch /models/here || true"
    said = release.kubectl("exec", f"deployment/{TRITON}", "--", "sh", "-c", tried)
    assert said.stdout.split() == ["10001"]
    assert said.stderr.count("Read-only file system") == 2


def test_a_model_server_that_is_deleted_comes_back_with_its_models(release: Cluster, own_servers: Stack) -> None:
    release.kubectl("delete", "pods", "--selector", CHOSEN, "--wait=false")
    release.kubectl("rollout", "status", f"deployment/{TRITON}", "--timeout=3m")
    with release.forwarded(TRITON, 8001) as address:
        models = open_model_server(f"triton://{address}?shared_memory=off")
        wait_until(lambda: models.ready(MEAN_COLOUR, 1), "the model does not answer")
        models.close()
