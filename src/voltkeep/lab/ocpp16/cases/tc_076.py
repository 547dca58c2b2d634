"""TC_076: a root is deleted."""

from functools import partial

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.certificates import (
    Use,
    as_told,
    asked_for_installed,
    asked_to_install,
    hash_data,
    is_asked_of,
    naming,
    root_to_install,
)
from voltkeep.lab.ocpp16.states import booted
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.ocpp.v16 import (
    CertificateHashData,
    DeleteCertificateRequest,
    DeleteCertificateResponse,
    DeleteCertificateStatusEnum,
    GetInstalledCertificateIdsRequest,
    GetInstalledCertificateIdsResponse,
)

_USE = Use.CENTRAL_SYSTEM_ROOT_CERTIFICATE


@case(
    "TC_076",
    "Delete a specific certificate from the Charge Point",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, use cases M03, M04 (M04.FR.07) and M05; OCTT, TC_076",
)
async def delete_certificate(bench: Bench) -> None:
    """A root is deleted by the very hash data that the station has told, by each algorithm.

    After each deletion the CSMS may ask once, whenever it likes, which roots are left.
    """
    station = await booted(bench)
    installed: list[CertificateHashData] = []
    for algorithm in ("SHA256", "SHA384", "SHA512"):
        root = root_to_install(bench, _USE, f"Laboratory TC_076 {algorithm}")
        data = hash_data(root, algorithm)

        bench.step(f"The operator orders a root to be installed ({algorithm})")
        await asked_to_install(station, _USE, root)
        installed.append(data)

        bench.step(f"The operator asks which roots are installed; the station names it {algorithm}")
        await asked_for_installed(station, _USE, installed)

        bench.step(f"The operator orders it to be deleted: by the same hash data ({algorithm})")
        await _asked_to_delete(station, data)
        installed.clear()

        bench.step("The CSMS may look whether it is gone")
        station.may_be_asked(GetInstalledCertificateIdsRequest, partial(_told, bench, installed))
        await station.hears_nothing()


def _told(
    bench: Bench, installed: list[CertificateHashData], request: GetInstalledCertificateIdsRequest
) -> GetInstalledCertificateIdsResponse:
    is_asked_of(bench, request, _USE)
    return naming(installed)


async def _asked_to_delete(station: ChargePoint, data: CertificateHashData) -> None:
    bench = station.bench
    order = bench.driver.delete_certificate(station.identity, certificate=as_told(data))
    asked = await station.asked(order, DeleteCertificateRequest)
    wanted, came = as_told(data), as_told(asked.request.certificate_hash_data)
    # Hexadecimal digits may be of either case.
    wrong = [name for name in wanted if came[name].lower() != wanted[name].lower()]
    status = (
        DeleteCertificateStatusEnum.NOT_FOUND if wrong else DeleteCertificateStatusEnum.ACCEPTED
    )
    await asked.answer(DeleteCertificateResponse(status=status))
    for name in wrong:
        bench.check(wrong == [], f"{name} {wanted[name]}", f"{name} {came[name]}")
