"""Accuracy on footage with truth; `make accuracy` writes `tests/benchmarks/results/`."""
