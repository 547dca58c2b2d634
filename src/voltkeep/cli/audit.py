"""`voltkeep audit`: who did what, and the proof that nobody changed it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.text import count, escape, instant

if TYPE_CHECKING:
    from voltkeep.domain.audit import AuditEntry
    from voltkeep.domain.identity import TenantId
    from voltkeep.services.audit import Head

group = typer.Typer(
    help="Read the audit log: who did what, chained so that no change of it stays unseen.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@command(group, "list", examples=("audit list --object CS-1", "audit list --since 2026-01-01"))
async def list_(
    run: Run,
    *,
    since: Annotated[
        datetime | None, typer.Option(formats=_TIMES, help="What was done since then, UTC.")
    ] = None,
    object_: Annotated[
        str, typer.Option("--object", metavar="TEXT", help="What was done to what is called so.")
    ] = "",
    actor: Annotated[str, typer.Option(metavar="NAME", help="What this one did.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest.")] = 100,
    tenant: Tenant = "default",
) -> None:
    """Who did what, the newest last."""
    async with run.app() as app:
        entries = await app.services.audit.entries(
            _tenant(tenant),
            since=None if since is None else since.replace(tzinfo=UTC),
            about=object_,
            actor=actor,
            limit=limit,
        )
    if run.out.as_json:
        run.out.data([_plain(entry) for entry in entries])
        return
    if not entries:
        run.out.say("Nothing was done, as far as the log and these options say.")
        return
    run.out.table(
        ("SEQ", "AT", "WHO", "DID", "TO", "BEFORE", "AFTER", "RESULT"),
        [
            (
                str(entry.seq),
                instant(entry.at),
                f"{entry.actor.kind} {entry.actor.name}",
                entry.deed.action,
                entry.deed.object,
                entry.deed.before,
                entry.deed.after,
                Cell(entry.deed.result, ""),
            )
            for entry in entries
        ],
    )


@command(group, "verify", examples=("audit verify", "audit verify --head 42:9f86d081…"))
async def verify(
    run: Run,
    tenant: Annotated[
        str | None, typer.Option(metavar="TENANT", help="Of which tenant; else of each.")
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            metavar="SEQ:HASH", help="Where the log ended once, as `audit head` or a log said."
        ),
    ] = None,
) -> None:
    """Look whether every entry is as it was written, and none is missing. Exits with 1 if not.

    Only --head shows that the end was cut off, or that all of it was written anew: keep what
    `voltkeep audit head` says elsewhere. The server logs it every hour.
    """
    known = None if head is None else _head(head)
    chosen = tenant if tenant is not None else ("default" if known is not None else None)
    async with run.app() as app:
        problems = await app.services.audit.verify(
            None if chosen is None else _tenant(chosen), known=known
        )
        heads = await app.services.audit.heads()
    if run.out.as_json:
        run.out.data({"problems": problems, "heads": [_plain_head(each) for each in heads]})
    else:
        for each in problems:
            run.out.line(f"{escape(each.tenant)}, entry {each.seq}: {each.what}.")
    if problems:
        raise Failure(
            f"The audit log was changed: {count(len(problems), 'problem')}.",
            "Compare it with a backup, and find out who can write to the database.",
            ExitCode.FAILED,
        )
    if not run.out.as_json:
        total = sum(each.seq for each in heads if chosen in {None, each.tenant})
        entries = "1 entry" if total == 1 else f"{total} entries"
        run.out.line(f"The audit log is whole: {entries}.")


@command(group, "head")
async def head(run: Run) -> None:
    """Where the log of each tenant ends now. Keep it where nobody who writes here can write."""
    async with run.app() as app:
        heads = await app.services.audit.heads()
    if run.out.as_json:
        run.out.data([_plain_head(each) for each in heads])
        return
    if not heads:
        run.out.say("The audit log is empty.")
        return
    run.out.table(
        ("TENANT", "HEAD", "AT"),
        [(each.tenant, f"{each.seq}:{each.hash}", instant(each.at)) for each in heads],
    )


def _head(text: str) -> "Head":
    from voltkeep.services.audit import Head

    seq, colon, hash_ = text.partition(":")
    if not (colon and seq.isdecimal() and len(hash_) == 64):
        raise Failure(
            "That is no head of an audit log.",
            "Write it as `voltkeep audit head` does: a number, a colon, and 64 digits.",
            ExitCode.USAGE,
        )
    return Head(int(seq), hash_.lower())


def _tenant(name: str) -> "TenantId":
    from voltkeep.domain.identity import station_id

    return station_id("any", name).tenant


def _plain(entry: "AuditEntry") -> dict[str, Any]:
    from msgspec import structs

    plain = structs.asdict(entry)
    plain["actor"] = structs.asdict(entry.actor)
    plain["deed"] = structs.asdict(entry.deed)
    return plain


def _plain_head(entry: "AuditEntry") -> dict[str, Any]:
    return {"tenant": entry.tenant, "seq": entry.seq, "at": entry.at, "hash": entry.hash}
