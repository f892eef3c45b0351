"""How many events a worker takes at once.

As many as it has just shown that it can finish between two commits: what it holds, no other worker can take. So a
stage of long work takes one at a time, and a fast one fills its transactions. Pushed back by a dependency, it halves
at once and grows by one (additive increase, multiplicative decrease, as TCP does).
"""


class Window:
    """Size of the next poll, from 1 to `most`.

    seconds: the work, by the time that the last events took, that one poll may bring.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._limit = most
        self._seconds = seconds
        self.size = 1

    def took(self, events: int, seconds: float) -> None:
        """`events` events took `seconds` seconds, one after the other."""
        if events < 1:
            return
        fitting = self._most if seconds <= 0 else int(min(self._most, self._seconds * events / seconds))
        self._limit = min(self._most, self._limit + 1)
        self.size = max(1, min(fitting, self._limit, 2 * self.size))

    def shrink(self) -> None:
        """A dependency pushed back."""
        self._limit = self.size = max(1, self.size // 2)
