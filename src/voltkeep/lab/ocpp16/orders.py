"""Orders that several cases give, and what must come of each; the station's answer is the case's.

All raise Failed: nothing came in time, something else came, or with other fields than ordered.
"""

from msgspec import UNSET

from voltkeep.lab.ocpp16 import checks
from voltkeep.lab.ocpp16.fields import is_absent, is_just
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.ocpp.v16 import (
    ChangeConfigurationRequest,
    ChangeConfigurationResponse,
    ChangeConfigurationResponseStatus,
    ConfigurationKey,
    GetConfigurationRequest,
    GetConfigurationResponse,
    RemoteStartTransactionRequest,
    RemoteStartTransactionResponse,
    RemoteStartTransactionResponseStatus,
    RemoteStopTransactionRequest,
    RemoteStopTransactionResponse,
    RemoteStopTransactionResponseStatus,
    ResetRequest,
    ResetRequestType,
    ResetResponse,
    ResetResponseStatus,
    UnlockConnectorRequest,
    UnlockConnectorResponse,
    UnlockConnectorResponseStatus,
)

Changed = ChangeConfigurationResponseStatus
RemoteStart = RemoteStartTransactionResponseStatus
RemoteStop = RemoteStopTransactionResponseStatus
Unlocked = UnlockConnectorResponseStatus


async def remote_start(station: ChargePoint, status: RemoteStart = RemoteStart.ACCEPTED) -> None:
    """With the valid token, on connector 1; a charging profile of the CSMS's own is a warning."""
    bench, token = station.bench, station.bench.plan.tokens.valid
    order = bench.driver.remote_start(station.identity, token=token, connector=1)
    asked = await station.asked(order, RemoteStartTransactionRequest)
    checks.is_token(bench, asked.request.id_tag, token)
    connector = asked.request.connector_id
    if connector is UNSET:  # legal, and the station chooses (OCPP 1.6 edition 2, section 5.11)
        bench.warn("RemoteStartTransaction.req does not name the connector that was ordered")
    else:
        bench.check(connector == 1, "connectorId 1", f"connectorId {connector}")
    profile = asked.request.charging_profile
    if profile is not UNSET:
        bench.warn("RemoteStartTransaction.req has a chargingProfile, and none was ordered")
        is_just(bench, "chargingProfilePurpose", profile.charging_profile_purpose, "TxProfile")
        is_absent(bench, "transactionId", profile.transaction_id)  # errata 3.41
    await asked.answer(RemoteStartTransactionResponse(status=status))


async def remote_stop(station: ChargePoint, transaction: int, status: RemoteStop) -> None:
    """Of just this transaction, which may be unknown."""
    bench = station.bench
    order = bench.driver.remote_stop(station.identity, transaction=transaction)
    asked = await station.asked(order, RemoteStopTransactionRequest)
    came = asked.request.transaction_id
    bench.check(came == transaction, f"transactionId {transaction}", f"transactionId {came}")
    await asked.answer(RemoteStopTransactionResponse(status=status))


async def reset(station: ChargePoint, kind: ResetRequestType) -> None:
    """The station accepts it."""
    bench = station.bench
    order = bench.driver.reset(station.identity, kind=kind.value)
    asked = await station.asked(order, ResetRequest)
    bench.check(asked.request.type == kind, f"type {kind}", f"type {asked.request.type}")
    station.may_be_closed = True
    await asked.answer(ResetResponse(status=ResetResponseStatus.ACCEPTED))


async def unlock(station: ChargePoint, connector: int, status: Unlocked) -> None:
    """Of this connector, which may be unknown."""
    bench = station.bench
    order = bench.driver.unlock(station.identity, connector=connector)
    asked = await station.asked(order, UnlockConnectorRequest)
    came = asked.request.connector_id
    bench.check(came == connector, f"connectorId {connector}", f"connectorId {came}")
    await asked.answer(UnlockConnectorResponse(status=status))


async def write_configuration(station: ChargePoint, key: str, value: str, status: Changed) -> None:
    """Of this key, which may be unknown, and to a value that may be wrong."""
    bench = station.bench
    order = bench.driver.write_configuration(station.identity, key=key, value=value)
    asked = await station.asked(order, ChangeConfigurationRequest)
    came = asked.request
    # A key is a CiString: letter case does not matter.
    bench.check(came.key.casefold() == key.casefold(), f"key {key}", f"key {came.key}")
    bench.check(came.value == value, f"value {value}", f"value {came.value}")
    await asked.answer(ChangeConfigurationResponse(status=status))


async def read_configuration(
    station: ChargePoint, keys: tuple[str, ...], settings: dict[str, str]
) -> None:
    """Of just these keys, or of all; the station answers with read-only settings."""
    bench = station.bench
    order = bench.driver.read_configuration(station.identity, keys=keys)
    asked = await station.asked(order, GetConfigurationRequest)
    came = asked.request.key or []
    wanted = f"key {list(keys)}" if keys else "no key, or an empty list"
    fits = [key.casefold() for key in came] == [key.casefold() for key in keys]
    bench.check(fits, wanted, f"key {came}")
    told = [
        ConfigurationKey(key=key, readonly=True, value=value) for key, value in settings.items()
    ]
    await asked.answer(GetConfigurationResponse(configuration_key=told))
