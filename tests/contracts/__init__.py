"""Contract suites of the three ports: every implementation passes the same tests, and no test knows which it has."""
