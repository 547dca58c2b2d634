"""A driver's story in each version, told to a CSMS that is not ours."""

import pytest

from voltkeep.sim.battery import Battery, Vehicle

ENERGY = "Energy.Active.Import.Register"


@pytest.fixture(autouse=True)
def _schemas_hold(csms):
    """Whatever a station said in a story was valid: the library checks, and refuses else."""
    yield
    assert csms.refused == []
    assert csms.strays == []


def started(csms, version):
    """What the CSMS heard of the transaction's begin."""
    if version == "1.6":
        return csms.of("StartTransaction")
    return [e for e in csms.of("TransactionEvent") if e["eventType"] == "Started"]


def ended(csms, version):
    """And of its end."""
    if version == "1.6":
        return csms.of("StopTransaction")
    return [e for e in csms.of("TransactionEvent") if e["eventType"] == "Ended"]


def sampled(csms, version):
    """The periodic samples, as lists of (measurand, value)."""
    messages = csms.of("MeterValues" if version == "1.6" else "TransactionEvent")
    return [
        [(s["measurand"], float(s["value"])) for s in value["sampledValue"]]
        for message in messages
        for value in message.get("meterValue", ())
        if value["sampledValue"][0]["context"] == "Sample.Periodic"
    ]


async def test_a_station_boots_and_tells_the_status_of_each_connector(csms, connect, version):
    await connect(connectors=2, vendor="ACME", model="Post", firmware="7.1")

    boot = csms.of("BootNotification")
    assert len(boot) == 1
    station = boot[0] if version == "1.6" else boot[0]["chargingStation"]
    assert "ACME" in station.values()
    assert "7.1" in station.values()
    statuses = csms.of("StatusNotification")
    connectors = [s["connectorId"] if version == "1.6" else s["evseId"] for s in statuses]
    assert connectors == ([0, 1, 2] if version == "1.6" else [1, 2])
    assert csms.connections[0].request.path.endswith("/CS%201%2Fa")


async def test_a_driver_plugs_in_charges_and_leaves(csms, connect, version):
    station = await connect(speed=600, meter_interval_s=60)

    await station.plug(1)
    verdict = await station.authorize(1, "TOKEN")
    transaction = await station.charging(1)
    await csms.until(lambda: len(sampled(csms, version)) >= 3)
    await station.stop(1)
    await station.unplug(1)
    await station.settled()

    assert verdict.accepted
    assert len(started(csms, version)) == len(ended(csms, version)) == 1
    energies = [dict(sample)[ENERGY] for sample in sampled(csms, version)]
    assert energies == sorted(energies)
    # 11 kW for a minute, and the relay closes one second late.
    assert energies[0] == pytest.approx(11_000 * 59 / 3600, abs=0.1)
    assert energies[1] - energies[0] == pytest.approx(11_000 / 60, abs=0.2)
    assert transaction.meter_stop > energies[-1]
    stop = ended(csms, version)[0]
    if version == "1.6":
        assert stop["reason"] == "Local"
        assert stop["idTag"] == "TOKEN"
        assert stop["meterStop"] == round(transaction.meter_stop)
        assert [s["status"] for s in csms.of("StatusNotification")[1:]] == [
            "Available",
            "Preparing",
            "Charging",
            "Finishing",
            "Available",
        ]
    else:
        assert stop["transactionInfo"]["stoppedReason"] == "Local"
        assert [e["seqNo"] for e in csms.of("TransactionEvent")] == list(
            range(len(csms.of("TransactionEvent")))
        )
        assert [s["connectorStatus"] for s in csms.of("StatusNotification")] == [
            "Available",
            "Occupied",
            "Available",
        ]
    assert [record.answered_at is not None for record in transaction.messages] == [True] * len(
        transaction.messages
    )


async def test_who_is_refused_does_not_charge(csms, connect, version):
    csms.answers["Authorize"] = (
        {"id_tag_info": {"status": "Blocked"}}
        if version == "1.6"
        else {"id_token_info": {"status": "Blocked"}}
    )
    station = await connect()

    await station.plug(1)
    verdict = await station.authorize(1, "BLOCKED")
    await station.settled()

    assert verdict.status == "Blocked"
    assert started(csms, version) == []


async def test_a_driver_found_invalid_when_it_started_is_stopped(csms, connect, version):
    """1.6, section 4.8; 2.x, E05."""
    if version == "1.6":
        csms.answers["StartTransaction"] = {"id_tag_info": {"status": "ConcurrentTx"}}
    else:
        csms.answers["TransactionEvent"] = {"id_token_info": {"status": "ConcurrentTx"}}
    station = await connect()

    await station.plug(1)
    await station.authorize(1, "TWICE")
    await csms.until(lambda: ended(csms, version))

    stop = ended(csms, version)[0]
    info = stop if version == "1.6" else stop["transactionInfo"]
    assert info["reason" if version == "1.6" else "stoppedReason"] == "DeAuthorized"


async def test_unplugging_ends_a_transaction(csms, connect, version):
    station = await connect()
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)

    await station.unplug(1)
    await station.settled()

    stop = ended(csms, version)[0]
    info = stop if version == "1.6" else stop["transactionInfo"]
    assert info["reason" if version == "1.6" else "stoppedReason"] == "EVDisconnected"


async def test_two_connectors_charge_at_once(csms, connect, version):
    station = await connect(connectors=2)

    for connector in (1, 2):
        await station.plug(connector)
        await station.authorize(connector, f"TOKEN-{connector}")
    first, second = await station.charging(1), await station.charging(2)
    await station.stop(2)
    await station.settled()

    assert first.ref != second.ref
    assert len(started(csms, version)) == 2
    assert len(ended(csms, version)) == 1
    assert station.transactions == [first, second]


async def remote_start(csms, version, **extra):
    if version == "1.6":
        asked = {"id_tag": "REMOTE", "connector_id": 1} | extra
        return await csms.call("RemoteStartTransaction", **asked)
    asked = {
        "id_token": {"id_token": "REMOTE", "type": "Central"},
        "remote_start_id": 77,
        "evse_id": 1,
    } | extra
    return await csms.call("RequestStartTransaction", **asked)


async def remote_stop(csms, version, transaction):
    if version == "1.6":
        return await csms.call("RemoteStopTransaction", transaction_id=transaction.ref)
    return await csms.call("RequestStopTransaction", transaction_id=transaction.ref)


async def configure(csms, version, key, variable, value):
    """Set something, in either version's way; the status."""
    if version == "1.6":
        answer = await csms.call("ChangeConfiguration", key=key, value=value)
        return answer["status"]
    component, _, name = variable.partition(".")
    name, _, instance = name.rstrip("]").partition("[")
    answer = await csms.call(
        "SetVariables",
        set_variable_data=[
            {
                "component": {"name": component},
                "variable": {"name": name} | ({"instance": instance} if instance else {}),
                "attribute_value": value,
            }
        ],
    )
    return answer["set_variable_result"][0]["attribute_status"]


async def test_a_remote_start_waits_for_the_cable_and_a_remote_stop_ends_it(csms, connect, version):
    station = await connect()

    accepted = await remote_start(csms, version)
    await csms.hear("Authorize")
    await station.plug(1)
    transaction = await station.charging(1)
    stopped = await remote_stop(csms, version, transaction)
    await csms.until(lambda: ended(csms, version))
    unknown = await remote_stop(csms, version, transaction)

    assert accepted["status"] == stopped["status"] == "Accepted"
    assert unknown["status"] == "Rejected"
    stop = ended(csms, version)[0]
    if version == "1.6":
        assert stop["reason"] == "Remote"
    else:
        assert stop["triggerReason"] == "RemoteStop"
        assert started(csms, version)[0]["transactionInfo"]["remoteStartId"] == 77


async def test_a_remote_start_asks_no_more_where_it_need_not(csms, connect, version):
    """AuthorizeRemoteTxRequests, AuthCtrlr.AuthorizeRemoteStart."""
    station = await connect()
    status = await configure(
        csms, version, "AuthorizeRemoteTxRequests", "AuthCtrlr.AuthorizeRemoteStart", "false"
    )
    await station.plug(1)

    await remote_start(csms, version)
    await station.charging(1)

    assert status == "Accepted"
    assert csms.of("Authorize") == []


async def test_a_remote_start_without_a_car_times_out(csms, connect, version):
    station = await connect(speed=600)
    await configure(csms, version, "ConnectionTimeOut", "TxCtrlr.EVConnectionTimeOut", "30")

    await remote_start(csms, version)
    await csms.hear("Authorize")
    await station.until(lambda: station.core.outlets[1].admission is not None)
    await station.until(lambda: station.core.outlets[1].admission is None)
    await station.plug(1)
    await station.settled()

    assert started(csms, version) == []


async def test_a_token_of_the_same_group_may_stop(csms, connect, version):
    """1.6, parentIdTag (TC_053); 2.x, C09."""
    group = {"status": "Accepted", "parent_id_tag": "FLEET"}
    info = {"status": "Accepted", "group_id_token": {"id_token": "FLEET", "type": "Central"}}
    csms.answers["Authorize"] = (
        {"id_tag_info": group} if version == "1.6" else {"id_token_info": info}
    )
    if version == "1.6":
        csms.answers["StartTransaction"] = {"id_tag_info": group}
    station = await connect()
    await station.plug(1)
    await station.authorize(1, "ONE")
    await station.charging(1)

    await station.stop(1, token="ANOTHER")
    await station.settled()

    assert len(ended(csms, version)) == 1


async def test_a_full_battery_suspends_the_transaction(csms, connect, version):
    station = await connect()
    await station.plug(1, Vehicle(Battery(capacity_wh=200.0, soc=0.9, max_power_w=11_000.0)))
    await station.authorize(1, "TOKEN")
    await station.charging(1)

    if version == "1.6":
        await csms.until(lambda: csms.of("StatusNotification")[-1]["status"] == "SuspendedEV")
    else:
        await csms.until(
            lambda: (
                csms.of("TransactionEvent")[-1]["transactionInfo"].get("chargingState")
                == "SuspendedEV"
            )
        )

    assert station.core.outlets[1].transaction is not None


async def test_start_points_decide_when_a_transaction_begins(csms, connect, version):
    """2.x only has TxStartPoint and TxStopPoint (E.1); in 1.6 it is always both."""
    points = {"TxCtrlr.TxStartPoint": "EVConnected", "TxCtrlr.TxStopPoint": "EVConnected"}
    station = await connect(configuration=points if version != "1.6" else {})

    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)
    await station.stop(1)
    await station.unplug(1)
    await station.settled()

    if version == "1.6":
        assert csms.of("StopTransaction")[0]["reason"] == "Local"
        return
    told = [
        (e["eventType"], e["triggerReason"], e["transactionInfo"]["chargingState"])
        for e in csms.of("TransactionEvent")
    ]
    assert told == [
        ("Started", "CablePluggedIn", "EVConnected"),
        ("Updated", "Authorized", "EVConnected"),
        ("Updated", "ChargingStateChanged", "Charging"),
        ("Updated", "StopAuthorized", "EVConnected"),
        ("Ended", "EVDeparted", "Idle"),
    ]
    assert [e.get("idToken", {}).get("idToken") for e in csms.of("TransactionEvent")] == [
        None,
        "TOKEN",
        None,
        "TOKEN",
        None,
    ]
