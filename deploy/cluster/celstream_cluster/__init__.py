"""A real Kubernetes of one machine with the chart on it; Helm, kubectl, schemas, pages made of the chart's values."""
