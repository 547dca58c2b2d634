"""Orders at a shell: what was asked, what became of it, and what waits."""

import asyncio
import json

from tests.cli.serving import installation
from voltkeep.sim import SimStation, StationSpec

__all__ = ["installation"]  # a fixture

STATION = ("station", "command", "CS-01")
RESET = '{"command": "Reset", "kind": "OnIdle"}'


async def registered(installation, url, name="CS-01", **options):
    """A station that is registered, and may connect."""
    key = (await installation.json("station", "add", name))["key"]
    options = {"version": "2.0.1", "url": url, "password": key} | options
    return SimStation(StationSpec(id=name, **options))


async def test_a_command_at_a_shell_is_an_order_that_others_see(installation):
    async with installation.serving("--json") as server:
        async with await registered(installation, await server.url()) as station:
            await station.booted()
            said = await installation.json(*STATION, "trigger", "heartbeat")
        [listed] = await installation.json("order", "list", "--station", "CS-01")
        shown = await installation.json("order", "show", said["order"]["id"])
        _, audit, _ = await installation.run("audit", "list", "--json")

    assert (said["accepted"], said["status"]) == (True, "Accepted")
    assert said["order"] == listed == shown
    assert (shown["state"], shown["result"], shown["command"]) == ("done", "accepted", "Trigger")
    [message] = shown["messages"]
    assert message["action"] == "TriggerMessage"
    assert message["response"]["status"] == "Accepted"
    assert audit.count('"command.sent"') == 1


async def test_an_order_that_failed_shows_how(installation):
    await installation.json("station", "add", "CS-01")
    code, _, err = await installation.run(*STATION, "reset")
    [order] = await installation.json("order", "list", "--result", "unserved")
    _, shown, _ = await installation.run("order", "show", order["id"])
    waited = await installation.run("order", "wait", order["id"])

    assert (code, "voltkeep serve" in err) == (4, True)
    assert (order["state"], order["messages"]) == ("done", [])
    assert "No running server" in shown
    assert (waited[0], "unserved" in waited[2]) == (4, True)


async def test_an_order_waits_for_a_station_that_comes_later(installation):
    async with installation.serving("--json") as server:
        coming = await registered(installation, await server.url())
        code, _, err = await installation.run(*STATION, "clear-cache", "--queue", "2")
        [order] = await installation.json("order", "list", "--state", "queued")
        async with coming as station:
            await station.booted()
            waited = await installation.json("order", "wait", order["id"], "--timeout", "40")

    assert (code, f"voltkeep order wait {order['id']}" in err) == (0, True)
    assert (waited["id"], waited["result"]) == (order["id"], "accepted")


async def test_an_order_that_waits_is_cancelled_without_a_server(installation):
    await installation.json("station", "add", "CS-01")
    queued = await installation.json(*STATION, "reset", "--queue", "1")
    early = await installation.run("order", "wait", queued["id"], "--timeout", "0.2")
    code, _, said = await installation.run("order", "cancel", queued["id"])
    twice = await installation.run("order", "cancel", queued["id"])
    [order] = await installation.json("order", "list", "--state", "cancelled")

    assert queued["state"] == "queued"
    assert (early[0], "queued" in early[2]) == (4, True)
    assert (code, "is not sent" in said) == (0, True)
    assert (twice[0], "only one that waits" in twice[2]) == (1, True)
    assert order["id"] == queued["id"]


async def test_a_secret_is_shown_to_who_asked_and_kept_nowhere(installation):
    key = "5ecre75ecre75ecre75ecre75ecre75ecre75ecr"
    raw = ("raw", "ChangeConfiguration", json.dumps({"key": "AuthorizationKey", "value": key}))
    async with installation.serving("--json") as server:
        url = await server.url()
        async with await registered(installation, url, version="1.6") as station:
            await station.booted()
            await installation.run(*STATION, *raw, "--force")
        _, shown, _ = await installation.run("order", "list", "--json")

    assert '"***"' in shown
    assert key not in shown
    assert key.encode() not in b"".join(
        each.read_bytes() for each in installation.data.glob("voltkeep.db*")
    )


async def test_who_gives_up_waiting_has_interrupted_the_order(installation):
    async with installation.serving("--json") as server:
        url = await server.url()
        async with await registered(installation, url, misbehave=("silent",)) as station:
            await station.booted()
            process = await installation.start(*STATION, "reset")
            await until_running(installation)
            process.send_signal(2)
            await process.communicate()
            [order] = await installation.json("order", "list")

    assert process.returncode == 130
    assert order["state"] == "interrupted"


async def until_running(installation):
    async with asyncio.timeout(30):
        while not await installation.json("order", "list", "--state", "running"):
            pass  # each look takes a while


async def test_many_stations_are_asked_with_a_result_for_each(installation):
    async with installation.serving("--json") as server:
        url = await server.url()
        await installation.json("station", "add", "CS-03")
        async with (
            await registered(installation, url, "CS-01") as first,
            await registered(installation, url, "CS-02") as second,
        ):
            await first.booted()
            await second.booted()
            code, out, err = await installation.run("order", "bulk", RESET, "--all", "--json")
        [batch] = await installation.json("order", "batches")
        shown = await installation.json("order", "batch", batch["id"])
        ended = await installation.run("order", "batch", batch["id"], "--cancel")
        orders = await installation.json("order", "list", "--batch", batch["id"])

    assert (code, "1 station did not do it" in err) == (1, True)
    assert shown == json.loads(out)
    assert (shown["state"], shown["stations"]) == ("done", 3)
    assert shown["results"] == {"accepted": 2, "offline": 1}
    assert (ended[0], "nothing of it waits" in ended[2]) == (1, True)
    assert {each["station"]: each["result"] for each in orders} == {
        "CS-01": "accepted",
        "CS-02": "accepted",
        "CS-03": "offline",
    }


async def test_a_batch_is_given_now_and_cancelled_where_no_server_runs(installation):
    await installation.json("station", "add", "CS-01")
    given = await installation.json(
        "order", "bulk", RESET, "--prefix", "CS", "--queue", "3", "--no-wait"
    )
    stopped = await installation.json("order", "batch", given["id"], "--cancel")

    assert (given["state"], given["which"]["prefix"]) == ("filling", "CS")
    assert stopped["state"] == "cancelled"


async def test_what_cannot_be_is_said(installation):
    await installation.json("station", "add", "CS-01")
    for words, code, said in (
        (("order", "show", "nope"), 3, "order list"),
        (("order", "cancel", "nope"), 3, "order list"),
        (("order", "batch", "nope"), 3, "order batches"),
        (("order", "list", "--state", "lost"), 2, "interrupted"),
        (("order", "bulk", RESET), 2, "--all"),
        (("order", "bulk", "{", "--all"), 2, "nothing to ask"),
        (("order", "bulk", '{"command": "Explode"}', "--all"), 2, "Explode"),
        ((*STATION, "trigger", "custom", "--name", "x" * 51), 2, "Nothing was sent"),
    ):
        ended = await installation.run(*words)
        assert (ended[0], said in ended[2]) == (code, True), (words, ended)
