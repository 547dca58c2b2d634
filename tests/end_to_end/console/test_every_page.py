"""Every page of the console, with the worst that anybody could have filled it with.

Pages are found in the menu and in the tabs of a station: one that is added is tested.
"""

import pytest
import pytest_asyncio
from playwright.async_api import expect
from websockets.exceptions import InvalidStatus

from tests.end_to_end.console.browsing import MOST_SHIFTED, PHONE, addresses, tabs
from tests.end_to_end.console.wire import wire

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME = "HOSTILE-1"
IMAGE = "<img src=//evil.example/x onerror=alert(1)>"
SHORT = "<svg/onload=alert()>"  # as much as OCPP 1.6 gives a vendor, a model or a card
BREAKS_OUT = "\"'></textarea></script><script src=//evil.example/x></script>"
HREF = "javascript:alert(1)//{{7*7}}${7*7}"
LONG = "W" * 48  # what has no place to break

_STRANGE = """() => [...document.querySelectorAll("*")].filter((each) =>
  [...each.attributes].some(({ name, value }) => name.startsWith("on")
    || name === "style" && !each.closest(".uplot, .leaflet-container, #tiles, [data-chart]")
    || ["href", "src", "action", "data", "srcset"].includes(name)
      && /^\\s*(javascript|vbscript|data:text|https?:|\\/\\/)/i.test(value)
      && !value.startsWith(location.origin))
).map((each) => each.outerHTML.slice(0, 200))"""


async def say_it_all(station):
    """What a station may say in words of its own, over OCPP 1.6."""
    await station.say(
        "BootNotification",
        chargePointVendor=SHORT,
        chargePointModel=SHORT,
        chargePointSerialNumber=SHORT,
        firmwareVersion=IMAGE,
        iccid=SHORT,
        imsi=SHORT,
        meterType=SHORT,
        meterSerialNumber=SHORT,
    )
    said = {"info": IMAGE, "vendorErrorCode": IMAGE, "vendorId": BREAKS_OUT}
    await station.status("Charging", 1)
    await station.status("Faulted", 2, **said | {"errorCode": "OtherError"})
    await station.say("Authorize", idTag=SHORT)
    started = await station.say(
        "StartTransaction",
        connectorId=1,
        idTag="DEADBEEF",
        meterStart=0,
        timestamp="2026-01-01T00:00:00Z",
    )
    sampled = [{"value": "7000", "measurand": "Power.Active.Import", "unit": "W"}]
    values = [{"timestamp": "2026-01-01T00:01:00Z", "sampledValue": sampled}]
    number = started["transactionId"]
    await station.say("MeterValues", connectorId=1, transactionId=number, meterValue=values)
    event = {"type": IMAGE, "timestamp": "2026-01-01T00:00:00Z", "techInfo": BREAKS_OUT}
    await station.say("SecurityEventNotification", **event)
    await station.say("DataTransfer", vendorId=IMAGE, messageId=SHORT, data=BREAKS_OUT)


async def fill_in(client):
    """What people may write where others read it."""
    for address, body in (
        ("/sites", {"id": "evil", "name": IMAGE, "latitude": 52.0, "longitude": 13.0}),
        ("/stations", {"id": NAME, "site": "evil", "note": IMAGE, "security_profile": 1}),
        ("/stations", {"id": LONG, "note": HREF, "security_profile": 2}),
        ("/tokens", {"value": "NOTED", "note": IMAGE, "group": BREAKS_OUT}),
        ("/users", {"name": "<b>eve</b>", "role": "viewer", "password": "seven green trams"}),
        ("/api-keys", {"name": IMAGE, "scopes": ["stations:read"]}),
    ):
        answer = await client.post(address, json=body)
        assert answer.status_code in {201, 422}, (address, answer.text)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def filled(console):
    """The console of a fleet in which everything that can be said is hostile."""
    async with console.api() as client:
        await fill_in(client)
        key = (await client.post(f"/stations/{NAME}/key")).json()["key"]
    async with wire(console.server.urls[1], NAME, bytes.fromhex(key)) as station:
        await say_it_all(station)
        console.hostile = station
        yield console


async def of_the_menu(window):
    return ["/sign-in", *await addresses(window)]


async def of_a_station(window):
    return [*await tabs(window, NAME), f"/stations/{LONG}"]


async def every_address(window):
    """All pages that there are."""
    return [*await of_the_menu(window), *await of_a_station(window)]


async def test_what_anybody_said_is_only_text(filled):
    """Part G, 67: no dialog, nothing from elsewhere, no script; the window says if there was."""
    strange: dict[str, list[str]] = {}
    async with filled.window() as window:
        for address in await every_address(window):
            answer = await window.go(address)
            assert answer.status == 200, address
            await window.is_live()
            if found := await window.page.evaluate(_STRANGE):
                strange[address] = found
            assert not window.trouble, address
        await window.go(f"/stations/{NAME}")
        for text in (SHORT, IMAGE):
            await expect(window.page.get_by_text(text).first).to_be_visible()
        await window.go("/stations?prefix=HOSTILE")
        await expect(window.page.locator("#list").get_by_text(IMAGE).first).to_be_visible()
    assert strange == {}


async def test_what_a_station_says_under_an_open_page_is_only_text(filled):
    async with filled.window() as window:
        page = window.page
        await window.go("/fleet")
        await window.is_live()
        await expect(page.locator("#tiles .tile", has_text=NAME).first).to_be_visible()
        await filled.hostile.status("Faulted", 3, errorCode="OtherError", info=IMAGE)
        await expect(page.locator("#tiles .tile", has_text=f"{NAME} · 3")).to_be_visible()
        await window.go("/connect")
        await window.is_live()
        with pytest.raises(InvalidStatus):
            async with wire(filled.server.urls[1], SHORT.replace("/", " ")):
                pass
        await expect(page.locator("#console li").first).to_contain_text("Refused")
        assert await page.evaluate(_STRANGE) == []


@pytest.mark.parametrize("part", [of_the_menu, of_a_station])
@pytest.mark.parametrize("look", ["light", "dark"])
async def test_axe_finds_nothing(filled, look, part):
    """Every rule of WCAG 2.2 AA; once more the contrasts, where it is dark."""
    barriers: dict[str, str] = {}
    rules = () if look == "light" else ("color-contrast",)
    async with filled.window(color_scheme=look) as window:
        for address in await part(window):
            await window.go(address)
            await window.is_live()
            for barrier in await window.barriers(*rules):
                barriers.setdefault(barrier, address)  # many pages share a mistake
    assert not barriers, "\n".join(f"{at}: {barrier}" for barrier, at in barriers.items())


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
async def test_nothing_stands_out_of_a_phone_and_nothing_moves(filled, locale):
    wide: dict[str, object] = {}
    moved: dict[str, float] = {}
    phone = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "locale": locale}
    async with filled.window(**phone) as window:
        for address in await every_address(window):
            await window.go(address)
            await window.is_live()
            if await window.overflow() > 0:
                wide[address] = (await window.overflow(), await window.too_wide())
            if (shifted := await window.shifted()) > MOST_SHIFTED:
                moved[address] = shifted
    assert (wide, moved) == ({}, {})


async def test_axe_finds_nothing_in_the_dialogs(filled):
    barriers: dict[str, str] = {}
    async with filled.window() as window:
        for address in await every_address(window):
            await window.go(address)
            ids = await window.page.locator("dialog[id]").evaluate_all(
                "all => all.map(each => each.id).filter(id => id != 'help' && id != 'over')"
            )
            for id in ids if address != "/stations" else [*ids, "help", "over"]:
                await window.page.evaluate("id => document.getElementById(id).showModal()", id)
                for barrier in await window.barriers():
                    barriers.setdefault(barrier, f"{address}#{id}")
                await window.page.evaluate("id => document.getElementById(id).close()", id)
    assert not barriers, "\n".join(f"{at}: {barrier}" for barrier, at in barriers.items())


async def test_nothing_moves_on_a_desk(filled):
    moved: dict[str, float] = {}
    async with filled.window() as window:
        for address in await every_address(window):
            await window.go(address)
            await window.is_live()
            if (shifted := await window.shifted()) > MOST_SHIFTED:
                moved[address] = shifted
    assert moved == {}
