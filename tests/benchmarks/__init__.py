"""Speed, measured side by side with named baselines; `make bench` writes `results/`."""
