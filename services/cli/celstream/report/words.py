"""Numbers as a person reads them."""


def clock(seconds: float) -> str:
    """A moment or a length: 4.20 s → `0:04.2`, an hour → `1:00:00`. Tenths below an hour only."""
    tenths = round(max(seconds, 0.0) * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{tenths // 10:02d}"
    return f"{minutes}:{tenths // 10:02d}.{tenths % 10}"


def duration(seconds: float) -> str:
    """A length in words: `0.04 s`, `4.2 s`, `3 min 20 s`, `1 h 52 min`."""
    if seconds < 0.95:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def number(value: float) -> str:
    """A measured value, to three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def count(amount: int, one: str, many: str = "") -> str:
    """`1 clip`, `1,204 clips`."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share of 0 to 1: `97 %`, and `99.6 %` where rounding would say all."""
    if 0.99 <= share < 1.0 or 0.0 < share < 0.01:
        return f"{100 * share:.1f} %"
    return f"{100 * share:.0f} %"
