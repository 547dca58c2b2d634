"""Services that remember what they were told, and agree to everything."""

from datetime import UTC, datetime

from msgspec import Raw, json

from voltkeep.dialects.dialect import Answer, Dialect
from voltkeep.domain.authorization import Authorization, Decision
from voltkeep.domain.data_transfer import Reply, TransferStatus
from voltkeep.domain.identity import Sender, TransactionRef, station_id
from voltkeep.domain.smart_charging import ChargingNeeds, ChargingProfile
from voltkeep.domain.stations import Registration
from voltkeep.services.provisioning import BootReply
from voltkeep.services.transactions import Recorded

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SENDER = Sender(station_id("CS-1"), 1, NOON)


class Recorder:
    """In place of `Services`: each of its services is the recorder itself."""

    def __init__(self, *, accepted=True, decision=None, registration=Registration.ACCEPTED):
        self.accepted = accepted
        self.decision = decision or Decision(Authorization.ACCEPTED)
        self.registration = registration
        self.heard = []
        self.provisioning = self.authorization = self.security_events = self
        self.certificates = self.diagnostics = self.firmware = self.reservations = self
        self.configuration = self.data_transfer = self
        self.charging_reports = _Charging(self)
        self.transactions = _Transactions(self)
        self.meter_values = self.availability = _Journals(self)

    def may_work(self, station):
        return self.accepted

    def heartbeat(self):
        return NOON.replace(microsecond=123456)

    async def boot(self, sender, boot):
        self.heard.append(boot)
        return BootReply(registration=self.registration, now=self.heartbeat(), interval_s=300)

    async def authorize(self, sender, id_token):
        self.heard.append(id_token)
        return self.decision

    async def report(self, sender, type, happened_at, tech_info):
        self.heard.append((type, happened_at, tech_info))

    async def requested(self, sender, request, *, use="", request_id=None):
        self.heard.append((request, use, request_id))
        return "" if self.accepted else "refused"

    async def reported(self, sender, request_id, number, said, *, is_last):
        self.heard.append((request_id, number, said, is_last))

    async def receive(self, sender, vendor, message, data):
        self.heard.append((vendor, message, data))
        return Reply(TransferStatus.ACCEPTED if self.accepted else TransferStatus.REJECTED, data)

    async def log_status(self, sender, status, request_id):
        self.heard.append((status, request_id))

    async def status(self, sender, status, request_id):
        self.heard.append((status, request_id))


class _Charging:
    """Keeps what it is told as the services must: within the bounds of a record."""

    def __init__(self, recorder):
        self._heard = recorder.heard

    async def reported(self, sender, told):
        for each in told.profiles:
            if each.profile is not None:
                json.decode(json.encode(each.profile), type=ChargingProfile)
        self._heard.append(told)

    async def limited(self, sender, told):
        self._heard.append(told)

    async def limit_cleared(self, sender, source, evse):
        self._heard.append((source, evse))

    async def needs(self, sender, needs):
        json.decode(json.encode(needs), type=ChargingNeeds)
        self._heard.append(needs)

    async def ev_schedule(self, sender, evse, starts_at, schedule):
        self._heard.append((evse, starts_at, schedule))
        return True


class _Transactions:
    def __init__(self, recorder):
        self._recorder = recorder

    async def record(self, sender, update):
        self._recorder.heard.append(update)
        decision = self._recorder.decision if update.id_token is not None else None
        return Recorded(update.ref or TransactionRef("7"), decision)


class _Journals:
    """Availability does not wait, and meter values do."""

    def __init__(self, recorder):
        self._recorder = recorder

    def record(self, sender, what):
        self._recorder.heard.append(what)
        return _done()


class _done:  # noqa: N801  # awaitable, and no complaint if nobody awaits it
    def __await__(self):
        return iter(())


async def answer(dialect: Dialect, action: str, payload, services=None, make=None) -> Answer:
    """What the dialect answers to a payload, given as JSON or as what becomes it."""
    raw = payload if isinstance(payload, bytes) else json.encode(payload)
    return await dialect.answer(services or Recorder(), SENDER, action, Raw(raw), make)


async def hears(dialect: Dialect, action: str, payload, make=None):
    """What a service is told of a message; None if nothing."""
    services = Recorder()
    await answer(dialect, action, payload, services, make)
    assert len(services.heard) <= 1
    return services.heard[0] if services.heard else None
