"""KEDA's part: the lag that it reports to the HPA, and the way from 0 pods to the first and back.

After KEDA 2.21: `pkg/scalers/kafka_scaler.go` (`getTotalLag`), `pkg/scaling/executor/scale_scaledobjects.go`
(`RequestScale`, `scaleToZeroOrIdle`).
"""

import math
from collections.abc import Sequence

from tests.scaling.rules import ByLag


def reported(lags: Sequence[int], rules: ByLag) -> int:
    """The lag that the HPA is told. lags: of each partition, in offsets."""
    total = sum(lags)
    if rules.idle_consumers and not rules.only_with_lag:
        return total
    bound = sum(lag > 0 for lag in lags) if rules.only_with_lag else len(lags)
    return bound * rules.per_pod if total // rules.per_pod > bound else total


class Activation:
    """What KEDA itself does at each look; between 1 pod and the most it leaves the number to the HPA."""

    def __init__(self, rules: ByLag, least: int) -> None:
        self._rules = rules
        self._least = least
        self._last_active: float | None = None

    def decide(self, now: float, pods: int, lags: Sequence[int]) -> int:
        """The number of pods from now on."""
        if sum(lags) > self._rules.activation:
            self._last_active = math.floor(now)  # as the API server keeps it: a node showed the difference
            return max(1, self._least) if pods == 0 else pods
        if pods and self._least == 0:
            cool = self._last_active is None or self._last_active + self._rules.cooldown_seconds < now
            return 0 if cool else pods
        return max(pods, self._least)
