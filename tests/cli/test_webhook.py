"""`voltkeep webhook`: endpoints of others, from a shell."""

import json

import pytest

from voltkeep.domain.identity import DEFAULT_TENANT

URL = "https://billing.example.com/hook"


@pytest.fixture
def webhook(voltkeep):
    made = voltkeep.ok("webhook", "add", URL, "--type", "station.*", "--json").json
    return voltkeep, made


def test_a_secret_is_told_once(webhook):
    voltkeep, made = webhook
    assert made["secret"].startswith("whsec_")

    shown = voltkeep.ok("webhook", "show", made["id"], "--json").json
    assert "secret" not in shown
    assert (shown["url"], shown["types"], shown["state"]) == (URL, ["station.*"], "enabled")
    assert made["secret"] not in json.dumps(voltkeep.ok("audit", "list", "--json").json)

    new = voltkeep.ok("webhook", "rotate", made["id"], "--json").json
    assert new["secret"] != made["secret"]
    assert new["old_secret_until"] is not None


def test_a_webhook_is_switched_off_and_on_and_removed(webhook):
    voltkeep, made = webhook
    off = voltkeep.ok("webhook", "disable", made["id"], "--json").json
    assert (off["state"], off["reason"]) == ("disabled", "by an operator")
    assert voltkeep.ok("webhook", "enable", made["id"], "--json").json["reason"] is None

    assert voltkeep("webhook", "remove", made["id"]).code == 2
    voltkeep.ok("webhook", "remove", made["id"], "--yes")
    assert voltkeep.ok("webhook", "list", "--json").json == []
    assert voltkeep("webhook", "show", made["id"]).code == 3


def test_nothing_was_sent_yet(webhook):
    voltkeep, made = webhook
    assert voltkeep.ok("webhook", "deliveries", made["id"], "--json").json == []
    again = voltkeep.ok(
        "webhook", "redeliver", made["id"], "--failed-since", "2026-01-01", "--json"
    )
    assert again.json == {"count": 0}


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("add", "http://127.0.0.1/"), 2),
        (("add", URL, "--type", "station.exploded"), 2),
        (("add", URL, "--type", "energy.metered"), 2),
        (("show", "wh_none"), 3),
        (("redeliver", "wh_none"), 2),
        (("redeliver", "wh_none", "1.wh_none"), 3),
        (("deliveries", "wh_none", "--state", "lost"), 2),
    ],
)
def test_what_makes_no_sense_is_said(voltkeep, args, code):
    result = voltkeep("webhook", *args)

    assert result.code == code
    assert result.err.startswith("Error: ")


def test_people_are_told_in_tables(webhook):
    voltkeep, made = webhook
    listed = voltkeep.ok("webhook", "list").lines
    assert made["id"] in listed[1]
    shown = voltkeep.ok("webhook", "show", made["id"]).out
    assert URL in shown

    async def kept(app):
        return await app.services.webhooks.get(DEFAULT_TENANT, made["id"])

    assert voltkeep.inside(kept).created_by
