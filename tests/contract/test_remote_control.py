"""What every store must do with remote starts and queued commands."""

from msgspec import Raw, structs
from tests.contract.samples import ALPHA, BETA, NOON, OTHER_TENANT, TENANT, TOKEN, after, command

from voltkeep.domain.commands import Outcome, RawCommand, Reset, ResetKind, StartTransaction
from voltkeep.domain.identity import Evse, IdToken


async def test_a_remote_start_is_claimed_once_the_oldest_first(store):
    async with store.begin() as work:
        ids = [await work.remote_starts.open(ALPHA, TOKEN, None, after(n)) for n in range(3)]
        assert ids == sorted(set(ids))
        assert min(ids) > 0

    async with store.begin() as work:
        claim = work.remote_starts.claim
        claimed = [await claim(ALPHA, TOKEN, Evse(1), NOON) for _ in range(4)]
        assert claimed == [*ids, None]


async def test_a_remote_start_is_claimed_by_what_it_asked_for(store):
    async with store.begin() as work:
        number = await work.remote_starts.open(ALPHA, TOKEN, Evse(1, 1), NOON)
        claim = work.remote_starts.claim
        assert await claim(BETA, TOKEN, Evse(1, 1), NOON) is None
        assert await claim(ALPHA, IdToken("other"), Evse(1, 1), NOON) is None
        assert await claim(ALPHA, TOKEN, Evse(2, 1), NOON) is None
        assert await claim(ALPHA, TOKEN, Evse(1, 1), after(1)) is None
        assert await claim(ALPHA, IdToken(TOKEN.value.lower()), Evse(1), NOON) == number
        number = await work.remote_starts.open(ALPHA, TOKEN, Evse(1), NOON)
        assert await claim(ALPHA, TOKEN, None, NOON) == number


async def test_a_remote_start_that_was_withdrawn_is_claimed_by_nobody(store):
    async with store.begin() as work:
        first = await work.remote_starts.open(ALPHA, TOKEN, None, NOON)
        second = await work.remote_starts.open(ALPHA, TOKEN, None, NOON)
        await work.remote_starts.withdraw(ALPHA, first)
        await work.remote_starts.withdraw(BETA, second)
        await work.remote_starts.withdraw(ALPHA, 99)

    async with store.begin() as work:
        assert await work.remote_starts.claim(ALPHA, TOKEN, None, NOON) == second
        assert await work.remote_starts.claim(ALPHA, TOKEN, None, NOON) is None


async def test_a_command_is_stored_whole(store):
    commands = [
        command("raw"),
        command("reset", command=Reset(kind=ResetKind.IMMEDIATE, evse=Evse(1))),
        command("start", command=StartTransaction(remote_start_id=1, id_token=TOKEN)),
    ]
    commands[0].command = RawCommand(action="X", payload=Raw(b'{"a": [1]}'), force=True)
    async with store.begin() as work:
        for each in commands:
            await work.commands.add(each)

    async with store.read() as work:
        for each in commands:
            found = await work.commands.get(TENANT, each.id)
            if isinstance(each.command, RawCommand):
                assert bytes(found.command.payload) == bytes(each.command.payload)
                found.command = each.command
            assert found == each
        assert await work.commands.get(TENANT, "unknown") is None
        assert await work.commands.get(OTHER_TENANT, "raw") is None


async def test_a_command_is_taken_once_the_oldest_first(store):
    async with store.begin() as work:
        for id, seconds in (("b", 1), ("c", 2), ("a", 1), ("d", 3)):
            await work.commands.add(command(id, created_at=after(seconds)))

    async with store.begin() as work:
        assert await work.commands.waiting(after(4))
        taken = await work.commands.take(after(4), limit=3)
        assert [each.id for each in taken] == ["a", "b", "c"]
        assert {each.taken_at for each in taken} == {after(4)}
        assert [each.id for each in await work.commands.take(after(5))] == ["d"]
        assert not await work.commands.waiting(NOON)
        assert await work.commands.take(NOON) == []


async def test_a_command_past_its_time_waits_for_nobody(store):
    async with store.begin() as work:
        await work.commands.add(command(expires_at=after(1)))
        assert await work.commands.waiting(after(0.5))
        assert not await work.commands.waiting(after(1))
        assert await work.commands.take(after(1)) == []


async def test_a_command_that_was_given_up_is_taken_by_nobody(store):
    async with store.begin() as work:
        given_up = command(done_at=NOON, result="given up")
        await work.commands.add(command())
        await work.commands.settle(given_up)
        assert not await work.commands.waiting(NOON)
        assert await work.commands.take(NOON) == []


async def test_a_command_is_kept_as_it_was_settled(store):
    """Without the secrets that it was sent with."""
    async with store.begin() as work:
        await work.commands.add(command(sealed="a secret, encrypted"))
        assert (await work.commands.get(TENANT, "c-1")).sealed == "a secret, encrypted"
        [taken] = await work.commands.take(NOON)
        assert taken.sealed == "a secret, encrypted"
        taken.command = Reset(kind=ResetKind.IMMEDIATE)
        await work.commands.settle(taken)

    async with store.read() as work:
        found = await work.commands.get(TENANT, "c-1")
    assert (found.command, found.sealed) == (taken.command, None)


async def test_a_command_is_settled_with_what_became_of_it(store):
    async with store.begin() as work:
        await work.commands.add(command(station=BETA))
        [taken] = await work.commands.take(NOON)
        taken.done_at, taken.result, taken.error = after(1), "refused", "NotSupported"
        taken.outcome = Outcome(accepted=False, status="No", response=Raw(b'{"status":"No"}'))
        await work.commands.settle(taken)

    async with store.read() as work:
        found = await work.commands.get(TENANT, "c-1")
    assert bytes(found.outcome.response) == b'{"status":"No"}'
    same = {"outcome": None, "command": None}
    assert structs.replace(found, **same) == structs.replace(taken, **same)
