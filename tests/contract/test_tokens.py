"""What every store must do with tokens."""

from tests.contract.samples import OTHER_TENANT, TENANT, after, token

from voltkeep.domain.identity import IdToken


async def test_a_token_is_found_without_regard_to_case_or_kind(store):
    async with store.begin() as work:
        assert await work.tokens.save(TENANT, token("Straße-Ä"))

    async with store.begin() as work:
        for value in ("Straße-Ä", "STRASSE-ä", "strasse-Ä"):
            assert await work.tokens.get(TENANT, IdToken(value, "Central")) == token("Straße-Ä")
            assert await work.tokens.hold(TENANT, IdToken(value)) == token("Straße-Ä")
        assert await work.tokens.get(OTHER_TENANT, IdToken("Straße-Ä")) is None
        assert await work.tokens.hold(TENANT, IdToken("unknown")) is None


async def test_saving_a_token_again_replaces_it(store):
    newer = token("ADA", blocked=False, expires_at=None, group=None, max_active=0, note="")
    async with store.begin() as work:
        assert await work.tokens.save(TENANT, token("ada", created_at=after(-1)))
        assert not await work.tokens.save(TENANT, newer)
        assert await work.tokens.save(OTHER_TENANT, token("ada"))

    async with store.read() as work:
        assert await work.tokens.all(TENANT) == [newer]
        assert await work.tokens.all(OTHER_TENANT) == [token("ada")]


async def test_a_token_is_added_once(store):
    async with store.begin() as work:
        assert await work.tokens.add(TENANT, token("ada"))
        assert not await work.tokens.add(TENANT, token("ADA", note="another"))
        assert await work.tokens.add(OTHER_TENANT, token("ada"))

    async with store.read() as work:
        assert await work.tokens.all(TENANT) == [token("ada")]


async def test_a_token_is_removed_once(store):
    async with store.begin() as work:
        await work.tokens.save(TENANT, token("ada"))
        assert await work.tokens.remove(TENANT, IdToken("ADA"))
        assert not await work.tokens.remove(TENANT, IdToken("ADA"))
        assert await work.tokens.all(TENANT) == []


async def test_tokens_are_listed_by_key_in_pages(store):
    values = ["b", "A", "é", "_", "Z", "0"]
    async with store.begin() as work:
        for value in values:
            await work.tokens.save(TENANT, token(value))

    async with store.read() as work:
        keys = [row.id_token.key for row in await work.tokens.all(TENANT)]
        assert keys == sorted(value.casefold() for value in values)
        page = await work.tokens.all(TENANT, after=keys[1], limit=2)
        assert [row.id_token.key for row in page] == keys[2:4]


async def test_groups_are_counted_blocked_and_renamed_as_a_whole(store):
    async with store.begin() as work:
        for value, group in (("a", "RED"), ("b", "BLUE"), ("c", "RED"), ("d", None)):
            await work.tokens.save(TENANT, token(value, group=group))
        await work.tokens.save(OTHER_TENANT, token("a", group="RED"))

        assert await work.tokens.block_group(TENANT, "RED", blocked=True) == 2
        assert await work.tokens.rename_group(TENANT, "BLUE", "GREEN") == 1

    async with store.read() as work:
        groups = await work.tokens.groups(TENANT)
        assert [(each.name, each.tokens, each.blocked) for each in groups] == [
            ("GREEN", 1, False),
            ("RED", 2, True),
        ]
        assert await work.tokens.groups(TENANT, after="GREEN", limit=1) == groups[1:]
        assert [row.id_token.value for row in await work.tokens.all(TENANT, groups=("RED",))] == [
            "a",
            "c",
        ]
        assert await work.tokens.count(TENANT) == 4
        assert await work.tokens.count(TENANT, groups=("RED", "GREEN")) == 3
        other = await work.tokens.groups(OTHER_TENANT)
        assert [(each.name, each.blocked) for each in other] == [("RED", False)]
