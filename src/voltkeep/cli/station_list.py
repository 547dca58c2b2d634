"""`voltkeep station list` and `show`: how stations are."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.availability import freshness_plain, status_table
from voltkeep.cli.command import Run, command
from voltkeep.cli.output import Cell
from voltkeep.cli.station import Name, group
from voltkeep.cli.text import age, instant

if TYPE_CHECKING:
    from voltkeep.domain.stations import Station
    from voltkeep.services.availability import ConnectorState


@command(group, "list")
async def list_(
    run: Run,
    connected: Annotated[
        bool | None,
        typer.Option("--connected/--offline", help="Only those connected, or only the others."),
    ] = None,
) -> None:
    """Every station: whether it is connected, what it is, and what its connectors do."""
    from voltkeep.wiring import now

    async with run.app() as app:
        stations = [
            station
            for station in await app.services.provisioning.all()
            if connected is None or station.is_connected == connected
        ]
        judge = app.services.availability.judge
        async with app.store.read() as work:
            connectors = {
                each.id: tuple(judge(row, each) for row in await work.connectors.of(each.id))
                for each in stations
            }
    if not stations and not run.out.as_json:
        run.out.say("No station. Register one: `voltkeep station add CS-01`.")
        return
    if run.out.as_json:
        run.out.data([as_plain(each, connectors[each.id]) for each in stations])
        return
    time = now()
    run.out.table(
        ("STATION", "STATE", "LAST HEARD", "PROTOCOL", "MODEL", "CONNECTORS"),
        [
            (
                str(each.id),
                state(each),
                age(each.last_heard_at, time),
                each.subprotocol or "",
                _model(each),
                _connectors(connectors[each.id]),
            )
            for each in stations
        ],
    )


def state(station: "Station") -> Cell:
    """Connection and registration in a word or two, as far as the database knows."""
    if station.registration != "Accepted":
        return Cell(
            f"{station.registration.lower()}{', connected' if station.is_connected else ''}",
            "yellow",
        )
    if station.is_connected:
        return Cell("connected", "green")
    return Cell("offline" if station.connected_at else "never connected", "dim")


def _model(station: "Station") -> str:
    return f"{station.make.vendor} {station.make.model}" if station.make else ""


def _connectors(states: "tuple[ConnectorState, ...]") -> str:
    shown = [
        f"{update.evse.id}: {update.raw_status}{' (stale)' if state.freshness.stale_since else ''}"
        for state in states
        if (update := state.row.update).evse is not None
    ]
    return ", ".join(shown)


@command(group, "show")
async def show(run: Run, name: Name) -> None:
    """All that is known of a station, and of its connectors."""
    from voltkeep.domain.identity import parse_station
    from voltkeep.wiring import now

    async with run.app() as app:
        found = await app.services.availability.show(parse_station(name))
    station, connectors = found.station, found.connectors
    if run.out.as_json:
        run.out.data(as_plain(station, connectors))
        return
    make, time = station.make, now()
    run.out.pairs(
        [
            ("Station", str(station.id)),
            ("State", state(station)),
            ("Last heard", f"{age(station.last_heard_at, time)} {instant(station.last_heard_at)}"),
            ("Connected", instant(station.connected_at)),
            ("Disconnected", instant(station.disconnected_at)),
            ("From", station.remote_address or ""),
            ("Protocol", station.subprotocol or ""),
            ("Security profile", _profile(station)),
            ("Key", _key(station)),
            ("Registration", station.registration.lower()),
            ("Passive", "yes: it is asked nothing unless you ask it" if station.passive else ""),
            ("Booted", instant(station.booted_at)),
            ("Model", _model(station)),
            ("Serial number", (make and make.serial_number) or ""),
            ("Firmware", (make and make.firmware) or ""),
            ("Meter", " ".join(filter(None, (make.meter_type, make.meter_serial_number))))
            if make
            else ("Meter", ""),
            ("Registered", instant(station.created_at)),
            ("Note", station.note),
        ]
    )
    if connectors:
        run.out.line()
        status_table(run.out, connectors)


def _profile(station: "Station") -> Cell | str:
    profile = int(station.security_profile)
    asked = station.trust.next_profile
    if asked is not None:
        return Cell(
            f"{profile}, asked to use {int(asked)} since {instant(station.trust.next_profile_at)}",
            "yellow",
        )
    return Cell("0: nobody is checked", "bold red") if profile == 0 else str(profile)


def _key(station: "Station") -> Cell | str:
    if station.trust.next_key_hash is None:
        return "set" if station.key_hash else "none"
    until = "it has restarted" if station.trust.next_key_after_reboot else "it connects again"
    sent = instant(station.trust.next_key_at)
    return Cell(f"two, until {until}: a new one was sent {sent}", "yellow")


def as_plain(station: "Station", connectors: "tuple[ConnectorState, ...]") -> dict[str, Any]:
    """A station for programs: without the hashes of its keys."""
    import msgspec

    plain = msgspec.structs.asdict(station)
    del plain["key_hash"]
    trust = msgspec.structs.asdict(station.trust)
    trust["has_next_key"] = trust.pop("next_key_hash") is not None
    return plain | {
        "trust": trust,
        "id": str(station.id),
        "tenant": station.id.tenant,
        "is_connected": station.is_connected,
        "has_key": station.key_hash is not None,
        "connectors": [
            msgspec.structs.asdict(state.row.update)
            | {"received_at": state.row.received_at}
            | freshness_plain(state)
            for state in connectors
        ],
    }
