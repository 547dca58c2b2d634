"""What stories need of configuration and of vendors' messages."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import json

from voltkeep.domain.asks import Ask
from voltkeep.domain.commands import Outcome
from voltkeep.domain.configuration import Template
from voltkeep.domain.data_transfer import Reply
from voltkeep.domain.device_model import (
    ComponentState,
    Variable,
    VariableState,
    VariableValue,
    variable,
)
from voltkeep.domain.identity import StationId
from voltkeep.services.asking import table

if TYPE_CHECKING:
    from tests.stories.play import Story


async def deed(story: "Story", station: StationId, words: list[str]) -> bool:
    """What an operator does at once; False if it is something else."""
    match words:
        case ["template", name, *values]:
            pairs = (each.partition("=") for each in values)
            template = Template(
                station=StationId(station.tenant, ""),
                id=name,
                at=datetime(2026, 1, 1, 12, tzinfo=UTC),
                values=tuple(
                    VariableValue(variable=variable(of), value=value) for of, _, value in pairs
                ),
            )
            await story.services.templates.add(template)
            await story.services.templates.assign(name, station)
        case ["handles", vendor, message]:
            story.services.data_transfer.registry.register(vendor, message, _echo)
        case ["has", "drift", *drift]:
            found = await story.services.templates.drift(station)
            assert sorted(f"{each.wanted.variable}:{each.kind}" for each in found.drift) == drift
        case _:
            return False
    return True


async def _echo(station: StationId, message: str, data: object) -> Reply:
    return Reply(data=data)


async def ordered(story: "Story", station: StationId, words: list[str]) -> Outcome:
    """An ask, as the API takes it."""
    ask = json.decode(" ".join(words), type=Ask)
    return await table(story.services)[type(ask)](station, ask)


def variables(story: "Story") -> Iterator[str]:
    """What the stations are known to have said of their variables."""
    for row in story.store._state.records[ComponentState].values():
        for each in row.variables:
            of = Variable(row.component, each.name, each.instance)
            yield f"{row.station.name}: {of} = {_shown(each)}"


def _shown(state: VariableState) -> str:
    words = [str(state.value)] if state.is_known else ["there is none"]
    words += [f"{name} {value}" for name, value in state.others]
    if state.pending_at is not None:
        words.append(f"{state.pending} after a boot")
    return ", ".join(words + ["read-only"] * bool(state.read_only))
