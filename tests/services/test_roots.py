"""The roots of stations, and those we trust (whitepaper M03-M05; 2.x M03-M05)."""

from datetime import timedelta

import pytest

from tests.services.authority import BEGAN, authority, key, root
from voltkeep.domain.certificates import HashAlgorithm, HashData, RootUse
from voltkeep.domain.commands import (
    CertificatesTold,
    DeleteCertificate,
    GetInstalledCertificates,
    InstallCertificate,
    Outcome,
)
from voltkeep.domain.events import RootsChanged
from voltkeep.domain.identity import StationId, station_id
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services.authority import BadCertificate
from voltkeep.services.ports import CommandUnfit, StationOffline, StationSilent
from voltkeep.services.provisioning import UnknownStation
from voltkeep.services.roots import RootService, UnknownRoot, UnsafeDeletion
from voltkeep.store import MemoryStore

ONE = station_id("CS-1")
EVERYWHERE = StationId(ONE.tenant, "")
YES, NO = Outcome(accepted=True, status="Accepted"), Outcome(accepted=False, status="Failed")


class Yard:
    """The service with its database in memory, and a station that answers as it is told to."""

    def __init__(self):
        self.store = MemoryStore()
        self.answers = {}
        self.sent = []
        self.service = RootService(
            self.store.begin, self.store.read, self, authority(), lambda: BEGAN + timedelta(days=1)
        )

    async def send(self, station, command, timeout=None):
        self.sent.append(command)
        answer = self.answers.get(type(command), YES)
        if isinstance(answer, Exception):
            raise answer
        return answer(command) if callable(answer) else answer

    def lists(self, *said):
        """What the station says it has: uses and hash data."""
        told = CertificatesTold(tuple(said))
        self.answers[GetInstalledCertificates] = Outcome(
            accepted=True, status="Accepted", told=told
        )

    async def installed(self, use=RootUse.CSMS_ROOT, **options):
        return await self.service.installed(ONE, use, **options)

    async def deeds(self):
        async with self.store.read() as work:
            entries = await work.audit.since(ONE.tenant)
        return [(entry.deed.action, entry.deed.result) for entry in entries]


@pytest.fixture
async def yard():
    yard = Yard()
    async with yard.store.begin() as work:
        await work.stations.add(
            Station(id=ONE, created_at=BEGAN, security_profile=SecurityProfile.TLS_BASIC)
        )
    return yard


def hashed(pem, algorithm=HashAlgorithm.SHA256):
    return authority().hash_data(pem, algorithm)


async def test_our_own_root_is_installed_as_the_csms_root(yard):
    assert (await yard.service.install_own(ONE)).accepted

    assert yard.sent == [
        InstallCertificate(use=RootUse.CSMS_ROOT, certificate=authority().root.pem)
    ]
    (known,) = await yard.installed(refresh=False)
    assert (known.state, known.fingerprint) == ("installed", authority().root.fingerprint)
    assert await yard.deeds() == [("root.installed", "done")]


async def test_a_root_is_sent_with_lf_and_nothing_around_it(yard):
    """A00.FR.507."""
    pem = root()

    await yard.service.install(ONE, RootUse.MANUFACTURER_ROOT, "\r\n" + pem.replace("\n", "\r\n"))

    assert yard.sent[0].certificate.strip() == pem.strip()
    assert "\r" not in yard.sent[0].certificate


@pytest.mark.parametrize(
    "pem",
    [
        root(days=0.5),
        root(at=BEGAN + timedelta(days=3)),
        root(is_ca=False),
        root(signed_by=key("rsa1024")),
        root() + root(),
        "no PEM",
        root() + "A" * 20_000,
    ],
    ids=["expired", "not yet", "no authority", "weak", "two", "nonsense", "huge"],
)
async def test_what_cannot_be_right_is_sent_only_if_an_operator_insists(yard, pem):
    """Hostile row 65."""
    with pytest.raises(BadCertificate):
        await yard.service.install(ONE, RootUse.CSMS_ROOT, pem)
    assert yard.sent == []

    await yard.service.install(ONE, RootUse.CSMS_ROOT, pem, force=True)
    assert yard.sent[0].certificate == pem


async def test_what_the_station_did_not_take_is_kept_with_the_reason(yard):
    """M05.FR.03, 04, 06."""
    yard.answers[InstallCertificate] = NO
    await yard.service.install(ONE, RootUse.CSMS_ROOT, root())

    (known,) = await yard.installed(refresh=False)
    assert (known.state, known.problem) == ("failed", "it answered Failed")
    assert await yard.deeds() == [("root.installed", "it answered Failed")]


async def test_a_root_that_is_there_stays_there_when_it_is_refused_the_second_time(yard):
    pem = root()
    await yard.service.install(ONE, RootUse.CSMS_ROOT, pem)
    yard.answers[InstallCertificate] = NO
    await yard.service.install(ONE, RootUse.CSMS_ROOT, pem)

    assert [known.state for known in await yard.installed(refresh=False)] == ["installed"]


@pytest.mark.parametrize(
    ("failure", "state"), [(StationOffline(), "failed"), (StationSilent(), "sent")]
)
async def test_an_answer_that_is_lost_leaves_it_open(yard, failure, state):
    yard.answers[InstallCertificate] = failure
    with pytest.raises(type(failure)):
        await yard.service.install(ONE, RootUse.CSMS_ROOT, root())

    assert [known.state for known in await yard.installed(refresh=False)] == [state]


async def test_the_list_of_the_station_replaces_ours_letter_by_letter(yard):
    """M03.FR.04; whitepaper 6.1: without case, and the serial number without leading zeros."""
    pem, gone = root(), root()
    await yard.service.install(ONE, RootUse.CSMS_ROOT, pem)
    await yard.service.install(ONE, RootUse.CSMS_ROOT, gone)
    ours, stranger = hashed(pem), HashData(HashAlgorithm.SHA512, "AA", "BB", "0C")
    said = HashData(
        ours.algorithm,
        ours.issuer_name_hash.upper(),
        ours.issuer_key_hash,
        "00" + ours.serial_number.upper(),
    )
    yard.lists(("", said), ("", stranger))

    known = {each.hash_data: each.pem for each in await yard.installed()}

    assert known == {said: pem, stranger: ""}
    async with yard.store.read() as work:
        assert {each.use for each in await work.installed.of(ONE)} == {"CSMSRootCertificate"}


@pytest.mark.parametrize(
    "answer",
    [
        Outcome(accepted=False, status="NotFound"),
        Outcome(accepted=True, status="Accepted", told=CertificatesTold(())),
        Outcome(accepted=True, status="Accepted"),
    ],
)
async def test_a_station_that_lists_nothing_has_nothing(yard, answer):
    """M03.FR.02."""
    await yard.service.install(ONE, RootUse.CSMS_ROOT, root())
    yard.answers[GetInstalledCertificates] = answer

    assert await yard.installed() == []


async def test_one_use_is_listed_without_forgetting_another(yard):
    await yard.service.install(ONE, RootUse.MANUFACTURER_ROOT, root())
    yard.answers[GetInstalledCertificates] = Outcome(accepted=False, status="NotFound")
    await yard.installed(RootUse.CSMS_ROOT)

    assert len(await yard.installed(RootUse.MANUFACTURER_ROOT, refresh=False)) == 1


async def test_a_station_that_is_asked_for_one_use_at_a_time_is_asked_for_each(yard):
    def one_at_a_time(command):
        if command.use is None:
            raise CommandUnfit("say which")
        return Outcome(accepted=False, status="NotFound")

    yard.answers[GetInstalledCertificates] = one_at_a_time
    await yard.installed(None)

    assert [command.use for command in yard.sent] == [
        None,
        RootUse.CSMS_ROOT,
        RootUse.MANUFACTURER_ROOT,
    ]


async def test_a_station_fills_no_database_with_its_list(yard):
    yard.lists(*(("", HashData(HashAlgorithm.SHA256, "a", "b", f"{n:x}")) for n in range(500)))

    assert len(await yard.installed()) == 100


async def test_one_list_twice_is_news_once(yard):
    yard.lists(("", hashed(root())))
    await yard.installed()
    await yard.installed()

    assert sum(isinstance(event, RootsChanged) for event in yard.store.published) == 1


class TestDeletion:
    @pytest.fixture
    async def two(self, yard):
        """A station with our own root and another."""
        self.other = root()
        self.said = [hashed(authority().root.pem), hashed(self.other, HashAlgorithm.SHA384)]
        yard.lists(*(("", said) for said in self.said))
        await yard.installed()
        return yard

    async def test_it_is_named_as_the_station_named_it(self, two):
        """M04.FR.07."""
        outcome = await two.service.delete(ONE, self.said[1].serial_number.upper())

        assert outcome.accepted
        assert two.sent[-1] == DeleteCertificate(hash_data=self.said[1])
        assert len(await two.installed(refresh=False)) == 1

    async def test_the_root_by_which_the_station_trusts_us_stays(self, two):
        """M04.FR.06, and whitepaper M04's advice on the last one."""
        with pytest.raises(UnsafeDeletion):
            await two.service.delete(ONE, self.said[0])
        await two.service.delete(ONE, self.said[1])
        with pytest.raises(UnsafeDeletion):
            await two.service.delete(ONE, self.said[0], force=False)

        assert (await two.service.delete(ONE, self.said[0], force=True)).accepted

    async def test_what_the_station_keeps_is_kept_here_with_the_reason(self, two):
        """M04.FR.03."""
        two.answers[DeleteCertificate] = NO
        await two.service.delete(ONE, self.said[1])

        problems = [each.problem for each in await two.installed(refresh=False)]
        assert sorted(problems) == ["", "it was not deleted: the station answered Failed"]

    async def test_what_the_station_has_not_is_forgotten(self, two):
        """M04.FR.04."""
        two.answers[DeleteCertificate] = Outcome(accepted=False, status="NotFound")
        await two.service.delete(ONE, self.said[1])

        assert len(await two.installed(refresh=False)) == 1

    @pytest.mark.parametrize("which", ["", "nothing", HashData(HashAlgorithm.SHA256, "", "", "")])
    async def test_an_unknown_one_is_not_asked_for(self, two, which):
        with pytest.raises(UnknownRoot):
            await two.service.delete(ONE, which)

    async def test_one_that_was_never_listed_has_no_name_yet(self, yard):
        await yard.service.install(ONE, RootUse.CSMS_ROOT, root())
        (known,) = await yard.installed(refresh=False)

        with pytest.raises(UnknownRoot, match="list"):
            await yard.service.delete(ONE, known.fingerprint)


class TestAnchors:
    async def test_a_foreign_root_is_trusted_until_it_is_not(self, yard):
        anchor = await yard.service.add_anchor(
            EVERYWHERE, RootUse.MANUFACTURER_ROOT, root(), for_clients=True
        )
        assert await yard.service.anchors(station=ONE) == [anchor]

        await yard.service.remove_anchor(EVERYWHERE, anchor.id[:12])

        assert await yard.service.anchors() == []
        assert [action for action, _ in await yard.deeds()] == ["root.trusted", "root.distrusted"]
        assert sum(isinstance(event, RootsChanged) for event in yard.store.published) == 2

    async def test_the_root_of_one_station_counts_for_no_other(self, yard):
        await yard.service.add_anchor(ONE, RootUse.V2G_ROOT, root())

        assert len(await yard.service.anchors(station=ONE)) == 1
        assert await yard.service.anchors(station=station_id("CS-2")) == []

    async def test_only_a_registered_station_has_one(self, yard):
        with pytest.raises(UnknownStation):
            await yard.service.add_anchor(station_id("CS-9"), RootUse.V2G_ROOT, root())

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/b", "http://", "x"])
    async def test_revocation_is_asked_over_http(self, yard, url):
        with pytest.raises(BadCertificate):
            await yard.service.add_anchor(EVERYWHERE, RootUse.V2G_ROOT, root(), crl_url=url)

    async def test_no_authority_is_no_root(self, yard):
        with pytest.raises(BadCertificate):
            await yard.service.add_anchor(EVERYWHERE, RootUse.V2G_ROOT, root(is_ca=False))

    @pytest.mark.parametrize("id", ["", "zz"])
    async def test_what_is_not_trusted_cannot_be_removed(self, yard, id):
        await yard.service.add_anchor(EVERYWHERE, RootUse.V2G_ROOT, root())

        with pytest.raises(UnknownRoot):
            await yard.service.remove_anchor(EVERYWHERE, id)
