"""The system page: who sees it, what it says in words, and what to do."""

import re
from datetime import timedelta

import pytest
from msgspec import structs

from tests.web.api.people import active, browser_of, setup
from tests.web.api.test_vitals import NOON, Watched
from tests.web.pages.forms import check_forms
from tests.web.pages.test_rendering import see
from voltkeep.config import fields
from voltkeep.domain.accounts import Permission, Role
from voltkeep.web.api.vitals import Vitals
from voltkeep.web.condition import RETENTION, DiskOut, EndOut
from voltkeep.web.pages.system import KEPT, checks, size


@pytest.fixture
def watched(api):
    watched = Watched()
    api.app.state.vitals = Vitals(
        metrics=None,
        troubles=watched._troubles,
        allowed=(),
        condition=watched.condition,
        origins=dict.fromkeys(fields(), "default") | {"http": "flag --http"},
    )
    return watched


def test_every_kind_of_record_has_words():
    assert KEPT.keys() == set(RETENTION)
    assert set(RETENTION) == {name for name in fields() if name.endswith("_retention_days")}


async def test_only_who_may_read_the_settings_of_the_installation_sees_it(api, watched):
    ada = await setup(api)
    operator = await active(api, ada, "otto", Role.OPERATOR)
    engineer = await active(api, ada, "erna", Role.ENGINEER)
    of_tenant = api.by(await api.key(Permission.READ_SETTINGS, tenant="default"))

    text = (await see(ada, "/system")).text
    check_forms(api, text)
    assert 'href="/system"' in text
    for other in (operator, of_tenant):
        answer = await see(other, "/system")
        assert answer.status_code == 403
        assert 'href="/system"' not in answer.text
    assert (await see(engineer, "/system")).status_code == (
        await engineer.get("/system")
    ).status_code
    assert (await see(browser_of(api), "/system")).status_code == 303


async def test_it_says_what_runs_what_waits_and_where_settings_come_from(api, watched):
    ada = await setup(api)
    watched.lag.note(0.0125)
    text = (await see(ada, "/system")).text

    for said in (
        "SQLite 3.40",
        "5.0 MB",
        "at most 12.5 ms in the last minute",
        "3 of at most 100",
        "wrong password: 2",
        "30 days",
        "for ever",
        "VACUUM INTO",
        "<strong>flag --http</strong>",
        "not open",
    ):
        assert said in text, said
    for each in fields():
        assert f'id="setting-{each}"' in text
    assert "pepper" not in text


async def test_a_database_that_is_away_is_said_to_be_and_what_to_do(api, watched):
    ada = await setup(api)
    watched.is_away = True
    watched.troubles = ["the database is away: no route"]
    text = (await see(ada, "/system")).text

    assert "It is away" in text
    assert "the database is away: no route" in text
    assert "stations are told to try again" in text


async def test_what_is_wrong_comes_first_and_says_what_to_do(watched):
    found = await watched.condition.look()
    now = found.certificates[0].not_after - timedelta(days=100)
    found = structs.replace(
        found,
        listeners=[],
        disk=DiskOut(path="/", total_bytes=10**12, free_bytes=5 * 10**11),
    )
    well = checks(found, now)
    assert all(each.is_well for each in well)

    for change, name in (
        ({"disk": DiskOut(path="/", total_bytes=10**12, free_bytes=10**10)}, "disk"),
        ({"troubles": ["no"]}, "database"),
        ({"certificates": [EndOut(kind="server", not_after=NOON)]}, "certificate"),
        ({"queues": structs.replace(found.queues, rows_dropped=1)}, "Storing"),
        ({"queues": structs.replace(found.queues, webhook_deliveries=5000)}, "webhooks"),
        ({"queues": structs.replace(found.queues, events_untold=5000)}, "events"),
        ({"connections": structs.replace(found.connections, connected=95)}, "more stations"),
        ({"event_loop": structs.replace(found.event_loop, worst_ms=800.0)}, "event loop"),
    ):
        at = NOON if "certificates" in change else now
        made = checks(structs.replace(found, **change), at)
        assert name in made[0].name
        assert made[0].name in [each.name for each in well]
        assert not re.search(r"\b(is|are|does|answers|no|nobody)\b", made[0].name, re.IGNORECASE)
        assert [each.is_well for each in made[:2]] == [False, True], name
        assert made[0].do


def test_sizes_have_units():
    assert [size(each) for each in (None, 0, 1500, 48 * 10**6, 2 * 10**9)] == [
        "–",
        "0.0 kB",
        "1.5 kB",
        "48.0 MB",
        "2.0 GB",
    ]
