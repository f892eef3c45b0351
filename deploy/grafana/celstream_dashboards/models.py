"""Models: what the model server does with requests, and what they wait for. What stages see of it: `inferences`."""

from grafana_foundation_sdk.builders import dashboard

from celstream_dashboards.panels import HERE, Query, lines, page, rate

SUCCEEDED, FAILED = (rate(f"nv_inference_request_{how}", "model") for how in ("success", "failure"))


def mean_milliseconds(duration: str) -> str:
    """The query for the mean time of one of Triton's durations, per request."""
    return f"{rate(duration, 'model')} / 1000 / ({SUCCEEDED} > 0)"


def build(*, gpus: bool = False) -> dashboard.Dashboard:
    """The dashboard. gpus: whether the model server has some."""
    made = _server(
        page("models", "Models", "Is the model server busy, and is its time well spent?").with_row(
            dashboard.Row("At the server")
        )
    )
    return _gpus(made.with_row(dashboard.Row("On its GPUs"))) if gpus else made


def _server(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_panel(
            lines(
                "Do requests wait, or are they computed?",
                "Mean times of a request in the queue and in the model. A queue that is longer wants more pods.",
                [
                    Query(mean_milliseconds("nv_inference_queue_duration_us"), "{{model}} queue"),
                    Query(mean_milliseconds("nv_inference_compute_infer_duration_us"), "{{model}} compute"),
                ],
                "ms",
            )
        )
        .with_panel(
            lines(
                "How many inputs does one execution take?",
                "The mean batch. 1 on a GPU means that requests come one after the other: give stages a larger window.",
                [
                    Query(
                        f"{rate('nv_inference_count', 'model')} / ({rate('nv_inference_exec_count', 'model')} > 0)",
                        "{{model}}",
                    )
                ],
            )
        )
        .with_panel(
            lines(
                "Which inferences fail?",
                "Share of each model's requests.",
                [
                    Query(
                        f"{FAILED} / ({SUCCEEDED} + {FAILED} > 0)",
                        "{{model}}",
                    )
                ],
                "percentunit",
                span=24,
            )
        )
    )


def _gpus(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return made.with_panel(
        lines(
            "Are the GPUs busy?",
            "Share of time at work. Little of it while requests wait: inputs come too slowly, or too few at once.",
            [Query(f"nv_gpu_utilization{{{HERE}}}", "{{pod}} {{gpu_uuid}}")],
            "percentunit",
        )
    ).with_panel(
        lines(
            "Is the GPUs' memory enough?",
            "Share in use. Near the top the next model, or a larger batch, does not fit.",
            [
                Query(
                    f"nv_gpu_memory_used_bytes{{{HERE}}} / nv_gpu_memory_total_bytes{{{HERE}}}",
                    "{{pod}} {{gpu_uuid}}",
                )
            ],
            "percentunit",
        )
    )
