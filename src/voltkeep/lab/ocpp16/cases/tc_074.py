"""TC_074: a new certificate for the station."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_CERTIFICATE, Functionality, case
from voltkeep.lab.ocpp16.certificates import asked_to_renew, judge_chain, told_to_sign
from voltkeep.lab.ocpp16.states import boot, booted


@case(
    "TC_074",
    "Update Charge Point certificate by request of the Central System",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, use case A02, A00.FR.501 to .511; OCTT, TC_074",
    profiles=WITH_CERTIFICATE,
)
async def update_certificate(bench: Bench) -> None:
    """A station asks for a certificate of a new key, gets it, and connects with it.

    Later cases go on with that certificate.
    """
    station = await booted(bench)

    bench.step("The operator orders a new certificate: ExtendedTriggerMessage, accepted")
    await asked_to_renew(station)

    bench.step("The station sends SignCertificate: accepted, and CertificateSigned follows")
    key, signed = await told_to_sign(station)
    own = await judge_chain(station, key, signed)
    station.may_be_closed = True

    bench.step("The station connects with the new certificate, and boots")
    await station.leave()
    await station.connect(station.way(shown=own))
    station.credentials.take_certificate(own)
    await boot(station)
