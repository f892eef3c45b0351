"""Quality: whether canaries come out right, whether the detector grows less certain, and where two opinions differ."""

from grafana_foundation_sdk.builders import dashboard

from celstream_dashboards.panels import HERE, Query, lines, number, page, quantile, rate

OVER = "6h"  # footage comes now and then: over less there is often nothing to say
CONFIDENCE = "celstream_segmenter_transition_confidence_ratio"
SHARES = ((0.1, "a tenth"), (0.5, "half"), (0.9, "nine tenths"))
CUTS = f'{HERE}, kind="cut"'


def score(measure: str, over: str) -> str:
    """The query for canaries' scores, which every catalog says alike. over: `last`, or `recent` ones together."""
    where = f'{HERE}, measure="{measure}", over="{over}"'
    return f"max by (level, subject) (celstream_canary_score_ratio{{{where}}})"


LEAST = f"max by (level, subject) (celstream_canary_least_ratio{{{HERE}}})"


def build() -> dashboard.Dashboard:
    """The dashboard."""
    made = page("quality", "Quality", "Do the levels find what is there, and how certain are they of it?")
    made = _canaries(made.with_row(dashboard.Row("Do canaries come out right?")))
    made = _confidence(made.with_row(dashboard.Row("Does the detector grow less certain?")))
    return _disagreement(made.with_row(dashboard.Row("Where do two opinions differ?")))


def _canaries(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_panel(
            number(
                "How right is what is worst?",
                "The lowest F1 of recent canaries, a dozen of them together, of all that is compared.",
                f"min({score('f1', 'recent')})",
                "percentunit",
                decimals=1,
            )
        )
        .with_panel(
            number(
                "How far is it from the least that is asked?",
                "Of recent canaries, had one error not been made: alone it says nothing. Below 0 an alert fires.",
                f"min({score('f1_but_one', 'recent')} - {LEAST})",
                "percentunit",
                decimals=1,
            )
        )
        .with_panel(
            number(
                "How long ago was the last canary evaluated?",
                "Beyond three times the period an alert fires.",
                f"time() - min(celstream_canary_result_timestamp_seconds{{{HERE}}})"
                f" and on () (max(celstream_canary_period_seconds{{{HERE}}}) > 0)",
                "s",
            )
        )
        .with_panel(
            number(
                "How long did it take through all levels?",
                "From offering it until the catalog called it finished; waiting counts.",
                f"max(celstream_canary_finish_seconds{{{HERE}}})",
                "s",
                decimals=1,
            )
        )
        .with_panel(
            lines(
                "How right is each level, and what is asked of it?",
                "F1 of recent canaries together, and the least that is asked. Of few canaries one error shows much.",
                [
                    Query(score("f1", "recent"), "{{level}}: {{subject}}"),
                    Query(LEAST, "{{level}}: {{subject}}, least"),
                ],
                "percentunit",
            )
        )
        .with_panel(
            lines(
                "How was each canary?",
                "F1 of the last one. A single film has few transitions: one that is missed shows much.",
                [Query(score("f1", "last"), "{{level}}: {{subject}}")],
                "percentunit",
            )
        )
        .with_panel(
            lines(
                "What share of what is there is missed?",
                "Of recent canaries: 1 less the recall.",
                [Query(f"1 - {score('recall', 'recent')}", "{{level}}: {{subject}}")],
                "percentunit",
            )
        )
        .with_panel(
            lines(
                "What share of what is found is not there?",
                "Of recent canaries: 1 less the precision.",
                [Query(f"1 - {score('precision', 'recent')}", "{{level}}: {{subject}}")],
                "percentunit",
            )
        )
    )


def _confidence(made: dashboard.Dashboard) -> dashboard.Dashboard:
    doubtful = rate(f"{CONFIDENCE}_bucket", "namespace", f'{CUTS}, le="0.6"', OVER)
    return (
        made.with_panel(
            lines(
                "How certain is the detector of its cuts?",
                "A tenth, half and nine tenths of the cuts of six hours are below these lines. Lines that sink together"
                " mean other footage, or a detector that fits it less.",
                [Query(quantile(share, CONFIDENCE, "namespace", CUTS, OVER), words) for share, words in SHARES],
                "percentunit",
            )
        )
        .with_panel(
            lines(
                "What share of the cuts is doubtful?",
                "Cuts with a confidence of at most 0.6, of those of six hours: what an annotator would look at first.",
                [Query(f"{doubtful} / ({rate(f'{CONFIDENCE}_count', 'namespace', CUTS, OVER)} > 0)", "doubtful")],
                "percentunit",
            )
        )
        .with_panel(
            lines(
                "How certain is it of each kind of transition?",
                "The mean confidence of six hours.",
                [
                    Query(
                        f"{rate(f'{CONFIDENCE}_sum', 'kind', HERE, OVER)}"
                        f" / ({rate(f'{CONFIDENCE}_count', 'kind', HERE, OVER)} > 0)",
                        "{{kind}}",
                    )
                ],
                "percentunit",
            )
        )
        .with_panel(
            lines(
                "How are shots joined?",
                "Share of each kind of transition in six hours. A kind that vanishes is rather missed than not there.",
                [
                    Query(
                        f"{rate(f'{CONFIDENCE}_count', 'kind', HERE, OVER)} / on () group_left ()"
                        f" (sum(rate({CONFIDENCE}_count{{{HERE}}}[{OVER}])) > 0)",
                        "{{kind}}",
                    )
                ],
                "percentunit",
                stacked=True,
            )
        )
    )


def _disagreement(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return made.with_panel(
        lines(
            "How many of a hundred shots does a second look doubt?",
            "`merge`: two shots look like one, so a cut was found that is none; `split`: one looks like two, so one was"
            " missed. The second look compares shapes and paints, which the detector does not.",
            [
                Query(
                    f"100 * {rate('celstream_segmenter_doubts_total', 'kind', HERE, OVER)} / on () group_left ()"
                    f" (sum(rate(celstream_segmenter_shots_total{{{HERE}}}[{OVER}])) > 0)",
                    "{{kind}}",
                )
            ],
            stacked=True,
            span=24,
        )
    )
