"""The chart's alerts, seen firing: real servers and services, real faults, a real Prometheus, a hurried clock."""
