"""Tokens and groups: who sees them, and what they can do there."""

import re
from datetime import UTC, datetime

from tests.web.api.people import active, browser_of, setup
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from tests.web.pages.test_transactions import begin
from voltkeep.domain.accounts import Permission, Role
from voltkeep.domain.identity import DEFAULT_TENANT, IdToken, Sender, StationId

AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)
PAGES = ("/tokens", "/tokens/CARD", "/unknown-tokens", "/groups", "/groups/FLEET")


async def add(browser, value="CARD", expect=201, **more):
    answer = await browser.post("/tokens", json={"value": value, **more})
    assert answer.status_code == expect, answer.text


async def show(api, value="STRANGE", station="CS-1"):
    sender = Sender(StationId(DEFAULT_TENANT, station), 1, AT)
    await api.services.authorization.authorize(sender, IdToken(value))


def values(text):
    return re.findall(r'<a class="mono" href="/tokens/([^"]+)"', text)


async def test_only_who_may_sees_them(api):
    ada = await setup(api)
    await add(ada, group="FLEET")
    await api.add("CS-1", site="north")
    viewer = await active(api, ada, "vera", Role.VIEWER)
    limited = api.by(await api.key(sites=["north"]))
    await ada.post("/tenants", json={"id": "acme"})
    acme = api.by(await api.key(tenant="acme"))

    for path in PAGES:
        answer = await see(ada, path)
        assert answer.status_code == 200
        assert check_forms(api, answer.text)
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", answer.text)
        for other in (viewer, limited):
            assert (await see(other, path)).status_code == 403
        assert (await see(browser_of(api), path)).status_code == 303
        is_one = path.count("/") == 2
        answer = await see(acme, path)
        assert answer.status_code == (404 if is_one else 200)
        assert is_one or not re.search("CARD|FLEET", answer.text)
    for other in (viewer, limited):
        text = (await see(other, "/stations")).text
        assert 'href="/tokens"' not in text
        assert 'href="/groups"' not in text


async def test_who_may_only_read_is_offered_no_change(api):
    ada = await setup(api)
    await add(ada, group="FLEET")
    await api.add("CS-1")
    await show(api)
    reader = api.by(await api.key(Permission.READ_TOKENS))
    for path in PAGES:
        text = (await see(reader, path)).text
        assert not [each for each in forms(text) if "token" in each]
        assert "<dialog id=" not in text.replace('<dialog id="over"', "").replace(
            '<dialog id="help"', ""
        )
    assert "Its transactions" not in (await see(reader, "/tokens/CARD")).text


async def test_tokens_are_listed_and_filtered(api):
    browser = await setup(api)
    assert "No token yet" in (await see(browser, "/tokens")).text
    await add(browser, group="FLEET", blocked=True)
    await add(browser, "OTHER", expires_at="2026-01-01T00:00:00Z")

    async def found(query):
        answer = await see(browser, f"/tokens?{query}")
        assert answer.status_code == 200, answer.text
        return values(answer.text)

    assert await found("prefix=&group=&blocked=&expires_before=&sort=key") == ["CARD", "OTHER"]
    assert await found("sort=-created_at") == ["OTHER", "CARD"]
    assert await found("prefix=ca") == ["CARD"]
    assert await found("group=FLEET") == ["CARD"]
    assert await found("blocked=false") == ["OTHER"]
    assert await found("expires_before=2026-06-01T00:00:00Z") == ["OTHER"]
    text = (await see(browser, "/tokens?group=none")).text
    assert "No token fits." in text
    assert "/api/v1/exports/tokens?group=none" in text
    for bad in ("blocked=perhaps", "expires_before=2026-06-01T00:00"):
        assert 'class="fault"' in (await see(browser, f"/tokens?{bad}")).text
    assert (await see(browser, "/tokens?sort=odd")).status_code == 400
    text = (await see(browser, "/tokens")).text
    assert "Blocked" in text
    assert "Expired" in text


async def test_more_than_a_page_goes_on(api):
    browser = await setup(api)
    for number in range(52):
        await add(browser, f"T{number:03}", group="MANY")
    for path in ("/tokens?blocked=false", "/groups/MANY"):
        text = (await see(browser, path)).text
        assert len(values(text)) == 50
        (following,) = re.findall(r'class="button" href="(\?[^"]*cursor=[^"]*)"', text)
        rest = path.partition("?")[0] + following.replace("&amp;", "&")
        assert values((await see(browser, rest)).text) == ["T050", "T051"]


async def test_a_token_has_a_page_with_its_transactions(api):
    browser = await setup(api)
    await add(browser, "04A1B2C3D4", group="FLEET", max_active=0, note="Anna's card")
    await api.add("CS-1")
    await begin(api)
    await begin(api, "tx-2", token=IdToken("OTHER"))
    text = (await see(browser, "/tokens/04A1B2C3D4")).text

    assert "/transactions/CS-1/tx-1" in text
    assert "tx-2" not in text
    assert "without limit" in text
    assert 'href="/groups/FLEET"' in text
    assert 'data-confirm="04A1B2C3D4"' in text
    assert "DELETE /api/v1/tokens/{token}" in forms(text)
    version = text.partition('data-if-match="')[2].partition('">')[0].replace("&#34;", '"')
    change = {"kind": "ISO14443", "group": None, "expires_at": None, "max_active": 2, "note": ""}
    headers = {"if-match": version}
    answer = await browser.patch("/tokens/04A1B2C3D4", json=change, headers=headers)
    assert answer.status_code == 200
    assert (await see(browser, "/tokens/none")).status_code == 404
    assert values((await see(browser, "/groups/FLEET")).text) == []


async def test_unknown_tokens_say_where_and_are_registered(api):
    browser = await setup(api)
    await api.add("CS-1")
    assert "Nobody showed a token" in (await see(browser, "/unknown-tokens")).text
    await show(api)
    await show(api)
    assert "Unknown tokens were shown" in (await see(browser, "/tokens")).text
    text = (await see(browser, "/unknown-tokens")).text

    assert '<td class="number">2</td>' in text
    assert 'href="/stations/CS-1"' in text
    assert "POST /api/v1/unknown-tokens/{seen}/adopt" in forms(text)
    (seen,) = re.findall(r'data-seen="(\w+)"', text)
    assert seen in text.partition("data-fill=")[2]
    assert (await browser.delete(f"/unknown-tokens/{seen}")).status_code == 204
    assert seen not in (await see(browser, "/unknown-tokens")).text
    text = (await see(browser, "/unknown-tokens?state=dismissed")).text
    assert seen in text
    assert "data-seen" not in text
    body = {"max_active": 1}
    assert (await browser.post(f"/unknown-tokens/{seen}/adopt", json=body)).status_code == 201
    assert values((await see(browser, "/tokens")).text) == ["STRANGE"]


async def test_groups_are_listed_and_blocked_by_name(api):
    browser = await setup(api)
    assert "No group yet" in (await see(browser, "/groups")).text
    await add(browser, group="FLEET")
    assert 'href="/groups/FLEET"' in (await see(browser, "/groups")).text
    text = (await see(browser, "/groups/FLEET")).text
    assert 'data-confirm="FLEET"' in text
    assert values(text) == ["CARD"]

    answer = await browser.patch("/token-groups/FLEET", json={"blocked": True})
    assert answer.status_code == 200
    text = (await see(browser, "/groups/FLEET")).text
    assert "Unblock the group" in text
    assert "data-confirm" not in text
    assert "Its group is blocked" in (await see(browser, "/tokens/CARD")).text
    assert (await see(browser, "/groups/none")).status_code == 404


async def test_what_anybody_said_is_text_and_any_name_has_a_page(api):
    browser = await setup(api)
    await api.add("CS-1")
    await add(browser, HOSTILE, group=HOSTILE, note=HOSTILE)
    await show(api, "'" + HOSTILE)
    (address,) = values((await see(browser, "/tokens")).text)
    (group,) = re.findall(r'href="(/groups/[^"]+)"', (await see(browser, "/groups")).text)

    for path in ("/tokens", f"/tokens/{address}", "/unknown-tokens", "/groups", group):
        answer = await see(browser, path)
        assert answer.status_code == 200
        assert "&lt;script&gt;" in answer.text
        assert "<script>" not in answer.text
        assert "<img" not in answer.text
