"""Firmware on pages: images, what runs where, and updates."""

from tests.web.api.people import active, setup
from tests.web.api.test_campaigns import booted, fleet
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Role

__all__ = ["fleet"]

UPDATE = {"command": "UpdateFirmware", "image": "new"}


async def test_images_are_listed_with_what_can_be_done(fleet):
    ada = await setup(fleet)
    text = (await see(ada, "/firmware")).text

    assert "https://maker.example/new.bin" in text
    assert "not signed" in text
    assert check_forms(fleet, text) >= 3
    assert {"POST /api/v1/firmware-images", "DELETE /api/v1/firmware-images/{image}"} <= set(
        forms(text)
    )
    assert 'data-upload="/api/v1/firmware-images/{image}/content"' in text
    assert 'data-confirm-as="new"' in text
    assert "/api/v1/firmware-images/{image}/content" in fleet.app.state.schema.document["paths"]


async def test_who_may_not_change_them_is_offered_nothing(fleet):
    ada = await setup(fleet)
    viewer = await active(fleet, ada, "vera", Role.VIEWER)
    nora = await active(fleet, ada, "nora", Role.ENGINEER, sites=["north"])

    text = (await see(viewer, "/firmware")).text
    assert "maker.example" in text
    assert "data-upload" not in text
    assert "firmware-images" not in text
    text = (await see(nora, "/firmware")).text
    assert "maker.example" not in text
    assert "Images are for every site" in text
    assert "data-upload" not in text


async def test_stations_are_counted_by_what_they_run(fleet):
    ada = await setup(fleet)
    nora = await active(fleet, ada, "nora", Role.VIEWER, sites=["north"])
    await booted(fleet, "N1", "2.0 & more")
    await fleet.add("NEW-1")

    text = (await see(ada, "/firmware/versions")).text
    assert "6 stations" in text
    assert 'href="/stations?vendor=Acme&amp;model=One&amp;firmware=2.0+%26+more"' in text
    assert "never said" in text
    text = (await see(nora, "/firmware/versions")).text
    assert "3 stations" in text
    assert "Update them" not in text
    found = (await see(ada, "/stations?vendor=Acme&model=One&firmware=2.0+%26+more")).text
    assert 'href="/stations/N1"' in found
    assert 'href="/stations/N2"' not in found


async def test_updates_are_filtered_and_each_sees_their_own(fleet):
    ada = await setup(fleet)
    nora = await active(fleet, ada, "nora", Role.VIEWER, sites=["north"])
    for name in ("N1", "S1"):
        answer = await ada.post(f"/stations/{name}/commands", json=UPDATE)
        assert answer.status_code < 300, answer.text

    text = (await see(ada, "/firmware")).text
    assert 'href="/stations/N1/files"' in text
    assert 'href="/stations/S1/files"' in text
    text = (await see(nora, "/firmware")).text
    assert 'href="/stations/N1/files"' in text
    assert "/stations/S1" not in text
    assert "/stations/S1" not in (await see(nora, "/firmware/updates")).text
    assert "/stations/S1" not in (await see(ada, "/firmware/updates?site=north")).text
    assert "No update fits" in (await see(ada, "/firmware/updates?state=installed")).text
    assert (await see(ada, "/firmware/updates?state=odd")).status_code == 400


async def test_without_an_image_the_page_teaches(api):
    ada = await setup(api)

    assert "No image yet." in (await see(ada, "/firmware")).text
    assert "There is no station yet." in (await see(ada, "/firmware/versions")).text


async def test_what_an_address_says_is_text(api):
    ada = await setup(api)
    body = {"id": "odd", "url": "https://maker.example/?x=<script>alert(1)</script>"}
    answer = await ada.post("/firmware-images", json=body)
    text = (await see(ada, f"/firmware/updates?station={HOSTILE[:40]}")).text

    assert answer.status_code in {201, 422}
    assert "<script>alert" not in (await see(ada, "/firmware")).text
    assert "<script>alert" not in text
