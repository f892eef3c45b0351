"""Cost: what an accepted item takes of processors, GPUs and disk, and where the disk goes."""

from grafana_foundation_sdk.builders import dashboard

from celstream_dashboards.panels import HERE, Query, lines, number, page, rate

OF_STAGES = 'pod=~".*-(segmenter|catalog|triton)-.*", container!=""'
ITEMS = f"sum(rate(celstream_worker_items_total{{{HERE}}}[1h]))"


def build(*, gpus: bool = False) -> dashboard.Dashboard:
    """The dashboard. gpus: whether the model server has some."""
    made = page("cost", "Cost", "What does an accepted item take, and where does the disk go?")
    made = _of_one_item(made.with_row(dashboard.Row("Of one item")))
    if gpus:
        made = _of_gpus(made.with_row(dashboard.Row("Of GPUs")))
    return _of_everything(made.with_row(dashboard.Row("Of everything")))


def _of_one_item(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_panel(
            number(
                "How much processor time does an item take?",
                "Of all pods, the processes that decode included, over the last hour.",
                f"sum(rate(container_cpu_usage_seconds_total{{{HERE}, {OF_STAGES}}}[1h])) / ({ITEMS} > 0)",
                "s",
                decimals=1,
            )
        )
        .with_panel(
            number(
                "For how long do models compute for an item?",
                "Over the last hour, at the model server; several at a time count each. 0 where no model is asked.",
                f"(sum(rate(nv_inference_compute_infer_duration_us{{{HERE}}}[1h])) or vector(0)) / 1e6 / ({ITEMS} > 0)",
                "s",
                decimals=2,
            )
        )
        .with_panel(
            number(
                "How many bytes does an item add to the store?",
                "What was written within the last hour, stills and checkpoints included.",
                f'sum(rate(celstream_artefact_bytes_total{{{HERE}, operation="put"}}[1h])) / ({ITEMS} > 0)',
                "bytes",
            )
        )
        .with_panel(
            number(
                "How many items does an hour of processor time make?",
                "The other way round: for planning.",
                f"3600 * {ITEMS} / (sum(rate(container_cpu_usage_seconds_total{{{HERE}, {OF_STAGES}}}[1h])) > 0)",
            )
        )
    )


def _of_gpus(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return made.with_panel(
        number(
            "How much GPU time does an item take?",
            "Time that GPUs are at work, over the last hour.",
            f"sum(avg_over_time(nv_gpu_utilization{{{HERE}}}[1h])) / ({ITEMS} > 0)",
            "s",
            decimals=2,
        )
    ).with_panel(
        lines(
            "How many of the GPUs are at work?",
            "The space between the lines is paid for and idle.",
            [
                Query(f"sum(nv_gpu_utilization{{{HERE}}})", "at work"),
                Query(f"count(nv_gpu_utilization{{{HERE}}})", "there"),
            ],
            span=18,
        )
    )


def _of_everything(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_panel(
            lines(
                "Who uses the processors?",
                "Cores in use, by service.",
                [
                    Query(
                        "sum by (container) (rate(container_cpu_usage_seconds_total"
                        f"{{{HERE}, {OF_STAGES}}}[$__rate_interval]))",
                        "{{container}}",
                    )
                ],
                stacked=True,
            )
        )
        .with_panel(
            lines(
                "How fast does the store fill?",
                "Bytes per second that services write and read.",
                [
                    Query(
                        rate("celstream_artefact_bytes_total", "job, operation"),
                        "{{job}} {{operation}}",
                    )
                ],
                "Bps",
            )
        )
        .with_panel(
            lines(
                "How much room has the store?",
                "Of MinIO, where its metrics are fetched.",
                [
                    Query("sum(minio_cluster_capacity_usable_free_bytes)", "free"),
                    Query("sum(minio_cluster_capacity_usable_total_bytes)", "in all"),
                ],
                "bytes",
            )
        )
        .with_panel(
            lines(
                "How many frames does a core decode in a second?",
                "Frames per second, by the cores that the segmenter uses.",
                [
                    Query(
                        f"sum(rate(celstream_footage_decoded_frames_total{{{HERE}}}[$__rate_interval]))"
                        f' / (sum(rate(container_cpu_usage_seconds_total{{{HERE}, container="segmenter"}}'
                        "[$__rate_interval])) > 0)",
                        "frames/s",
                    )
                ],
            )
        )
    )
