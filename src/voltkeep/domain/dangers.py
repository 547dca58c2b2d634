"""What may not be set in a station by the way: it would part the station from what we know."""

from msgspec import Struct


class Danger(Struct, frozen=True):
    """``refused`` goes on from the name of what is set; ``forced`` warns once it was sent."""

    refused: str
    forced: str


KEY = Danger(
    "would give the station a key that Voltkeep does not know, and lock it out; "
    "`voltkeep station rotate-key` changes it on both sides",
    "If the station took that key, Voltkeep does not know it and will refuse the station. Now, "
    "while it is connected, `voltkeep station rotate-key` gives it one that both know.",
)
PROFILE = Danger(
    "decides with which security profile the station connects, and Voltkeep would not expect it; "
    "`voltkeep station raise-profile` changes it on both sides, and never lowers it (A00.FR.005)",
    "If the station took it, it may connect with another security profile than Voltkeep expects, "
    "and be refused: `voltkeep station explain` says so, and what to do.",
)
IDENTITY = Danger(
    "would give the station an id that Voltkeep does not know, and lock it out; "
    "register that id first: `voltkeep station add`",
    "If the station took that id, it connects with it from now on: `voltkeep station rename` "
    "changes it here.",
)

# By the variable's name, in whatever component: 2.1 has them once more in NetworkConfiguration.
_DANGERS: dict[str, Danger] = {
    "allowsecurityprofiledowngrade": PROFILE,
    "authorizationkey": KEY,
    "basicauthpassword": KEY,
    "identity": IDENTITY,
    "securityprofile": PROFILE,
}


def danger_of(name: str) -> Danger | None:
    """What setting a variable of that name would do. Case does not tell names apart in OCPP."""
    return _DANGERS.get(name.strip().casefold())
