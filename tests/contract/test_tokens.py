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
