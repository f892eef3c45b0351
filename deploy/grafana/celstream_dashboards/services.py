"""Services: rate, errors, latency, lag, what is under way, retries, dead letters, memory."""

from grafana_foundation_sdk.builders import dashboard

from celstream_dashboards.panels import HERE, Query, bars, lines, page, quantile, rate

EVERY = "$__rate_interval"
OURS = "INTERNAL|UNKNOWN|UNAVAILABLE|DATA_LOSS|DEADLINE_EXCEEDED"


def build() -> dashboard.Dashboard:
    """The dashboard."""
    made = page("services", "Services", "Which service is slow, fails, or waits, and for whom?")
    made = _stages(made.with_row(dashboard.Row("Stages")))
    made = _calls(made.with_row(dashboard.Row("Calls")))
    made = _ports(made.with_row(dashboard.Row("What they stand on")))
    return _pods(made.with_row(dashboard.Row("Pods")))


def _stages(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_panel(
            lines(
                "How many events wait?",
                "The group's lag: events that are committed and not consumed. It may rise by day and fall by night.",
                [Query(f"max by (stage) (celstream_worker_lag_events{{{HERE}}})", "{{stage}}")],
            )
        )
        .with_panel(
            lines(
                "How many events are finished, and how do they end?",
                "Per second. `parked` is a dead letter; `released` was given back to be done by another worker.",
                [
                    Query(
                        rate("celstream_worker_events_total", "stage, outcome"),
                        "{{stage}} {{outcome}}",
                    )
                ],
                "ops",
                stacked=True,
            )
        )
        .with_panel(
            lines(
                "How long does one event take?",
                "Half of the events take less than the first line, 99 of 100 less than the second; without the commit.",
                [
                    Query(quantile(0.5, "celstream_worker_processing_seconds", "stage"), "{{stage}} half"),
                    Query(quantile(0.99, "celstream_worker_processing_seconds", "stage"), "{{stage}} 99 %"),
                ],
                "s",
            )
        )
        .with_panel(
            lines(
                "How long is a transaction open?",
                "From begin to the end of the commit. Past 30 s the broker aborts it.",
                [Query(quantile(0.99, "celstream_worker_commit_seconds", "stage"), "{{stage}} 99 %")],
                "s",
            )
        )
        .with_panel(
            lines(
                "What is tried again, and why?",
                "Attempts per minute that are repeated: unavailable and overloaded are others' fault, bug is ours.",
                [
                    Query(
                        f"60 * {rate('celstream_worker_retries_total', 'stage, error')}",
                        "{{stage}} {{error}}",
                    )
                ],
            )
        )
        .with_panel(
            lines(
                "How many events became dead letters?",
                "Within the last hour.",
                [Query(f"sum by (stage) (increase(celstream_worker_dead_letters_total{{{HERE}}}[1h]))", "{{stage}}")],
            )
        )
        .with_panel(
            lines(
                "Who works, and on how many events?",
                "Events that a worker holds: polled and not committed. A ready worker with none is idle.",
                [
                    Query(f"sum by (stage, pod) (celstream_worker_in_flight_events{{{HERE}}})", "{{pod}}"),
                    Query(f"sum by (stage) (celstream_worker_ready{{{HERE}}})", "{{stage}}: ready"),
                ],
            )
        )
        .with_panel(
            lines(
                "How many events does a transaction hold?",
                "On average. Many small ones cost the broker more than few large ones.",
                [
                    Query(
                        f"{rate('celstream_worker_batch_events_sum', 'stage')}"
                        f" / ({rate('celstream_worker_batch_events_count', 'stage')} > 0)",
                        "{{stage}}",
                    )
                ],
            )
        )
    )


def _calls(made: dashboard.Dashboard) -> dashboard.Dashboard:
    failed = f'sum by (method, code) (rate(celstream_grpc_requests_total{{{HERE}, code=~"{OURS}"}}[$__rate_interval]))'
    return (
        made.with_panel(
            lines(
                "How many calls come in?",
                "Finished calls per second, by method.",
                [
                    Query(
                        rate("celstream_grpc_requests_total", "method"),
                        "{{method}}",
                    )
                ],
                "reqps",
            )
        )
        .with_panel(
            lines(
                "Which calls fail, and how?",
                "By the service's fault: what callers do wrong is not here.",
                [Query(failed, "{{method}} {{code}}")],
                "reqps",
                many=True,
            )
        )
        .with_panel(
            lines(
                "How long do callers wait?",
                "99 of 100 calls take less, to the last byte. Watching footage is meant to take long.",
                [Query(quantile(0.99, "celstream_grpc_request_seconds", "method"), "{{method}}")],
                "s",
            )
        )
        .with_panel(
            lines(
                "How many calls are answered at once?",
                "Calls under way, by method; as many as the server has threads, and further ones wait.",
                [Query(f"sum by (method) (celstream_grpc_in_flight_requests{{{HERE}}})", "{{method}}")],
            )
        )
        .with_panel(
            lines(
                "How much of the month's allowance does it use?",
                "1 uses it up in exactly 30 days; 14.4 in two days, which wakes somebody.",
                [Query(f"job:celstream_grpc_failures:ratio_rate1h{{{HERE}}} / 0.005", "{{job}}")],
                span=24,
            )
        )
    )


def _ports(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_panel(
            lines(
                "How fast does the event log answer?",
                "99 of 100 operations take less. A poll that finds nothing waits, so it is left out.",
                [
                    Query(
                        quantile(
                            0.99, "celstream_eventlog_operation_seconds", "operation", f'{HERE}, operation!="poll"'
                        ),
                        "{{operation}}",
                    )
                ],
                "s",
            )
        )
        .with_panel(
            lines(
                "How fast does the store answer?",
                "99 of 100 operations take less.",
                [Query(quantile(0.99, "celstream_artefact_operation_seconds", "operation"), "{{operation}}")],
                "s",
            )
        )
        .with_panel(
            lines(
                "What does the store refuse?",
                "Operations that failed, per second, by the error's name.",
                [
                    Query(
                        "sum by (operation, outcome) (rate(celstream_artefact_operations_total"
                        f'{{{HERE}, outcome!="ok"}}[{EVERY}]))',
                        "{{operation}}: {{outcome}}",
                    )
                ],
                "ops",
                many=True,
            )
        )
        .with_panel(
            bars(
                "Which certificate ends first?",
                "Of the files that pods have: their `own`, and of the `authority` that others come from. An alert tells"
                " of two weeks. None where nothing is encrypted.",
                Query(
                    f"sort(min by (job, connection, use) (celstream_certificate_expiry_timestamp_seconds{{{HERE}}})"
                    " - time())",
                    "{{job}}: {{connection}}, {{use}}",
                ),
                "s",
            )
        )
        .with_panel(
            lines(
                "How fast does the catalog take events in?",
                "Per second. Where it falls behind what stages finish, what people see is old.",
                [Query(f"sum by (pod) (rate(celstream_catalog_projected_events_total{{{HERE}}}[{EVERY}]))", "{{pod}}")],
                "ops",
            )
        )
        .with_panel(
            lines(
                "How long does the catalog's database take?",
                "99 of 100 transactions of the projection take less.",
                [Query(quantile(0.99, "celstream_catalog_batch_seconds", "pod"), "{{pod}}")],
                "s",
            )
        )
    )


def _pods(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_panel(
            lines(
                "Which pod's memory grows?",
                "Resident memory of the service's own process; those that decode come on top.",
                [Query(f'process_resident_memory_bytes{{{HERE}, job=~"segmenter|catalog"}}', "{{pod}}")],
                "bytes",
            )
        )
        .with_panel(
            lines(
                "How do the processes end that decode?",
                "Per hour. `invalid` is the footage's fault, `limit` its size; `crash` and `bug` are ours.",
                [
                    Query(
                        f"3600 * {rate('celstream_footage_child_ends_total', 'end')}",
                        "{{end}}",
                    )
                ],
            )
        )
        .with_panel(
            lines(
                "How many pods give no metrics?",
                "Of each service; an alert names them. What they do is not seen on any dashboard.",
                [Query(f'sum by (job) (1 - up{{{HERE}, job=~"segmenter|catalog|triton"}})', "{{job}}")],
            )
        )
        .with_panel(
            lines(
                "How long does a process that decodes take to start?",
                "99 of 100 take less. It is paid once per footage.",
                [Query(quantile(0.99, "celstream_footage_child_start_seconds", "namespace"), "99 %")],
                "s",
            )
        )
    )
