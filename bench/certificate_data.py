"""Certificates of a fleet: one in use of nearly each station, and foreign roots."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec import json, structs

from bench.api_data import Filled, Moment, Row, name
from voltkeep.domain.certificates import CertificateState, IssuedCertificate, RootUse, TrustAnchor
from voltkeep.domain.identity import DEFAULT_TENANT, StationId

_COLUMNS = ["tenant", "station", "id", "state", "at", "content", "not_after"]
_OWN = frozenset({"station", "id", "state", "at"})
_LIFE = timedelta(days=365)
PAGES = (  # of a console, beyond those in its menu
    *("/certificates/expiries", "/certificates/expiries?kind=issued", "/certificates/roots"),
    *(
        "/certificates?within=30",
        "/certificates?within=365&site=site-399",
        "/certificates/requests",
    ),
    *("/certificates?state=revoked", "/certificates?site=site-399", "/certificates/authority"),
)
_ROOTS = 500
_STATES = {
    CertificateState.ACTIVE: 94,
    CertificateState.ACCEPTED: 3,
    CertificateState.SUPERSEDED: 2,
    CertificateState.REVOKED: 1,
}


def serial(number: int) -> str:
    """The serial number of the certificate of a station."""
    return f"{0xC0FFEE00000000 + number:x}"


def page(station: str) -> str:
    """The page of the certificate of a station."""
    return f"/certificates/{serial(int(station.removeprefix('S')))}"


def certificates(stations: int, moment: Moment) -> Iterator[Filled]:
    """Tables for `bench.api_data.fill`."""
    made = _Certificates(stations, moment)
    yield "certificates", _COLUMNS, (made.row(each) for each in made.issued())
    yield "trust_anchors", _COLUMNS, (made.row(each) for each in made.roots())


class _Certificates:
    def __init__(self, stations: int, moment: Moment) -> None:
        self._stations = stations
        self._moment = moment
        self._random = random.Random(6)
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._pem = 2 * _pem(self._now)  # a chain

    def issued(self) -> Iterator[IssuedCertificate]:
        states, shares = list(_STATES), list(_STATES.values())
        for number in range(self._stations):
            not_before = self._now - _LIFE * self._random.random()
            yield IssuedCertificate(
                station=StationId(DEFAULT_TENANT, name(number)),
                id=serial(number),
                state=self._random.choices(states, shares)[0],
                at=not_before + timedelta(minutes=1),
                profile="station",
                issuer="ec",
                subject=f"CN=SN-{number:06},O=Acme",
                fingerprint=f"{number:064x}",
                key_fingerprint=f"{number:064x}",
                not_before=not_before,
                not_after=not_before + _LIFE,
                pem=self._pem,
            )

    def roots(self) -> Iterator[TrustAnchor]:
        for number in range(_ROOTS):
            yield TrustAnchor(
                station=StationId(DEFAULT_TENANT, name(number) if number % 2 else ""),
                id=f"{number:064x}",
                at=self._now - timedelta(hours=number),
                use=RootUse.MANUFACTURER_ROOT,
                pem=self._pem,
                subject=f"CN=Maker {number}",
                not_after=self._now + timedelta(days=20 * number),
            )

    def row(self, record: IssuedCertificate | TrustAnchor) -> Row:
        fields = structs.asdict(record)
        content = {each: value for each, value in fields.items() if each not in _OWN}
        return (
            *(record.station.tenant, record.station.name, record.id, str(record.state)),
            *(self._moment(record.at), json.encode(content).decode()),
            self._moment(record.not_after),
        )


def _pem(at: datetime) -> str:
    """A certificate that can be read."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SN-000000")])
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at)
        .not_valid_after(at + _LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()
