"""What stories need of keys and security profiles: the door, and what an operator does."""

from typing import TYPE_CHECKING

from voltkeep.domain.commands import Outcome, ResetKind
from voltkeep.domain.identity import StationId
from voltkeep.domain.security import Verdict
from voltkeep.domain.stations import SecurityProfile
from voltkeep.services.network_profiles import Unready
from voltkeep.services.security import Knock
from voltkeep.services.settlement import Admission

if TYPE_CHECKING:
    from tests.stories.play import Story


async def knock(story: "Story", station: StationId, key: str | None, *, tls: bool) -> Admission:
    """Before the upgrade, with a key by its name in the story."""
    password = "" if key is None else str(story.names[key])
    return await story.services.security.admit(
        Knock(
            station=station,
            tls=tls,
            user=None if key is None else station.name,
            password=password.encode(),
            remote_address="127.0.0.1",
        )
    )


async def admitted(story: "Story", station: StationId, key: str | None, *, tls: bool) -> Admission:
    """Raises AssertionError if the door stays shut."""
    admission = await knock(story, station, key, tls=tls)
    assert admission.verdict is Verdict.ADMITTED, admission.verdict
    return admission


async def deed(story: "Story", station: StationId, words: list[str]) -> bool:
    """What an operator does at once; False if it is something else."""
    match words:
        case ["sets", "profile", profile, *rest]:
            chosen = SecurityProfile(int(profile))
            await story.services.provisioning.set_profile(station, chosen)
            if rest:  # with key $name
                story.names[rest[-1]] = await story.services.security.rotate_key(station)
        case ["knows", "that", name, "is", "kept", "nowhere"]:
            kept = repr((story.store._state, story.store.published, story.announced))
            assert str(story.names[name]) not in kept
        case _:
            return False
    return True


async def command(story: "Story", station: StationId, words: list[str]) -> Outcome:
    """What `voltkeep station rotate-key` and `raise-profile` do; its stage is the outcome."""
    credentials = story.services.credentials
    try:
        match words:
            case ["rotates", "the", "key"]:
                return _outcome((await credentials.rotate_key(station)).stage)
            case ["raises", "the", "profile", *rest]:
                reset = ResetKind(rest[-1]) if rest[:2] == ["and", "resets"] else None
                raised = await credentials.raise_profile(station, reset=reset)
                return _outcome(raised.stage)
            case ["raises", "to", profile]:
                target = SecurityProfile(int(profile))
                return _outcome((await credentials.raise_profile(station, target)).stage)
    except Unready:
        return _outcome("not ready")
    raise AssertionError("no operator does that")


def _outcome(status: str) -> Outcome:
    return Outcome(accepted=True, status=status)
