"""Footage to dataset: how far everything is, what was refused and why, and when it will be done."""

from grafana_foundation_sdk.builders import dashboard

from celstream_dashboards.panels import HERE, Query, bars, lines, number, page, rate


def items(by: str, level: str = "") -> str:
    """The query for current items, which every catalog counts alike. level: of that one alone."""
    where = f'{HERE}, level="{level}"' if level else HERE
    return f"max by ({by}) (celstream_catalog_items{{{where}}})"


REFUSED = rate("celstream_worker_rejections_total", "stage")


def build() -> dashboard.Dashboard:
    """The dashboard."""
    return (
        page("footage", "Footage to dataset", "How far is everything, what was refused and why, when will it be done?")
        .with_row(dashboard.Row("How far is it?"))
        .with_panel(
            number(
                "How much footage is in?",
                "Footage that the catalog knows, without canaries and what was taken down.",
                f"sum({items('style', 'footage')})",
            )
        )
        .with_panel(
            number(
                "How many clips came of it?",
                "Current clips; what a newer outcome withdrew does not count.",
                f"sum({items('style', 'clips')})",
            )
        )
        .with_panel(
            number(
                "How many inputs are not done yet?",
                "Inputs of all stages without an outcome.",
                f'sum(max by (stage, level) (celstream_catalog_inputs{{{HERE}, state="pending"}}))',
            )
        )
        .with_panel(
            number(
                "When will it be done, at today's pace?",
                "What waits, by the rate of the last hour. Says nothing while nothing is worked on.",
                f"sum(max by (stage) (celstream_worker_lag_events{{{HERE}}}))"
                f" / (sum(rate(celstream_worker_events_total{{{HERE}}}[1h])) > 0)",
                "s",
            )
        )
        .with_panel(
            bars(
                "How many items does each level hold?",
                "The funnel: from the footage down.",
                Query(f"sum by (level) ({items('level, style')})", "{{level}}"),
            )
        )
        .with_panel(
            bars(
                "Which level refuses most, and why?",
                "Current rejections by level and reason. Thresholds are in the stage's settings.",
                Query(
                    f"sort_desc(max by (level, reason) (celstream_catalog_rejections{{{HERE}}}))",
                    "{{level}}: {{reason}}",
                ),
            )
        )
        .with_panel(
            bars(
                "What share of the clips has each style?",
                "By where the drawing style comes from, as it was said when the footage came in.",
                Query(
                    f"{items('style', 'clips')} / on () group_left () (sum({items('style', 'clips')}) > 0)", "{{style}}"
                ),
                "percentunit",
            )
        )
        .with_panel(
            lines(
                "Does the share of a style change?",
                "Of all footage that is in. One that sinks wants more footage, or its footage is refused more.",
                [
                    Query(
                        f"{items('style', 'footage')} / on () group_left () (sum({items('style', 'footage')}) > 0)",
                        "{{style}}",
                    )
                ],
                "percentunit",
                stacked=True,
            )
        )
        .with_row(dashboard.Row("Does it flow?"))
        .with_panel(
            lines(
                "How fast does each level grow?",
                "Items that stages publish, per hour. The same item under a new recipe counts again.",
                [
                    Query(
                        f"3600 * {rate('celstream_worker_items_total', 'level')}",
                        "{{level}}",
                    )
                ],
            )
        )
        .with_panel(
            lines(
                "What is refused now, and why?",
                "Rejections that stages publish, per hour, by reason.",
                [
                    Query(
                        f"3600 * {rate('celstream_worker_rejections_total', 'reason')}",
                        "{{reason}}",
                    )
                ],
                stacked=True,
            )
        )
        .with_panel(
            lines(
                "What share of what is cut is refused?",
                "Rejections by all that came out of a stage. A jump means other footage, or a moved threshold.",
                [
                    Query(
                        f"{REFUSED} / ({REFUSED} + {rate('celstream_worker_items_total', 'stage')} > 0)",
                        "{{stage}}",
                    )
                ],
                "percentunit",
            )
        )
        .with_panel(
            lines(
                "How many frames are decoded in a second?",
                "By all pods of a stage together; a film has 24 or so for each second that it plays.",
                [
                    Query(
                        rate("celstream_footage_decoded_frames_total", "stage"),
                        "{{stage}}",
                    )
                ],
            )
        )
        .with_panel(
            lines(
                "What becomes of files that are dropped into the inbox?",
                "Per hour: taken, known already, refused, gone before they could be read, or failed.",
                [
                    Query(
                        "3600 * sum by (outcome) (rate(celstream_catalog_inbox_files_total"
                        f"{{{HERE}}}[$__rate_interval]))",
                        "{{outcome}}",
                    )
                ],
                stacked=True,
                span=24,
            )
        )
        .with_row(dashboard.Row("Does it add up?"))
        .with_panel(
            number(
                "How much does not balance?",
                "Anything but 0 for long means that the catalog misses something, or a stage broke its word.",
                f"max(celstream_catalog_imbalances{{{HERE}}})",
            )
        )
        .with_panel(
            number(
                "How many inputs are dead letters?",
                "They failed by a fault of the program, and can be replayed once it is mended.",
                f'sum(max by (stage, level) (celstream_catalog_inputs{{{HERE}, state="parked"}}))',
            )
        )
        .with_panel(
            number(
                "How many wait for a person?",
                "Inputs whose outcome is a question to an annotator.",
                f'sum(max by (stage, level) (celstream_catalog_inputs{{{HERE}, state="awaiting_review"}}))',
            )
        )
        .with_panel(
            number(
                "How many events could not be read?",
                "Events that the catalog passed over within a day.",
                f"sum(increase(celstream_catalog_skipped_events_total{{{HERE}}}[1d]))",
            )
        )
    )
