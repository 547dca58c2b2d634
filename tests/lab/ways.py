"""Ways in which a right CSMS may work that the small one does not have: what it remembers."""

from msgspec.structs import replace

from tests.lab.csms.link import Gone, Link
from tests.lab.csms.state import Payload, State

_AVAILABILITY = "ChangeAvailability"


def sends_again(state: State) -> None:
    """What had no answer when the connection ended is asked again once the station has booted."""
    lost: list[tuple[str, Payload]] = []
    call = state.call

    async def called(link: Link, action: str, payload: Payload) -> Payload:
        try:
            return await call(link, action, payload)
        except Gone:
            lost.append((action, payload))
            raise

    def booted(link: Link) -> None:
        while lost:
            link.order(*lost.pop())

    state.call = called  # type: ignore[method-assign]  # this CSMS does it otherwise
    _after_boot(state, booted)


def remembers_availability(state: State) -> None:
    """What was taken out of service is so still when the station has booted."""
    out_of_service: list[Payload] = []
    call = state.call

    async def called(link: Link, action: str, payload: Payload) -> Payload:
        answer = await call(link, action, payload)
        if action == _AVAILABILITY:
            out_of_service[:] = [payload] if payload["type"] == "Inoperative" else []
        return answer

    state.call = called  # type: ignore[method-assign]  # this CSMS does it otherwise
    _after_boot(state, lambda link: [link.order(_AVAILABILITY, each) for each in out_of_service])


def has_one_transaction_of_a_token(state: State) -> None:
    """A token that charges is ConcurrentTx elsewhere."""
    start, stop = state.rules["StartTransaction"], state.rules["StopTransaction"]
    running: dict[int, str] = {}

    def started(link: Link, request) -> Payload:
        answer = dict(start(link, request))
        if request.id_tag in running.values():
            answer["idTagInfo"] = {"status": "ConcurrentTx"}
        else:
            running[answer["transactionId"]] = request.id_tag
        return answer

    def stopped(link: Link, request) -> Payload:
        running.pop(request.transaction_id, None)
        return stop(link, request)

    state.rules.update(StartTransaction=started, StopTransaction=stopped)


def reads_no_times(state: State) -> None:
    """A start that is told again is known by its connector, token and meter, whatever its time."""
    start = state.rules["StartTransaction"]

    def started(link: Link, request) -> Payload:
        return start(link, replace(request, timestamp=request.timestamp.min))

    state.rules["StartTransaction"] = started


def _after_boot(state: State, do) -> None:
    boot = state.rules["BootNotification"]

    def booted(link: Link, request) -> Payload:
        do(link)
        return boot(link, request)

    state.rules["BootNotification"] = booted
