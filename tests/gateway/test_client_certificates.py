"""Security profile 3 at the door: who shows which certificate, over real TLS (hostile row 6)."""

import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import structs
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from tests.gateway.csms import STATION, clock, until
from tests.gateway.trust import DAY, TlsCsms, client_of, maker, material, s_client, showing
from tests.pki import making
from voltkeep.domain.certificates import CertificateState
from voltkeep.domain.events import (
    CertificateChanged,
    CertificatePinned,
    KeyRotated,
    SecurityProfileRaised,
    StationConnected,
)
from voltkeep.domain.identity import station_id
from voltkeep.domain.security import TlsFault, Verdict
from voltkeep.domain.stations import NameCheck, SecurityProfile
from voltkeep.gateway.tls import TlsKind

OTHER = station_id("CS-2")
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
BROKEN_OFF = (ssl.SSLError, ConnectionError, ConnectionClosed, InvalidMessage, EOFError)


@pytest.fixture
async def csms(authority):
    async with TlsCsms(authority) as csms:
        csms.key = await csms.add("CS-1", profile=3)
        await trust(csms, STATION, serial_number="SN-1")
        yield csms


async def trust(csms, station, **changes):
    async with csms.store.begin() as work:
        known = await work.stations.get(station)
        await work.stations.set_trust(station, structs.replace(known.trust, **changes))


async def set_profile(csms, profile):
    async with csms.store.begin() as work:
        await work.stations.set_profile(STATION, profile)


async def get(csms, station=STATION):
    async with csms.store.read() as work:
        return await work.stations.get(station)


async def own(csms, directory, station=STATION, *, common_name="SN-1", version=None, **options):
    issued, key = await csms.issue(station, common_name=common_name, **options)
    versions = {"maximum_version": version} if version else {}
    return issued, showing(csms.authority, directory, issued.pem, key, **versions)


async def believe(csms, *anchors):
    """Trust foreign roots, as an operator does."""
    async with csms.store.begin() as work:
        for anchor in anchors:
            await work.anchors.put(anchor)
    csms.security.forget_roots()
    roots = "\n" + await csms.security.client_roots()
    csms.gateway.use_tls(material(csms.authority, roots=roots))


async def is_let_in(csms, context, kind=TlsKind.MUTUAL, **options):
    async with csms.over_tls(kind=kind, context=context, **options) as station:
        return await station.is_alive()


async def refused(csms, context, kind=TlsKind.MUTUAL, name="CS-1", **options):
    """Why somebody was refused before the upgrade."""
    before = len(csms.refusals())
    with pytest.raises(InvalidStatus) as caught:
        async with csms.over_tls(name, kind=kind, context=context, **options):
            pass
    assert caught.value.response.status_code == 401
    return csms.refusals()[before:]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("family", ["ec", "rsa"])
async def test_a_certificate_of_ours_opens(csms, tmp_path, version, family):
    """A00.FR.401-405, TC_087: of either family, and without a password."""
    key = making.rsa_key() if family == "rsa" else making.ec_key()
    issued, context = await own(csms, tmp_path, version=version, key=key)

    assert await is_let_in(csms, context)
    assert await is_let_in(csms, context, TlsKind.OPTIONAL)
    connected = [event for event in csms.store.published if isinstance(event, StationConnected)]
    assert {event.security_profile for event in connected} == {3}
    assert issued.issuer == family


async def test_from_its_first_use_a_certificate_is_the_active_one(csms, tmp_path):
    """A02.FR.08 and A03: the older ones are superseded, and one that is newer still is not."""
    old, with_old = await own(csms, tmp_path, key=making.ec_key("old"))
    new, with_new = await own(csms, tmp_path, key=making.ec_key("new"))

    assert await is_let_in(csms, with_old)
    assert await state(csms, old) is CertificateState.ACTIVE
    assert await is_let_in(csms, with_new)
    assert await state(csms, new) is CertificateState.ACTIVE
    assert await state(csms, old) is CertificateState.SUPERSEDED
    changes = [event for event in csms.store.published if isinstance(event, CertificateChanged)]
    assert [(event.serial_number, event.state) for event in changes] == [
        (old.id, CertificateState.ACTIVE),
        (new.id, CertificateState.ACTIVE),
        (old.id, CertificateState.SUPERSEDED),
    ]
    # It is valid still: a station that was set back is not locked out.
    assert await is_let_in(csms, with_old)
    assert await state(csms, new) is CertificateState.ACTIVE


async def state(csms, issued):
    async with csms.store.read() as work:
        return (await work.certificates.get(issued.station, issued.id)).state


async def test_a_revoked_certificate_is_refused_at_the_next_connection(csms, tmp_path):
    """A00.FR.704; a session that was resumed changes nothing about it."""
    issued, context = await own(csms, tmp_path)
    assert await is_let_in(csms, context)
    async with csms.store.begin() as work:
        kept = await work.certificates.get(STATION, issued.id)
        await work.certificates.put(structs.replace(kept, state=CertificateState.REVOKED))

    assert await refused(csms, context) == [Verdict.CERTIFICATE_REVOKED]


async def test_a_certificate_of_ours_is_good_for_its_station_only(csms, tmp_path):
    """Even where names are not looked at."""
    await csms.add("CS-2", profile=3)
    await trust(csms, OTHER, organization=NameCheck.OFF, common_name=NameCheck.OFF)
    _, context = await own(csms, tmp_path)

    assert await refused(csms, context, name="CS-2") == [Verdict.CERTIFICATE_OF_ANOTHER]
    assert await is_let_in(csms, context)


async def test_a_certificate_of_ours_that_nobody_remembers_is_refused(csms, tmp_path):
    """As one for a station of another tenant, or of a database from before its time."""
    issued, context = await own(csms, tmp_path)
    async with csms.store.begin() as work:
        await work.certificates.remove(STATION, issued.id)

    assert await refused(csms, context) == [Verdict.CERTIFICATE_OF_ANOTHER]


async def test_a_certificate_that_only_bears_the_number_of_ours_is_refused(csms, tmp_path):
    issued, context = await own(csms, tmp_path)
    async with csms.store.begin() as work:
        await work.certificates.put(structs.replace(issued, fingerprint="00" * 32))

    assert await refused(csms, context) == [Verdict.CERTIFICATE_OF_ANOTHER]


async def test_nobody_is_known_by_a_certificate_alone(csms, tmp_path):
    _, context = await own(csms, tmp_path)

    assert await refused(csms, context, name="NOBODY") == [Verdict.UNKNOWN_STATION]
    assert await refused(csms, context, name="acme/CS-1") == [Verdict.UNKNOWN_STATION]


@pytest.mark.parametrize(
    ("common_name", "organization", "expected"),
    [
        ("SN-12", "Voltkeep", Verdict.WRONG_COMMON_NAME),
        ("*", "Voltkeep", Verdict.WRONG_COMMON_NAME),
        ("\uff33N-1", "Voltkeep", Verdict.WRONG_COMMON_NAME),
        ("SN-1", "Voltkeeper", Verdict.WRONG_ORGANIZATION),
        ("SN-1", "V\u043eltkeep", Verdict.WRONG_ORGANIZATION),
    ],
)
async def test_names_that_do_not_fit_are_refused(
    csms, tmp_path, common_name, organization, expected
):
    """A00.FR.404, 405."""
    root = maker()
    await believe(csms, making.anchor(root))
    shown = client_of(root, subject=making.name(common_name, organization))
    context = showing(csms.authority, tmp_path, shown.pem, shown.key)

    assert await refused(csms, context) == [expected]


@pytest.mark.parametrize(
    ("validity", "expected"),
    [
        ({"begins": clock() - 2 * DAY, "ends": clock() - DAY}, Verdict.CERTIFICATE_EXPIRED),
        ({"begins": clock() + DAY, "ends": clock() + 2 * DAY}, Verdict.CERTIFICATE_NOT_YET_VALID),
        ({"extensions": ((making.SERVER, False),)}, Verdict.CERTIFICATE_WRONG_PURPOSE),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_what_tls_could_not_tell_of_is_refused_with_its_reason(
    csms, tmp_path, validity, expected, version
):
    """The station and the reason are known, where an alert would have named neither."""
    root = maker()
    await believe(csms, making.anchor(root))
    shown = client_of(root, subject=making.name("SN-1", "Voltkeep"), **validity)
    context = showing(csms.authority, tmp_path, shown.pem, shown.key, maximum_version=version)

    if expected is Verdict.CERTIFICATE_WRONG_PURPOSE:
        # OpenSSL itself looks at the purpose.
        with pytest.raises(BROKEN_OFF):
            await is_let_in(csms, context)
        await until(lambda: csms.refusals() == [TlsFault.UNTRUSTED])
    else:
        assert await refused(csms, context) == [expected]


@pytest.mark.parametrize("kind", [TlsKind.OPTIONAL, TlsKind.MUTUAL])
@pytest.mark.parametrize("version", VERSIONS)
async def test_an_authority_we_do_not_know_ends_in_an_alert(csms, tmp_path, kind, version):
    shown = client_of(maker(), subject=making.name("SN-1", "Voltkeep"))
    context = showing(csms.authority, tmp_path, shown.pem, shown.key, maximum_version=version)

    with pytest.raises(BROKEN_OFF):
        await is_let_in(csms, context, kind)
    await until(lambda: csms.refusals() == [TlsFault.UNTRUSTED])


async def test_a_chain_of_a_hundred_and_a_giant_key_end_in_an_alert(csms, tmp_path):
    """Bounded cost: neither is looked at for long, and others are served."""
    party = maker()
    chain = []
    for depth in range(100):
        party = making.Party(
            making.name(f"CA {depth}", "Maker"),
            party,
            key=making.ec_key(),
            begins=clock() - DAY,
            ends=clock() + DAY,
        )
        chain.append(party.pem)
    leaf = client_of(party, subject=making.name("SN-1", "Voltkeep"))
    context = showing(csms.authority, tmp_path, leaf.pem + "".join(reversed(chain)), leaf.key)
    with pytest.raises(BROKEN_OFF):
        await is_let_in(csms, context)

    issued, good = await own(csms, tmp_path)
    assert issued
    assert await is_let_in(csms, good)
    assert csms.refusals()[0] in (TlsFault.UNTRUSTED, TlsFault.BROKEN)


async def test_the_port_of_profile_3_demands_a_certificate(csms):
    for version in ("-tls1_2", "-tls1_3"):
        await s_client(csms.port(TlsKind.MUTUAL), version, said=b"GET / HTTP/1.1\r\n\r\n")
    await until(lambda: csms.refusals() == [TlsFault.NO_CERTIFICATE] * 2)


async def test_one_port_can_serve_profiles_2_and_3(csms, tmp_path):
    """Which one a station must use is decided for each."""
    key = await csms.add("CS-2", profile=2)
    _, context = await own(csms, tmp_path)

    assert await is_let_in(csms, context, TlsKind.OPTIONAL)
    async with csms.over_tls("CS-2", TlsKind.OPTIONAL, password=key) as station:
        assert await station.is_alive()
    # The password of a station of profile 3 opens nothing, the certificate of another neither.
    assert await refused(csms, None, TlsKind.OPTIONAL, password=csms.key) == [
        Verdict.CERTIFICATE_REQUIRED
    ]
    assert await refused(csms, context, TlsKind.OPTIONAL, name="CS-2") == [
        Verdict.CERTIFICATE_NOT_EXPECTED
    ]


async def test_the_port_that_asks_for_no_certificate_sees_none(csms, tmp_path):
    _, context = await own(csms, tmp_path)

    assert await refused(csms, context, TlsKind.SERVER) == [Verdict.CERTIFICATE_REQUIRED]


# Foreign authorities.


async def test_a_root_for_one_station_is_good_for_no_other(csms, tmp_path):
    await csms.add("CS-2", profile=3)
    await trust(csms, OTHER, serial_number="SN-1")
    root = maker(extensions=(*making.CA,))
    await believe(csms, structs.replace(making.anchor(root), station=STATION, crl=crl(root)))
    shown = client_of(root, subject=making.name("SN-1", "Voltkeep"))
    context = showing(csms.authority, tmp_path, shown.pem, shown.key)

    assert await is_let_in(csms, context)
    assert await refused(csms, context, name="CS-2") == [Verdict.ANCHORED_ELSEWHERE]


async def test_the_first_foreign_certificate_is_pinned_where_names_are_not_looked_at(
    csms, tmp_path
):
    await trust(csms, STATION, organization=NameCheck.OFF, common_name=NameCheck.OFF)
    root = maker()
    await believe(csms, structs.replace(making.anchor(root), crl=crl(root)))
    first, second = (client_of(root, subject=making.name(each, "Maker")) for each in ("A", "B"))

    assert await is_let_in(csms, showing(csms.authority, tmp_path, first.pem, first.key))
    pinned = [event for event in csms.store.published if isinstance(event, CertificatePinned)]
    assert [event.fingerprint for event in pinned] == [(await get(csms)).trust.pin]
    assert pinned[0].reason
    other = showing(csms.authority, tmp_path, second.pem, second.key)
    assert await refused(csms, other) == [Verdict.NOT_THE_PINNED]
    assert await is_let_in(csms, showing(csms.authority, tmp_path, first.pem, first.key))


@pytest.mark.parametrize(
    ("has_list", "is_revoked", "expected"),
    [
        (True, False, None),
        (True, True, Verdict.CERTIFICATE_REVOKED),
        (False, False, Verdict.REVOCATION_UNKNOWN),
    ],
)
async def test_a_foreign_certificate_is_looked_up_at_its_issuer(
    csms, tmp_path, has_list, is_revoked, expected
):
    """A00.FR.702; hostile row 65: who cannot be asked has not said that it is good."""
    root = maker()
    shown = client_of(root, subject=making.name("SN-1", "Voltkeep"))
    revoked = [shown.certificate.serial_number] if is_revoked else []
    text = crl(root, *revoked) if has_list else ""
    await believe(csms, structs.replace(making.anchor(root), crl=text))
    context = showing(csms.authority, tmp_path, shown.pem, shown.key)

    if expected is None:
        assert await is_let_in(csms, context)
    else:
        assert await refused(csms, context) == [expected]


def crl(issuer, *serials, ends=None):
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(clock() - 2 * DAY)
        .next_update(ends or clock() + DAY)
    )
    for serial in serials:
        entry = (
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(clock() - DAY)
        )
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


# What a good connection settles.


async def test_the_first_good_connection_raises_the_profile(csms, tmp_path):
    """A05.FR.08, 09; TC_083: both count until then, and then never the lower one again."""
    await set_profile(csms, SecurityProfile.TLS_BASIC)
    await trust(csms, STATION, next_profile=SecurityProfile.TLS_CERTIFICATE)
    _, context = await own(csms, tmp_path)

    async with csms.over_tls(password=csms.key) as station:
        assert await station.is_alive()
    assert (await get(csms)).trust.next_profile is SecurityProfile.TLS_CERTIFICATE
    assert await is_let_in(csms, context)
    known = await get(csms)
    assert known.security_profile is SecurityProfile.TLS_CERTIFICATE
    assert known.trust.next_profile is None
    assert await refused(csms, None, TlsKind.SERVER, password=csms.key) == [
        Verdict.CERTIFICATE_REQUIRED
    ]
    raised = [event for event in csms.store.published if isinstance(event, SecurityProfileRaised)]
    assert [(event.profile, event.stage) for event in raised] == [(3, "in use")]
    connected = [event for event in csms.store.published if isinstance(event, StationConnected)]
    assert [event.security_profile for event in connected] == [2, 3]
    async with csms.store.read() as work:
        deeds = [entry.deed.action for entry in await work.audit.since("default")]
    assert "security_profile.raised" in deeds
    assert "certificate.active" in deeds


async def test_the_key_that_a_station_uses_is_its_key(csms):
    """A01: of two keys that may be the right one the first that is used is, and no other."""
    await set_profile(csms, SecurityProfile.TLS_BASIC)
    new = await pending_key(csms)

    async with csms.over_tls(password=new) as station:
        assert await station.is_alive()
    assert await refused(csms, None, TlsKind.SERVER, password=csms.key) == [Verdict.WRONG_PASSWORD]
    assert (await get(csms)).trust.next_key_hash is None
    rotated = [event for event in csms.store.published if isinstance(event, KeyRotated)]
    assert [(event.stage, bool(event.reason)) for event in rotated] == [("in use", True)]


async def test_a_station_that_goes_on_with_its_old_key_keeps_it(csms):
    await set_profile(csms, SecurityProfile.TLS_BASIC)
    new = await pending_key(csms)

    async with csms.over_tls(password=csms.key):
        pass
    rotated = [event for event in csms.store.published if isinstance(event, KeyRotated)]
    assert [(event.stage, event.reason) for event in rotated] == [
        ("given up", "the station goes on with its old key")
    ]
    assert await refused(csms, None, TlsKind.SERVER, password=new) == [Verdict.WRONG_PASSWORD]
    async with csms.over_tls(password=csms.key):
        pass


async def test_a_station_that_has_to_reboot_first_may_use_either_key(csms):
    await set_profile(csms, SecurityProfile.TLS_BASIC)
    new = await pending_key(csms, next_key_after_reboot=True)

    for password in (csms.key, csms.key, new):
        async with csms.over_tls(password=password):
            pass
    assert await refused(csms, None, TlsKind.SERVER, password=csms.key) == [Verdict.WRONG_PASSWORD]


async def pending_key(csms, **changes):
    """A key whose answer was lost."""
    hashed = (await get(csms)).key_hash
    new = await csms.security.rotate_key(STATION)
    next_hash = (await get(csms)).key_hash
    async with csms.store.begin() as work:
        await work.stations.set_key(STATION, hashed)
    await trust(csms, STATION, next_key_hash=next_hash, next_key_at=clock(), **changes)
    return new
