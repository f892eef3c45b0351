"""Panels: each answers the question in its title. What they have in common is said here once.

In queries, `$namespace` is the variable that every dashboard has, and `$__rate_interval` is Grafana's own: four scrapes
at least, and more where the screen shows more time than it has points.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from grafana_foundation_sdk.builders import bargauge, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions, VizTooltipOptions
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement, SortOrder, TooltipDisplayMode
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, DataSourceRef

METRICS = DataSourceRef(type_val="prometheus", uid="${metrics}")
HERE = 'namespace="$namespace"'
NOW = ReduceDataOptions().calcs(["lastNotNull"])
SLOW = '{resource.service.name=~"celstream-.*" && duration > 1s}'
PANES = {
    "a": {
        "datasource": "${traces}",
        "queries": [{"refId": "A", "queryType": "traceql", "query": SLOW}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
}
# Escaped, as `&&` would end the parameter; but not where Grafana puts its variables in.
TRACES = f"/explore?schemaVersion=1&panes={quote(json.dumps(PANES), safe='${}')}"


Panel = TypeVar("Panel", timeseries.Panel, stat.Panel, bargauge.Panel)


def rate(metric: str, by: str, where: str = HERE, over: str = "$__rate_interval") -> str:
    """The query for how fast counters rise, per second. by: labels that are kept. where: of the series."""
    return f"sum by ({by}) (rate({metric}{{{where}}}[{over}]))"


def quantile(share: float, metric: str, by: str, where: str = HERE, over: str = "$__rate_interval") -> str:
    """The query for a quantile of a histogram. share: 0.99 for the slowest hundredth."""
    return f"histogram_quantile({share}, {rate(f'{metric}_bucket', f'le, {by}', where, over)})"


@dataclass(frozen=True, slots=True)
class Query:
    """One query, and how its lines are called. legend: `{{label}}` is replaced."""

    expression: str
    legend: str = ""

    def built(self, *, instant: bool = False) -> prometheus.Dataquery:
        """For the panel. instant: one value, that of now; where there is none now, an old one would mislead."""
        made = prometheus.Dataquery().expr(self.expression).legend_format(self.legend)
        return made.instant() if instant else made.range()


def lines(
    question: str,
    words: str,
    queries: Sequence[Query],
    unit: str = "short",
    *,
    stacked: bool = False,
    span: int = 12,
    many: bool = False,
) -> timeseries.Panel:
    """Lines over time. words: how to read it. unit: Grafana's id of it. span: of 24 columns.

    many: lines of which most stay at 0; their names come in a table, the largest first.
    """
    legend = VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    if many:
        legend = VizLegendOptions().display_mode(LegendDisplayMode.TABLE).placement(LegendPlacement.RIGHT)
        legend = legend.calcs(["max"]).sort_by("Max").sort_desc(True)
    panel = (
        _asking(timeseries.Panel(), question, words, span)
        .unit(unit)
        .min(0)
        .line_width(1.5)
        .fill_opacity(30 if stacked else 8)
        .legend(legend)
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .links([_traces()])
    )
    for query in queries:
        panel = panel.with_target(query.built())
    return panel


def number(
    question: str, words: str, expression: str, unit: str = "short", *, span: int = 6, decimals: int = 0
) -> stat.Panel:
    """One number, as it is now."""
    panel = _asking(stat.Panel(), question, words, span, height=4).unit(unit).decimals(decimals)
    return panel.no_value("none").reduce_options(NOW).with_target(Query(expression).built(instant=True))


def bars(question: str, words: str, query: Query, unit: str = "short", *, span: int = 12) -> bargauge.Panel:
    """Bars beside each other, as it is now."""
    panel = _asking(bargauge.Panel(), question, words, span).unit(unit).min(0)
    return panel.no_value("none").reduce_options(NOW).with_target(query.built(instant=True))


def _asking(panel: Panel, question: str, words: str, span: int, height: int = 8) -> Panel:
    """What all panels have: a question, how to read the answer, where the metrics are, a place."""
    return panel.title(question).description(words).datasource(METRICS).span(span).height(height)


def page(uid: str, title: str, words: str) -> dashboard.Dashboard:
    """An empty dashboard with what all have: where metrics and traces are, the namespace, links to the others."""
    return (
        dashboard.Dashboard(f"Celstream: {title}")
        .uid(f"celstream-{uid}")
        .description(words)
        .tags(["celstream"])
        .readonly()
        .timezone("browser")
        .refresh("30s")
        .time("now-6h", "now")
        .link(
            dashboard.DashboardLink("Celstream").type(DashboardLinkType.DASHBOARDS).tags(["celstream"]).keep_time(True)
        )
        .with_variable(dashboard.DatasourceVariable("metrics").label("Metrics").type("prometheus"))
        .with_variable(dashboard.DatasourceVariable("traces").label("Traces").type("tempo"))
        .with_variable(
            dashboard.QueryVariable("namespace")
            .label("Namespace")
            .datasource(METRICS)
            .query("label_values(celstream_worker_ready, namespace)")
        )
    )


def _traces() -> dashboard.DashboardLink:
    return dashboard.DashboardLink("Traces of what took longest").type(DashboardLinkType.LINK).url(TRACES)
