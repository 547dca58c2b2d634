"""`voltkeep campaign` for firmware, as one types it."""

import pytest

from voltkeep.domain.campaigns import CampaignState
from voltkeep.domain.identity import DEFAULT_TENANT


@pytest.fixture
def image(voltkeep):
    voltkeep.ok("firmware", "add", "v2.1", "--url", "https://maker.example/station-2.1.bin")
    for name in ("CS-01", "CS-02", "CS-03"):
        voltkeep.ok("station", "add", name)


def start(voltkeep, *args):
    return voltkeep("campaign", "start", "firmware", "v2.1", *args, "--json")


def test_firmware_is_sent_through_a_fleet(voltkeep, image):
    started = start(
        *(voltkeep, "--all", "--to", "2.1.0", "--canaries", "40%", "--canary-failures", "1"),
        *("--ask", "--window", "22:00-04:30", "--until", "2040-01-01", "--halt-percent", "5"),
        *("--attempts", "2", "--install-at", "2039-01-01T00:00:00Z"),
    ).json

    assert (started["state"], started["kind"]) == ("running", "firmware")
    assert started["firmware"]["version"] == "2.1.0"
    assert started["window"] == {"begin": "22:00:00", "end": "04:30:00"}
    shown = voltkeep.ok("campaign", "show", started["id"], "--json").json
    assert (shown["stations"]["waiting"], shown["canaries_so_far"]) == (3, {"waiting": 2})
    said = voltkeep.ok("campaign", "show", started["id"]).out
    assert "firmware v2.1 (2.1.0)" in said
    assert "3 failures or 5 % of failures, 0 of 0 so far" in said
    assert "firmware v2.1" in voltkeep.ok("campaign", "list").out


def test_a_campaign_that_is_paused_says_how_it_goes_on(voltkeep, image):
    id = start(voltkeep, "CS-01", "CS-02", "--canaries", "1").json["id"]

    async def pause(app):
        campaigns = app.services.campaigns
        campaign = (await campaigns.progress(DEFAULT_TENANT, id)).campaign
        async with app.store.begin() as work:
            await campaigns._walk.change(work, campaign, CampaignState.PAUSED)

    assert voltkeep("campaign", "go-on", id).code == 1
    voltkeep.inside(pause)
    assert f"go-on {id}" in voltkeep.ok("campaign", "show", id).err
    assert "goes on" in voltkeep.ok("campaign", "go-on", id).out


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ([], 2),
        (["--all", "--model", "One"], 2),
        (["CS-01", "--site", "north"], 2),
        (["--vendor", "Nobody"], 3),
        (["NO"], 3),
        (["--all", "--canaries", "some"], 2),
        (["--all", "--canaries", "-1"], 2),
        (["--all", "--canaries", "101%"], 2),
        (["--all", "--canaries", "nan%"], 2),
        (["--all", "--ask"], 2),
        (["--all", "--window", "22:00"], 2),
        (["--all", "--window", "22:00-22:00"], 2),
        (["--all", "--window", "22:00+01:00-23:00"], 2),
        (["--all", "--until", "2020-01-01"], 2),
    ],
)
def test_a_campaign_that_cannot_be_is_refused(voltkeep, image, args, code):
    assert start(voltkeep, *args).code == code
    assert voltkeep.ok("campaign", "list", "--json").json == []


def test_an_image_has_to_be_there(voltkeep, image):
    assert voltkeep("campaign", "start", "firmware", "v9", "--all").code == 3
