"""What stories need of logs and firmware: what an operator asks for."""

import contextlib
from typing import TYPE_CHECKING

from voltkeep.domain.commands import Outcome
from voltkeep.domain.diagnostics import LogKind
from voltkeep.domain.identity import StationId
from voltkeep.services.firmware import Wish
from voltkeep.services.images import ImageExists

if TYPE_CHECKING:
    from tests.stories.play import Story

_ELSEWHERE = "https://example.org/fw.bin"


async def command(story: "Story", station: StationId, words: list[str]) -> Outcome:
    """What `voltkeep log request` and `voltkeep firmware update` do."""
    match words:
        case ["wants", kind]:
            return (await story.services.diagnostics.request_log(station, LogKind(kind))).outcome
        case ["wants", kind, "at", url]:
            asked = story.services.diagnostics.request_log(station, LogKind(kind), location=url)
            return (await asked).outcome
        case ["updates", *signed]:
            return await _update(story, station, is_signed=bool(signed))
    raise AssertionError("no operator does that")


async def _update(story: "Story", station: StationId, *, is_signed: bool) -> Outcome:
    """With a signature that nobody has checked: what is at stake is what the station says."""
    firmware = story.services.firmware
    with contextlib.suppress(ImageExists):
        await firmware.images.add_elsewhere(station.tenant, "fw", _ELSEWHERE)
    seal = {"signature": "c2lnbmF0dXJl", "signing_certificate": "PEM", "force": True}
    wish = Wish(image="fw", **(seal if is_signed else {}))
    return (await firmware.update(station, wish)).outcome
