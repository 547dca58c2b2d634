"""What stories need of certificates: requests, roots, and what an operator does with them."""

from typing import TYPE_CHECKING, Any

from tests.services.authority import authority, key, request, root
from voltkeep.domain.certificates import HashAlgorithm, RootUse
from voltkeep.domain.commands import Outcome
from voltkeep.domain.identity import StationId
from voltkeep.services.authority import BadCertificate
from voltkeep.services.roots import UnsafeDeletion

if TYPE_CHECKING:
    from tests.stories.play import Story


def made(story: "Story", words: list[str]) -> Any:
    """What a station comes with; see the module `tests.stories.play`."""
    match words:
        case ["a", "request", "of", name, "for", organization]:
            return request(name, organization)
        case ["a", "weak", "request", "of", name, "for", organization]:
            return request(name, organization, signed_by=key("rsa1024"))
        case ["a", "root"]:
            return root()
        case ["an", "expired", "root"]:
            return root(days=1)
        case ["our", "root"]:
            return authority().root.pem
        case [algorithm, "of", name]:
            pem = story.names[name]
            assert isinstance(pem, str)
            said = authority().hash_data(pem, HashAlgorithm(algorithm))
            return {
                "hashAlgorithm": algorithm,
                # In capitals, as some stations have it: it must come back like that (M04.FR.07).
                "issuerNameHash": said.issuer_name_hash.upper(),
                "issuerKeyHash": said.issuer_key_hash.upper(),
                "serialNumber": said.serial_number.upper(),
            }
    raise AssertionError("no station comes with that")


async def command(story: "Story", station: StationId, words: list[str]) -> Outcome:
    """What `voltkeep certificate` does."""
    try:
        return await _command(story, station, words)
    except (BadCertificate, UnsafeDeletion) as error:
        return Outcome(accepted=False, status=type(error).__name__)


async def _command(story: "Story", station: StationId, words: list[str]) -> Outcome:
    certificates, roots = story.services.certificates, story.services.roots
    names = [str(story.names.get(word, word)) for word in words]
    match names:
        case ["renew"]:
            return await certificates.renew(station)
        case ["sign"]:
            await certificates.catch_up()
            (latest, *_) = await certificates.all(station=station)
            return Outcome(accepted=True, status=latest.state)
        case ["install", use, pem]:
            return await roots.install(station, RootUse(use), pem)
        case ["force", use, pem]:
            return await roots.install(station, RootUse(use), pem, force=True)
        case ["installed", use]:
            found = await roots.installed(station, RootUse(use))
            known = [each for each in found if each.fingerprint]
            return Outcome(accepted=True, status=f"{len(found)},{len(known)}-known")
        case ["installed"]:
            return Outcome(accepted=True, status=str(len(await roots.installed(station))))
        case ["delete", _]:
            said = story.names[words[1]]
            assert isinstance(said, dict)
            return await roots.delete(station, said["serialNumber"])
    raise AssertionError("no operator does that")
