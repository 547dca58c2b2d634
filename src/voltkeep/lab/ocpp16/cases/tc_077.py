"""TC_077: a station is sent a certificate that it rejects."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_CERTIFICATE, Functionality, case
from voltkeep.lab.ocpp16.certificates import Signed, asked_to_renew, judge_chain, told_to_sign
from voltkeep.lab.ocpp16.security import tell_security_event
from voltkeep.lab.ocpp16.states import booted, is_left_alone


@case(
    "TC_077",
    "Invalid Charge Point certificate security event",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, use cases A02 (A02.FR.07) and A04; OCTT, TC_077",
    profiles=WITH_CERTIFICATE,
)
async def invalid_charge_point_certificate(bench: Bench) -> None:
    """A station rejects the certificate that was signed for it, and tells so.

    It goes on with the certificate that it has.
    """
    station = await booted(bench)

    bench.step("The operator orders a new certificate: ExtendedTriggerMessage, accepted")
    await asked_to_renew(station)

    bench.step("The station sends SignCertificate, and rejects what was signed")
    key, signed = await told_to_sign(station)
    await judge_chain(station, key, signed, Signed.REJECTED)

    bench.step("The station tells the security event InvalidChargePointCertificate")
    await tell_security_event(station, "InvalidChargePointCertificate")

    bench.step("For a while nothing more is asked of it")
    await is_left_alone(station)
