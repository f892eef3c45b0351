"""The chart, rendered and looked at without a cluster."""
