"""The dashboards, as code: `python -m celstream_dashboards` writes them into the chart."""
