"""What happens, told to a person: one line for each thing worth one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from voltkeep.cli.view import View
from voltkeep.domain import events
from voltkeep.domain.authorization import Authorization
from voltkeep.domain.availability import ChargingState, ConnectorStatus
from voltkeep.domain.barriers import Barrier, remedy
from voltkeep.domain.certificates import CertificateState
from voltkeep.domain.diagnostics import LogState
from voltkeep.domain.firmware import UpdateState
from voltkeep.domain.identity import Evse, IdToken, TransactionRef, station_id
from voltkeep.domain.local_list import ListState
from voltkeep.domain.reservations import ReservationState
from voltkeep.domain.security import TlsFault, Verdict
from voltkeep.domain.smart_charging import ProfileState
from voltkeep.domain.stations import Make, Registration

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATION = station_id("CS-01")
REF = TransactionRef("7")
HOSTILE = "\x1b]0;x\x07\n12:00:00  CS-99  started charging\u202e"


def at(second: float) -> dict[str, Any]:
    return {"station": STATION, "at": NOON + timedelta(seconds=second)}


def started(second: float = 0, **rest) -> events.TransactionStarted:
    given = {
        "ref": REF,
        "evse": Evse(1),
        "id_token": IdToken("ANNA"),
        "authorization": Authorization.ACCEPTED,
        "started_at": NOON,
        "remote_start_id": None,
        "meter_start_wh": 1000.0,
    }
    return events.TransactionStarted(**at(second), **(given | rest))


def metered(second: float, wh: float, w: float = 11_000.0) -> events.EnergyMetered:
    return events.EnergyMetered(
        **at(second), ref=REF, evse=Evse(1), energy_wh=wh, power_w=w, soc_percent=43.2
    )


def ended(second: float, **rest) -> events.TransactionEnded:
    given = {
        "ref": REF,
        "evse": Evse(1),
        "ended_at": NOON + timedelta(seconds=second),
        "energy_wh": 5500.0,
        "stop_reason": "EVDisconnected",
        "is_orphan": False,
    }
    return events.TransactionEnded(**at(second), **(given | rest))


def booted(
    registration: Registration = Registration.ACCEPTED, vendor: str = "Volt"
) -> events.Event:
    make = Make(vendor=vendor, model="M", firmware="1.0")
    return events.StationBooted(**at(0), make=make, registration=registration, reason="PowerUp")


def status(raw: str, second: float = 0, **rest) -> events.ConnectorStatusChanged:
    known = {"Available", "Faulted"}
    return events.ConnectorStatusChanged(
        **at(second),
        evse=Evse(1),
        status=ConnectorStatus(raw if raw in known else "Occupied"),
        raw_status=raw,
        **rest,
    )


def refused(reason: str, second: float = 0) -> events.ConnectionRefused:
    return events.ConnectionRefused(**at(second), remote_address="192.0.2.1", reason=reason)


def presented(value: str, status: Authorization) -> events.TokenPresented:
    return events.TokenPresented(**at(0), id_token=IdToken(value), status=status)


def tell(*happened: events.Event) -> list[str]:
    view = View(program="voltkeep")
    return [
        before + what.text for line in map(view.line, happened) if line for before, what in [line]
    ]


def test_a_charge_is_told_from_plug_to_bill():
    lines = tell(
        booted(),
        status("Available"),
        status("Preparing", 1),
        presented("ANNA", Authorization.ACCEPTED),
        started(),
        events.TransactionUpdated(**at(1), ref=REF, charging_state=ChargingState.SUSPENDED_EV),
        metered(60, 1200.0),
        ended(1800),
        status("Available", 1801),
    )

    assert lines == [
        "12:00:00  CS-01         booted: Volt M 1.0",
        "12:00:01  CS-01         connector 1 is preparing",
        "12:00:01  CS-01         token ANNA is welcome",
        "12:00:01  CS-01         started charging for ANNA on connector 1 (transaction 7)",
        "12:00:01  CS-01         connector 1 is suspended EV",
        "12:01:00  CS-01         connector 1 charges at 11.0 kW, 0.200 kWh so far, battery at 43 %",
        "12:30:00  CS-01         stopped charging on connector 1 (EV disconnected): 5.500 kWh in 30 min",  # noqa: E501  # as it is told
        "12:30:01  CS-01         connector 1 is available",
    ]


def test_progress_is_told_now_and_then():
    told = tell(started(), *(metered(second, 1000.0 + second) for second in range(1, 61)))

    assert [line[:8] for line in told[1:]] == ["12:00:01", "12:00:16", "12:00:31", "12:00:46"]


def test_who_knocks_in_vain_is_told_once_a_minute():
    told = tell(*(refused("unknown station", second) for second in range(90)))

    assert len(told) == 2
    assert "from 192.0.2.1: unknown station" in told[0]
    assert "voltkeep station add CS-01" in told[0]


def test_what_was_not_told_is_counted_when_the_next_is():
    first, second, other = tell(
        *(refused("unknown station", second) for second in range(61)),
        refused("wrong password", 62),
    )

    assert " more " not in first
    assert "unknown station, and 59 more since 12:00:00. If it is yours" in second
    assert " more " not in other


@pytest.mark.parametrize("reason", [*Verdict, *TlsFault, *Barrier])
def test_advice_is_not_cut_short(reason):
    (line,) = tell(refused(reason))

    assert not line.endswith("…")
    assert line.endswith(remedy(reason, STATION))


def test_no_line_is_earlier_than_the_one_above():
    told = tell(refused("a", 8), refused("b", 7), refused("c", 9))
    assert [line[:8] for line in told] == ["12:00:08", "12:00:08", "12:00:09"]

    set_back = tell(refused("a", 600), refused("b", 7))
    assert [line[:8] for line in set_back] == ["12:10:00", "12:00:07"]


@pytest.mark.parametrize(
    "event",
    [
        events.LogUploadChanged(**at(0), request_id="1", state=LogState.REQUESTED, status=""),
        events.FirmwareUpdateChanged(
            **at(0), request_id="1", state=UpdateState.REQUESTED, status=""
        ),
        events.CampaignChanged(**at(0), campaign="1", state="running"),
        events.SecurityEventReported(
            **at(0), event="Reset", happened_at=NOON, tech_info="", is_critical=False
        ),
    ],
    ids=lambda event: type(event).__name__,
)
def test_nothing_is_announced_that_does_not_follow(event):
    (line,) = tell(event)

    assert line[-1].isalpha()


@pytest.mark.parametrize(
    ("event", "advice"),
    [
        (refused("wrong password"), "voltkeep station rotate-key CS-01"),
        (booted(Registration.PENDING), "voltkeep station accept CS-01"),
        (presented("04A2B3", Authorization.UNKNOWN), "voltkeep token add 04A2B3"),
    ],
)
def test_what_an_operator_can_do_is_said(event, advice):
    (line,) = tell(event)

    assert advice in line


@pytest.mark.parametrize("value", ["x; rm -rf ~", "$(id)", "a b", "-h", "'", HOSTILE])
def test_no_station_puts_a_command_into_an_operators_shell(value):
    (line,) = tell(presented(value, Authorization.UNKNOWN))

    assert "token add" not in line


@pytest.mark.parametrize(
    "event",
    [
        booted(vendor=HOSTILE),
        status(HOSTILE),
        status("Faulted", info=HOSTILE),
        status("Faulted", error_code=HOSTILE),
        presented(HOSTILE, Authorization.ACCEPTED),
        started(id_token=IdToken(HOSTILE)),
        started(ref=TransactionRef(HOSTILE)),
        ended(1, stop_reason=HOSTILE),
        refused(HOSTILE),
    ],
)
def test_what_a_station_says_stays_on_its_line(event):
    (line,) = tell(event)

    assert line.isprintable()


def test_what_went_wrong_stands_out():
    view = View(program="voltkeep")

    def style(event: events.Event) -> str:
        line = view.line(event)
        assert line
        return line[1].style

    assert "red" in style(refused("unknown station"))
    assert "red" in style(status("Faulted"))
    assert "red" in style(
        events.StationConnected(
            **at(0), subprotocol="x", security_profile=0, remote_address="a", epoch=1
        )
    )
    assert "yellow" in style(ended(1, is_orphan=True))


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (events.KeyRotated(**at(0), stage="given up", reason="WHY"), "new key: given up (WHY)"),
        (
            events.SecurityProfileRaised(**at(0), profile=2, stage="rejected", reason="WHY"),
            "security profile 2: rejected (WHY)",
        ),
        (
            events.CertificateChanged(
                **at(0),
                serial_number="ab",
                state=CertificateState.REVOKED,
                not_after=NOON,
                reason="WHY",
            ),
            "certificate ab, valid until 2026-03-01: revoked (WHY)",
        ),
        (
            events.CertificatePinned(**at(0), fingerprint="ab" * 32, reason="WHY"),
            "but abababababababab… (WHY)",
        ),
    ],
)
def test_what_was_decided_is_told_with_its_reason(event, words):
    (line,) = tell(event)

    assert line.endswith(words)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("key", "has a new key"),
        ("names in its certificate", "must bear other names in its certificate"),
        ("certificate revoked", "has had its certificate revoked"),
        ("quarantine", "was released from quarantine"),
    ],
)
def test_a_change_is_told_as_a_sentence(what, words):
    (line,) = tell(events.StationChanged(**at(0), what=what))

    assert line.endswith(words)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            events.ReservationChanged(
                **at(0),
                reservation_id=4,
                evse=Evse(1),
                id_token=IdToken("ANNA"),
                state=ReservationState.REFUSED,
                status="Occupied",
                expires_at=NOON,
            ),
            "reservation 4 for ANNA on connector 1 is refused: Occupied",
        ),
        (
            events.ChargingProfileChanged(
                **at(0),
                profile_id=8,
                purpose="TxProfile",
                evse=Evse(1),
                state=ProfileState.ACCEPTED,
            ),
            "charging profile 8 on connector 1 is accepted",
        ),
        (
            events.ChargingLimitChanged(**at(0), source="EMS", evse=None, is_cleared=False),
            "is limited by EMS",
        ),
        (
            events.ChargingLimitChanged(**at(0), source="EMS", evse=Evse(2), is_cleared=True),
            "connector 2 is no longer limited by EMS",
        ),
        (
            events.ChargingNeedsReported(
                **at(0), evse=Evse(1), energy_transfer="DC", energy_wh=20_000, departure_at=NOON
            ),
            "connector 1 has a car that needs 20.000 kWh by 2026-03-01 12:00",
        ),
        (
            events.EvScheduleReported(**at(0), evse=Evse(1), is_within_limits=False),
            "connector 1 has a car that wants more than its limits",
        ),
        (
            events.ConfigurationReported(**at(0), request_id="1", base="Full", variables=44),
            "has reported its configuration: 44 variables",
        ),
        (
            events.ConfigurationWritten(
                **at(0), variable="A.B", attribute="Actual", value=None, status="RebootRequired"
            ),
            "configuration: A.B (reboot required)",
        ),
        (
            events.DataReceived(
                **at(0), vendor="v", message="m", status="Accepted", size_bytes=9, data="SECRET"
            ),
            "sent data of v m: accepted",
        ),
        (
            events.LocalListChanged(**at(0), state=ListState.IN_STEP, version=3, reason=""),
            "local list 3 is in step",
        ),
        (
            events.WebhookChanged(**at(0), webhook="w1", what="secret_rotated"),
            "webhook w1: secret rotated",
        ),
    ],
    ids=lambda case: type(case).__name__,
)
def test_what_comes_of_an_order_is_one_line(event, told):
    (line,) = tell(event)

    assert line.endswith(f"  {told}")


def test_every_event_can_be_told():
    """Whether it is worth a line or not: a new one must not end the view."""
    events_of_all_kinds = events.Event.__subclasses__()

    assert {kind.__name__ for kind in events_of_all_kinds} == {
        each.__name__ for each in events.Anything.__args__
    }
    handled = View.__dict__["_told"].dispatcher.registry
    assert [kind.__name__ for kind in events_of_all_kinds if kind not in handled] == []


def test_the_view_forgets_what_is_over():
    view = View(program="voltkeep")
    for number in range(20_000):
        view.line(started(ref=TransactionRef(str(number))))

    assert len(view._started) == 10_000
    view.line(ended(1, ref=TransactionRef("19999")))
    assert len(view._started) == 9_999
