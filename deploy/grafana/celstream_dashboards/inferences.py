"""Inferences: what stages that ask models get of them, whichever model server answers."""

from grafana_foundation_sdk.builders import dashboard

from celstream_dashboards.panels import HERE, Query, lines, page, quantile, rate


def build() -> dashboard.Dashboard:
    """The dashboard."""
    return (
        page("inferences", "Inferences", "Do stages get what they ask models for, and how long do they wait?")
        .with_row(dashboard.Row("At the stages"))
        .with_panel(
            lines(
                "How long do stages wait for an answer?",
                "99 of 100 inferences take less, from sending to the answer.",
                [Query(quantile(0.99, "celstream_model_inference_seconds", "model"), "{{model}}")],
                "s",
            )
        )
        .with_panel(
            lines(
                "How many inferences are under way?",
                "All stages together. As many as their windows allow means that they wait for the server.",
                [Query(f"sum by (model) (celstream_model_in_flight_inferences{{{HERE}}})", "{{model}}")],
            )
        )
        .with_panel(
            lines(
                "How do inferences end?",
                "Per second, by outcome; `Overloaded` is the server pushing back.",
                [
                    Query(
                        rate("celstream_model_inferences_total", "model, outcome"),
                        "{{model}} {{outcome}}",
                    )
                ],
                "ops",
                stacked=True,
                span=24,
            )
        )
    )
