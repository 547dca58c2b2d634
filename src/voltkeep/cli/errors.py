"""How a command fails: an exit code that scripts can tell apart, and words that say what to do."""

import enum


class ExitCode(enum.IntEnum):
    """The exit codes of every command; `MEANINGS` explains them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    UNREACHABLE = 4
    DATABASE = 5
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "It is done.",
    ExitCode.FAILED: "It failed: a station said no, a name is taken, a check went badly.",
    ExitCode.USAGE: "The command or a setting is not what it can be.",
    ExitCode.NOT_FOUND: "There is no such station, token or transaction.",
    ExitCode.UNREACHABLE: "The station is offline or silent, or no server runs.",
    ExitCode.DATABASE: "The database is away, or its schema is not the one needed.",
    ExitCode.INTERRUPTED: "It was interrupted with Ctrl-C.",
}


class Failure(Exception):
    """What went wrong, and what to do next."""

    def __init__(self, message: str, next_step: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.code = code


LOCAL_ONLY = Failure(
    "This command cannot be given from afar.",
    "Run it on the machine of the server, without --server.",
    ExitCode.USAGE,
)


def as_failure(error: Exception) -> Failure | None:
    """The failure behind an exception of the layers below; None if it is none we know."""
    from voltkeep.config import ConfigError
    from voltkeep.domain.identity import BadName

    match error:
        case Failure():
            return error
        case ConfigError() | BadName():
            return Failure(_sentence(error), code=ExitCode.USAGE)
        case _:
            return (
                _from_services(error)
                or _from_accounts(error)
                or _from_drivers(error)
                or _from_changes(error)
                or _from_configuration(error)
                or _from_webhooks(error)
                or _from_orders(error)
                or _from_sites(error)
                or _from_files(error)
                or _from_stations(error)
                or _from_database(error)
            )


def _from_services(error: Exception) -> Failure | None:
    from voltkeep.pki.vault import UnusableFile
    from voltkeep.services.authority import BadCertificate
    from voltkeep.services.authorization import UnknownToken
    from voltkeep.services.certificates import UnknownCertificate
    from voltkeep.services.provisioning import StationExists, UnknownStation
    from voltkeep.services.roots import UnknownRoot, UnsafeDeletion
    from voltkeep.services.security_events import UnknownAlert
    from voltkeep.services.transactions import UnknownTransaction

    said = _sentence(error)
    for unknown, noun in (
        (UnknownStation, "station"),
        (UnknownToken, "token"),
        (UnknownTransaction, "transaction"),
    ):
        if isinstance(error, unknown):
            next_step = f"`voltkeep {noun} list` shows those there are."
            return Failure(said, next_step, ExitCode.NOT_FOUND)
    if isinstance(error, UnusableFile | BadCertificate):
        return Failure(said)
    if isinstance(error, UnknownAlert):
        next_step = "`voltkeep security alerts --all` shows those there are."
        return Failure(said, next_step, ExitCode.NOT_FOUND)
    if isinstance(error, UnknownCertificate):
        next_step = "`voltkeep certificate list` shows those there are."
        return Failure(said, next_step, ExitCode.NOT_FOUND)
    if isinstance(error, UnknownRoot):
        next_step = "`voltkeep certificate installed STATION` has the station list its roots."
        return Failure(said, next_step, ExitCode.NOT_FOUND)
    if isinstance(error, UnsafeDeletion):
        return Failure(said, "With --force the station is asked all the same.")
    if isinstance(error, StationExists):
        return Failure(said, "Choose another id, or rename or remove the one there is.")
    return None


def _from_accounts(error: Exception) -> Failure | None:
    from voltkeep.services import accounts, tenants, users
    from voltkeep.services.sessions import UnknownSession

    said = _sentence(error)
    match error:
        case users.UnknownUser() | UnknownSession():
            next_step = "`voltkeep user list` shows those there are; also with --everywhere."
            return Failure(said, next_step, ExitCode.NOT_FOUND)
        case accounts.UnknownKey():
            next_step = "`voltkeep apikey list` shows those there are; also with --everywhere."
            return Failure(said, next_step, ExitCode.NOT_FOUND)
        case accounts.UnknownTenant():
            next_step = "`voltkeep tenant list` shows those there are."
            return Failure(said, next_step, ExitCode.NOT_FOUND)
        case accounts.BadAccount():
            return Failure(said, code=ExitCode.USAGE)
        case (
            users.UserExists()
            | users.LastAdministrator()
            | tenants.TenantExists()
            | tenants.TenantInUse()
            | accounts.NotAllowed()
        ):
            return Failure(said)
        case _:
            return None


def _from_sites(error: Exception) -> Failure | None:
    from voltkeep.domain.sites import BadSite
    from voltkeep.services import imports, sites

    match error:
        case sites.UnknownSite():
            next_step = "`voltkeep site list` shows those there are."
            return Failure(_sentence(error), next_step, ExitCode.NOT_FOUND)
        case sites.SiteExists() | sites.SiteInUse() | imports.TooManyImports():
            return Failure(_sentence(error))
        case BadSite():
            return Failure(_sentence(error), code=ExitCode.USAGE)
    return None


def _from_drivers(error: Exception) -> Failure | None:
    from voltkeep.services.authorization import TokenExists
    from voltkeep.services.reservations import UnknownReservation
    from voltkeep.services.token_groups import GroupExists, UnknownGroup
    from voltkeep.services.unknown_tokens import NotSeen

    said = _sentence(error)
    lists: dict[type[Exception], str] = {
        UnknownReservation: "reservation list --all",
        UnknownGroup: "token group list",
        NotSeen: "token unknown list --all",
    }
    if type(error) in lists:
        next_step = f"`voltkeep {lists[type(error)]}` shows those there are."
        return Failure(said, next_step, ExitCode.NOT_FOUND)
    if isinstance(error, TokenExists):
        return Failure(said, "`voltkeep token set` changes something of it.")
    if isinstance(error, GroupExists):
        return Failure(said, "Choose another name.")
    return None


def _from_orders(error: Exception) -> Failure | None:
    from voltkeep.services import batches, orders

    said = _sentence(error)
    match error:
        case orders.UnknownOrder():
            next_step = "`voltkeep order list` shows those there are."
            return Failure(said, next_step, ExitCode.NOT_FOUND)
        case batches.UnknownBatch():
            next_step = "`voltkeep order batches` shows those there are."
            return Failure(said, next_step, ExitCode.NOT_FOUND)
        case orders.BadExpiry():
            return Failure(said, code=ExitCode.USAGE)
        case orders.OrderConflict() | orders.TooManyOrders():
            return Failure(said)
        case _:
            return None


def _from_files(error: Exception) -> Failure | None:
    from voltkeep.services.authority import FileTooLarge
    from voltkeep.services.diagnostics import UnknownLog
    from voltkeep.services.firmware import UnknownUpdate, UnsoundUpdate
    from voltkeep.services.images import BadImage, ImageExists, UnknownImage
    from voltkeep.services.transfers import BadLocation, NoListener, NoRoom

    said = _sentence(error)
    match error:
        case UnknownLog() | UnknownUpdate() | UnknownImage():
            groups = {UnknownLog: "log list", UnknownImage: "firmware list"}
            shows = groups.get(type(error), "firmware status")
            next_step = f"`voltkeep {shows}` shows those there are."
            return Failure(said, next_step, ExitCode.NOT_FOUND)
        case UnsoundUpdate():
            return Failure(said, "Nothing was sent. With --force it is sent all the same.")
        case ImageExists():
            return Failure(said, "Choose another name, or remove the one there is.")
        case NoRoom() | FileTooLarge():
            next_step = "Remove logs or images, or raise `upload_quota_bytes`."
            return Failure(said, next_step)
        case BadImage() | BadLocation() | NoListener():
            return Failure(said, code=ExitCode.USAGE)
        case _:
            return None


def _from_changes(error: Exception) -> Failure | None:
    from voltkeep.domain.campaigns import BadTerms
    from voltkeep.services.availability_plans import BadPlan, UnknownPlan
    from voltkeep.services.campaigns import CampaignConflict, UnknownCampaign
    from voltkeep.services.closing import NotClosable
    from voltkeep.services.network_profiles import Unready

    said = _sentence(error)
    match error:
        case Unready():
            return Failure(said, error.advice)
        case UnknownCampaign():
            next_step = "`voltkeep campaign list` shows those there are."
            return Failure(said, next_step, ExitCode.NOT_FOUND)
        case BadTerms():
            return Failure(said, code=ExitCode.USAGE)
        case CampaignConflict():
            return Failure(said, "`voltkeep campaign show ID` tells how far it is.")
        case UnknownPlan():
            next_step = "`voltkeep availability show STATION` tells those there are."
            return Failure(said, next_step, ExitCode.NOT_FOUND)
        case BadPlan():
            return Failure(said, code=ExitCode.USAGE)
        case NotClosable():
            return Failure(said, "`voltkeep transaction show` tells what is known of it.")
        case _:
            return None


def _from_configuration(error: Exception) -> Failure | None:
    from voltkeep.services.configuration import UnknownReport, UnsafeWrite
    from voltkeep.services.templates import BadTemplate, TemplateExists, UnknownTemplate

    said = _sentence(error)
    match error:
        case UnknownTemplate():
            next_step = "`voltkeep configuration template list` shows those there are."
            return Failure(said, next_step, ExitCode.NOT_FOUND)
        case TemplateExists():
            return Failure(said, "With --replace it takes the place of that one.")
        case UnsafeWrite():
            return Failure(said, "Nothing was sent.", ExitCode.USAGE)
        case BadTemplate():
            return Failure(said, code=ExitCode.USAGE)
        case UnknownReport():
            return Failure(said, code=ExitCode.NOT_FOUND)
        case _:
            return None


def _from_webhooks(error: Exception) -> Failure | None:
    from voltkeep.domain.telling import UnknownEventType
    from voltkeep.services import webhooks
    from voltkeep.services.outbound import OutboundRefused
    from voltkeep.services.provisioning import BadPolicy

    said = _sentence(error)
    match error:
        case webhooks.UnknownWebhook():
            next_step = "`voltkeep webhook list` shows those there are."
            return Failure(said, next_step, ExitCode.NOT_FOUND)
        case webhooks.UnknownDelivery():
            next_step = "`voltkeep webhook deliveries ID` shows those there are."
            return Failure(said, next_step, ExitCode.NOT_FOUND)
        case UnknownEventType() | OutboundRefused() | BadPolicy():
            return Failure(said, code=ExitCode.USAGE)
        case webhooks.TooManyWebhooks():
            return Failure(said)
        case _:
            return None


def _from_stations(error: Exception) -> Failure | None:
    from voltkeep.bus.commands import NobodyServes
    from voltkeep.services import ports

    said = _sentence(error)
    match error:
        case NobodyServes():
            return Failure(
                "No running server took the command.",
                "Start one with `voltkeep serve`, on the same data directory or database.",
                ExitCode.UNREACHABLE,
            )
        case ports.StationLeft():
            return Failure(
                "The station left before it answered.",
                "It may have taken the command all the same: see `voltkeep station tail`.",
                ExitCode.UNREACHABLE,
            )
        case ports.StationOffline():
            return Failure(
                "The station is not connected.",
                "`voltkeep station show` tells when it was last heard of.",
                ExitCode.UNREACHABLE,
            )
        case ports.StationSilent():
            return Failure(
                "The station did not answer in time.",
                "It may have taken the command all the same: see `voltkeep station tail`.",
                ExitCode.UNREACHABLE,
            )
        case ports.StationBusy():
            return Failure(
                "Too many commands wait for this station already.",
                "Try again when some are answered.",
                ExitCode.UNREACHABLE,
            )
        case ports.StationRefused():
            return Failure(
                f"The station refused the message: {said}",
                "`voltkeep station tail` shows both messages in full.",
            )
        case ports.StationPassive():
            return Failure(said, "Ask it yourself, or take the mark away: `voltkeep station set`.")
        case ports.CommandUnfit():
            return Failure(said, "Nothing was sent. `raw … --force` sends without checking.")
        case ports.StationUnreachable():
            return Failure(f"The command failed: {said}", "The server's log says more.")
        case _:
            return None


def _from_database(error: Exception) -> Failure | None:
    from voltkeep.services.ports import StoreUnavailable
    from voltkeep.store import BadDatabaseUrl, SchemaMismatch

    said = _sentence(error)
    match error:
        case StoreUnavailable():
            next_step = "Nothing was changed. Try again, or run `voltkeep doctor`."
            return Failure(said, next_step, ExitCode.DATABASE)
        case SchemaMismatch():
            return Failure(said, code=ExitCode.DATABASE)
        case BadDatabaseUrl():
            return Failure(said, code=ExitCode.USAGE)
        case _ if type(error).__module__.partition(".")[0] in _DRIVERS:
            return Failure(
                f"The database refused: {_first_line(error)}",
                "Check the URL, its user and password, and the file: `voltkeep doctor`.",
                ExitCode.DATABASE,
            )
        case _:
            return None


# What they raise that will not pass by waiting: a wrong password, a file that is no database.
_DRIVERS = {"asyncpg", "sqlalchemy", "sqlite3"}


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).partition("\n")[0]


def _sentence(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
