"""The chart on a cluster that KUBECONFIG names: run by `make cluster-test`."""
