"""The tools around the chart: Helm and kubectl, schemas to check manifests by, pages made of the chart's values."""
