"""Celstream evaluator: how well what the levels make agrees with a known truth; so far, transitions and holds."""
