"""The whole command, on footage with known truth."""
