"""Campaigns of firmware over real connections, with stations that fetch, install and restart."""

import asyncio
import base64
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.gateway.csms import VERSIONS, Csms
from tests.sim.files import http_files
from tests.sim.pki import Authority
from voltkeep.domain.campaigns import CampaignState, FirmwareGoal, Terms
from voltkeep.domain.commands import UpdateFirmware
from voltkeep.domain.identity import DEFAULT_TENANT
from voltkeep.services.lists import StationFilter
from voltkeep.sim import Credentials, SimStation, StationSpec
from voltkeep.wiring import make_services

SPEED = 20.0
IMAGE = b"firmware" * 100
GOAL = FirmwareGoal(image="new", version="2.1.0")
EVERY = StationFilter()


class Fleet:
    """A server, a place with an image, and stations, of which some are bad."""

    def __init__(self, csms, stations):
        self.csms = csms
        self.stations = stations
        self.asked: list[str] = []
        send = csms.stations.send

        async def listening(station, command, timeout=None):
            if isinstance(command, UpdateFirmware):
                self.asked.append(station.name)
            return await send(station, command, timeout)

        csms.stations.send = listening

    @property
    def campaigns(self):
        return self.csms.services.campaigns

    async def start(self, which=EVERY, goal=GOAL, **terms):
        campaign = await self.campaigns.start(DEFAULT_TENANT, goal, which, Terms(**terms))
        self.id = campaign.id

    async def progress(self):
        return await self.campaigns.progress(DEFAULT_TENANT, self.id)

    async def until(self, *states):
        """Move on until the campaign is in one of these states."""
        async with asyncio.timeout(30):
            while True:
                await self.campaigns.move_on()
                progress = await self.progress()
                if progress.campaign.state in states:
                    return progress
                await asyncio.sleep(0.02)

    def restart(self):
        """What is not in the database is forgotten."""
        csms = self.csms
        csms.services = make_services(
            csms.store,
            csms.stations,
            csms.announced.append,
            settings=csms.settings,
            secret=b"pepper",
            authority=None,
            files=None,
        )


def seal(maker):
    """A signature of the maker's over the image (L01.FR.04)."""
    signing = maker.issue("Signing")
    signature = signing.private.sign(IMAGE, ec.ECDSA(hashes.SHA256()))
    return {
        "signature": base64.b64encode(signature).decode(),
        "signing_certificate": signing.pem,
    }


@asynccontextmanager
async def fleet_of(*, bad=(), count=5, versions=VERSIONS, image="station-2.1.0.bin", signed=False):
    maker = Authority("Maker")
    async with Csms() as csms, AsyncExitStack() as stack:
        files = stack.enter_context(http_files())
        files.offered[f"/{image}"] = IMAGE
        await csms.services.firmware.images.add_elsewhere(
            DEFAULT_TENANT, "new", f"{files.url}/{image}", **(seal(maker) if signed else {})
        )
        stations = {}
        for number in range(1, count + 1):
            name = f"CS-{number}"
            await csms.add(name)
            spec = StationSpec(
                id=name,
                version=versions[number % len(versions)].removeprefix("ocpp"),
                url=csms.url("/ocpp"),
                misbehave=(
                    *(("installation-fails",) if name in bad else ()),
                    *(() if signed else ("no-security-extensions",)),
                ),
                credentials=Credentials(manufacturer_roots=maker.pem),
            )
            stations[name] = await stack.enter_async_context(SimStation(spec, SPEED))
        for station in stations.values():
            await station.booted()
        yield Fleet(csms, stations)


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("version", VERSIONS)
async def test_stations_fetch_install_restart_and_are_done(version, signed):
    async with fleet_of(count=2, versions=(version,), signed=signed) as fleet:
        await fleet.start(canaries=1)

        progress = await fleet.until(CampaignState.FINISHED, CampaignState.HALTED)

        assert progress.campaign.reason == ""
        assert progress.counts["done"] == 2
        assert progress.canaries == {"done": 1}
        assert sorted(fleet.asked) == ["CS-1", "CS-2"]
        assert {station.core.firmware for station in fleet.stations.values()} == {"2.1.0"}

        await fleet.start()
        assert (await fleet.until(CampaignState.FINISHED)).counts["skipped"] == 2
        assert len(fleet.asked) == 2


async def test_when_the_canary_fails_the_rest_is_never_asked():
    async with fleet_of(bad=("CS-3",)) as fleet:
        named = ("CS-3", "CS-1", "CS-2", "CS-4", "CS-5")  # the first that is named goes first
        await fleet.start(StationFilter(names=named), canaries=1, at_once=5)

        progress = await fleet.until(CampaignState.HALTED)
        for _ in range(5):
            await fleet.campaigns.move_on()

        assert fleet.asked == ["CS-3"]
        assert "of the canaries, the last CS-3: it said InstallationFailed" in (
            progress.campaign.reason
        )
        assert (progress.counts["failed"], progress.counts["waiting"]) == (1, 4)


async def test_a_campaign_halts_when_one_in_five_fails():
    async with fleet_of(bad=("CS-5",), count=7) as fleet:
        named = tuple(fleet.stations)
        await fleet.start(StationFilter(names=named), at_once=1, halt_after=0, halt_percent=20)

        progress = await fleet.until(CampaignState.HALTED, CampaignState.FINISHED)

        assert progress.campaign.state is CampaignState.HALTED
        assert progress.campaign.reason.startswith("1 station failed of 5")
        assert fleet.asked == ["CS-1", "CS-2", "CS-3", "CS-4", "CS-5"]


async def test_a_restart_of_the_server_in_the_middle_asks_nobody_twice():
    async with fleet_of(count=3) as fleet:
        await fleet.start(at_once=2)
        await fleet.campaigns.move_on()
        assert len(fleet.asked) == 2
        fleet.restart()
        await fleet.campaigns.move_on()
        fleet.restart()

        progress = await fleet.until(CampaignState.FINISHED, CampaignState.HALTED)

        assert progress.counts["done"] == 3
        assert sorted(fleet.asked) == ["CS-1", "CS-2", "CS-3"]


async def test_a_station_that_comes_back_with_other_firmware_has_failed():
    async with fleet_of(count=1, image="station-2.0.9.bin") as fleet:
        await fleet.start(come_back_s=2.0)

        progress = await fleet.until(CampaignState.FINISHED, CampaignState.HALTED)

        [failed] = progress.failed
        assert "2.0.9" in failed.reason or "Installed" in failed.reason
