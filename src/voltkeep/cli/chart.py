"""Small charts of characters."""

from collections.abc import Sequence

_BLOCKS = " ▁▂▃▄▅▆▇█"


def chart(points: Sequence[tuple[float, float]], *, width: int, height: int) -> list[str]:
    """Columns for values over time, the highest line first. ``points`` are in order of time."""
    if len(points) < 2 or points[-1][0] <= points[0][0]:
        return []
    levels = _levels(points, width)
    top = max(levels)
    if top <= 0:
        return []
    eighths = [round(max(level, 0) / top * height * 8) for level in levels]
    return [
        "".join(_BLOCKS[min(8, max(0, filled - row * 8))] for filled in eighths).rstrip()
        for row in reversed(range(height))
    ]


def _levels(points: Sequence[tuple[float, float]], width: int) -> list[float]:
    """The value of each column: the mean of the points in it, or the last one before it."""
    first, last = points[0][0], points[-1][0]
    sums, counts = [0.0] * width, [0] * width
    for at, value in points:
        column = min(int((at - first) / (last - first) * width), width - 1)
        sums[column] += value
        counts[column] += 1
    levels: list[float] = []
    for total, count in zip(sums, counts, strict=True):
        levels.append(total / count if count else levels[-1])
    return levels
