"""What an operator of a story does about drivers: reservations, and the lists of their tokens.

::

    voltkeep reserves EVSE 1 for RFID-1 hours 1 group FAMILY as 7     or ``any EVSE``
    voltkeep cancels reservation 7
    voltkeep waits 2 hours                 what is due by then is done
    voltkeep blocks RFID-1, voltkeep forgets RFID-1
    voltkeep lists group FAMILY            by itself from now on; or ``every token``
    voltkeep keeps lists                   sends what is due
    voltkeep sends the list                or ``the whole list``, or ``RFID-9 as version 5``
    voltkeep lists its version
    voltkeep records unknown tokens
"""

from collections.abc import Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from voltkeep.domain.commands import Outcome
from voltkeep.domain.identity import Evse, IdToken, StationId
from voltkeep.domain.local_list import ListEntry
from voltkeep.domain.stations import Policy, UnknownTokens
from voltkeep.services import reservations

if TYPE_CHECKING:
    from tests.stories.play import Story


async def deed(story: "Story", id: StationId, words: list[str]) -> bool:
    """What no station is asked for; False if it is none of these."""
    match words:
        case ["waits", hours, "hours"]:
            story.later += timedelta(hours=int(hours))
            await story.services.reservations.expire()
        case ["blocks", value]:
            await story.services.authorization.block(id.tenant, IdToken(value), blocked=True)
        case ["forgets", value]:
            await story.services.authorization.remove(id.tenant, IdToken(value))
        case ["lists", "every", "token"]:
            await story.services.local_lists.set(id, is_on=True, groups=())
        case ["lists", "group", *groups]:
            await story.services.local_lists.set(id, is_on=True, groups=groups)
        case ["records", "unknown", "tokens"]:
            policy = Policy(unknown_tokens=UnknownTokens.RECORD)
            async with story.store.begin() as work:
                await work.stations.set_policy(id, policy)
        case _:
            return False
    return True


def command(story: "Story", id: StationId, words: list[str]) -> Coroutine[Any, Any, Outcome]:
    match words:
        case ["reserves", evse, "for", value, *rest]:
            return _reserve(story, id, evse, value, dict(zip(rest[::2], rest[1::2], strict=True)))
        case ["reserves", "EVSE", evse, "for", value, *rest]:
            return _reserve(story, id, evse, value, dict(zip(rest[::2], rest[1::2], strict=True)))
        case ["cancels", "reservation", number]:
            return story.services.reservations.cancel(id, int(number))
        case ["keeps", "lists"]:
            return _keep(story)
        case ["lists", "its", "version"]:
            return story.services.local_lists.version(id)
        case ["sends", "the", *how, "list"]:
            return story.services.local_lists.sync(id, full=bool(how))
        case ["sends", value, "as", "version", version]:
            entry = ListEntry(id_token=IdToken(value))
            return story.services.local_lists.send(id, [entry], full=True, version=int(version))
        case _:
            raise AssertionError("no operator does that")


async def _keep(story: "Story") -> Outcome:
    await story.services.list_keeper.keep()
    return Outcome(accepted=True)


async def _reserve(
    story: "Story", id: StationId, evse: str, value: str, more: dict[str, str]
) -> Outcome:
    wish = reservations.Wish(
        id_token=IdToken(value),
        evse=None if evse == "any" else Evse(int(evse), 1),
        expires_at=story.now() + timedelta(hours=float(more.get("hours", 1))),
        connector_type=more.get("type", ""),
        group=more.get("group"),
        id=int(more["as"]) if "as" in more else None,
    )
    return (await story.services.reservations.reserve(id, wish)).outcome
