"""What a meter said, as curves that a chart can draw: power, energy and state of charge."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from voltkeep.domain.meter_values import MeterValue

MOST_POINTS = 1000
_HOUR_S = 3600


class Curve(Struct, frozen=True, kw_only=True):
    """A series of ``charts.js``: ``color`` is a token of the style, and None is no value."""

    label: str
    unit: str
    color: str
    values: list[float | None]
    connected: bool = True  # over points that have no value of this one


class Curves(Struct, frozen=True, kw_only=True):
    """Curves with the same times, in seconds since 1970, which ascend."""

    times: list[float]
    series: list[Curve]


def curves(values: Sequence[MeterValue], meter_start_wh: float | None) -> Curves:
    """At most `MOST_POINTS` of what a meter said in order of time.

    Energy counts from the beginning of the transaction. Where no power was said it is taken from
    the energy.
    """
    points = _thinned(_at_once(values))
    times = [at for at, _ in points]
    registers = _of(points, lambda value: value.energy_wh)
    begin = meter_start_wh
    if begin is None:
        begin = next((each for each in registers if each is not None), 0.0)
    charged = [None if each is None else round((each - begin) / 1000, 3) for each in registers]
    power = _of(points, lambda value: value.power_w, 1000)
    label = "Power"
    if not _is_said(power):
        label, power = "Power, from the energy", _slopes(times, charged)
    drawn = (
        (label, "kW", "--busy", power),
        ("Offered", "kW", "--dim", _of(points, lambda value: value.power_offered_w, 1000)),
        ("Energy", "kWh", "--good", charged),
        ("State of charge", "%", "--warn", _of(points, lambda value: value.soc_percent)),
    )
    series = [
        Curve(label=label, unit=unit, color=color, values=found)
        for label, unit, color, found in drawn
        if _is_said(found)
    ]
    return Curves(times=times if series else [], series=series)


def _at_once(values: Sequence[MeterValue]) -> list[tuple[float, MeterValue]]:
    """One value for each instant: of what was said of one twice, the later that says energy."""
    found: dict[float, MeterValue] = {}
    for value in values:
        at = value.at.timestamp()
        if at not in found or value.energy_wh is not None or value.power_w is not None:
            found[at] = value
    return sorted(found.items(), key=lambda pair: pair[0])


def _thinned(points: list[tuple[float, MeterValue]]) -> list[tuple[float, MeterValue]]:
    """As many as can be drawn; the first and the last are among them."""
    if len(points) <= MOST_POINTS:
        return points
    last = len(points) - 1
    return [points[round(n * last / (MOST_POINTS - 1))] for n in range(MOST_POINTS)]


def _of(
    points: list[tuple[float, MeterValue]],
    read: Callable[[MeterValue], float | None],
    divisor: float = 1,
) -> list[float | None]:
    return [
        None if (found := read(value)) is None else round(found / divisor, 3) for _, value in points
    ]


def _is_said(values: list[float | None]) -> bool:
    return any(each is not None for each in values)


def _slopes(times: list[float], charged: list[float | None]) -> list[float | None]:
    """The power, in kW, that it took from one value of the energy to the next."""
    found: list[float | None] = [None] * len(times)
    before: tuple[float, float] | None = None
    for number, (at, energy) in enumerate(zip(times, charged, strict=True)):
        if energy is None:
            continue
        if before is not None and energy >= before[1]:
            found[number] = round((energy - before[1]) * _HOUR_S / (at - before[0]), 3)
        before = (at, energy)
    return found
