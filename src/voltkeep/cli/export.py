"""`voltkeep export` and `import`: stations, tokens and transactions as files."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.text import count, escape
from voltkeep.cli.token import tenant_of
from voltkeep.cli.transaction_export import Format

if TYPE_CHECKING:
    from voltkeep.cli.remote import RemoteApp
    from voltkeep.domain.imports import Import

exports = typer.Typer(
    help="Write stations, tokens or transactions to stdout, as CSV or JSON Lines.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
imports = typer.Typer(
    help="Take stations, tokens or transactions in from a file, as `export` writes it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]
Form = Annotated[Format, typer.Option("--format", help="One line a row, either way.")]
File = Annotated[str, typer.Argument(metavar="FILE", help="The file; - is stdin.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say how it would go.")]
_BLOCK = 256 * 1024
_SHOWN = 20  # rows that failed


@command(exports, "stations", examples=("export stations > stations.csv",))
async def export_stations(run: Run, form: Form = Format.CSV, tenant: Tenant = "default") -> None:
    """Every station, in order of its id."""
    await _export(run, "stations", form, tenant)


@command(exports, "tokens", examples=("export tokens --format jsonl > tokens.jsonl",))
async def export_tokens(run: Run, form: Form = Format.CSV, tenant: Tenant = "default") -> None:
    """Every token, in order of its value."""
    await _export(run, "tokens", form, tenant)


@command(exports, "transactions", examples=("export transactions > transactions.csv",))
async def export_transactions(
    run: Run, form: Form = Format.CSV, tenant: Tenant = "default"
) -> None:
    """Every transaction, those heard of last first."""
    await _export(run, "transactions", form, tenant)


async def _export(run: Run, kind: str, form: Format, tenant: str) -> None:
    of, chosen = tenant_of(tenant), "jsonl" if run.out.as_json else form.value
    out = sys.stdout.buffer
    if run.server:
        async with run.remote() as elsewhere:
            method: Any = getattr(elsewhere.client(of), f"export_{kind}")
            async for block in method(format=chosen):
                out.write(block)
        return
    from voltkeep.domain.imports import Format as Written
    from voltkeep.services import exports as services
    from voltkeep.services.lists import StationFilter, TokenFilter, TransactionFilter

    which = {
        "stations": StationFilter(),
        "tokens": TokenFilter(),
        "transactions": TransactionFilter(),
    }[kind]
    async with run.app() as app:
        export: Any = getattr(services, kind)
        async for block in export(app.store.read, of, which, Written(chosen)):
            out.write(block)


@command(imports, "stations", examples=("import stations stations.csv --dry-run",))
async def import_stations(
    run: Run,
    file: File,
    form: Form = Format.CSV,
    dry_run: DryRun = False,
    tenant: Tenant = "default",
) -> None:
    """Register stations, or change those there are. They have no keys: `station rotate-key`."""
    await _import(run, "stations", file, form, tenant, dry_run=dry_run)


@command(imports, "tokens", examples=("import tokens tokens.csv",))
async def import_tokens(
    run: Run,
    file: File,
    form: Form = Format.CSV,
    dry_run: DryRun = False,
    tenant: Tenant = "default",
) -> None:
    """Register tokens, or change those there are."""
    await _import(run, "tokens", file, form, tenant, dry_run=dry_run)


@command(imports, "transactions", examples=("import transactions old.jsonl --format jsonl",))
async def import_transactions(
    run: Run,
    file: File,
    form: Form = Format.CSV,
    dry_run: DryRun = False,
    tenant: Tenant = "default",
) -> None:
    """Keep transactions of another system that are over."""
    await _import(run, "transactions", file, form, tenant, dry_run=dry_run)


async def _import(
    run: Run, kind: str, file: str, form: Format, tenant: str, *, dry_run: bool
) -> None:
    from voltkeep.domain.imports import Format as Written
    from voltkeep.domain.imports import RowKind

    of = tenant_of(tenant)
    if run.server:
        async with run.remote() as elsewhere:
            found: Any = await _import_there(run, elsewhere, of, kind, file, form, dry_run=dry_run)
    else:
        async with run.app() as app:
            service = app.services.imports
            given = await service.give(
                of, RowKind(kind), Written(form.value), _blocks(file), dry_run=dry_run
            )
            found = await service.carry_out(given, lambda each: _progress(run, each))
            while found.state == "running":  # a server beside takes it in
                found = await service.wait(of, found.id, 1)
                _progress(run, found)
    _tell(run, found)


async def _import_there(
    run: Run, elsewhere: "RemoteApp", of: str, kind: str, file: str, form: Format, *, dry_run: bool
) -> Any:
    client = elsewhere.client(of)
    method: Any = getattr(client, f"import_{kind}")
    found = await method(_blocks(file), format=form.value, dry_run=dry_run)
    while found.state == "running":
        found = await client.show_import(found.id, wait=1)
        _progress(run, found)
    return found


async def _blocks(file: str) -> AsyncIterator[bytes]:
    """Raises Failure."""
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as content:  # noqa: ASYNC230  # a shell waits for nothing else
            while block := content.read(_BLOCK):
                yield block
    except OSError as error:
        raise Failure(f"{escape(file)} cannot be read: {error.strerror}.") from error


def _progress(run: Run, found: "Import | Any") -> None:
    """A line that is written over and over, on a terminal."""
    if run.out.as_json or not sys.stderr.isatty():
        return
    share = found.bytes_done / found.size_bytes if found.size_bytes else 1.0
    bar = ("#" * round(30 * share)).ljust(30, ".")
    sys.stderr.write(f"\r[{bar}] {share:4.0%}  {found.rows_done} rows, {found.failed} failed")
    if found.state != "running":
        sys.stderr.write("\n")
    sys.stderr.flush()


def _tell(run: Run, found: "Import | Any") -> None:
    """How it went. Raises Failure if not every row was taken."""
    names = ("id", "kind", "state", "dry_run", "rows_done", "added", "changed", "unchanged")
    if run.out.as_json:
        plain = {name: getattr(found, name) for name in (*names, "failed", "errors", "problem")}
        run.out.data(plain)
    else:
        would = "would be " if found.dry_run else ""
        run.out.line(
            f"{count(found.rows_done, 'row')}: {found.added} {would}added, "
            f"{found.changed} {would}changed, {found.unchanged} unchanged, {found.failed} failed."
        )
        for error in found.errors[:_SHOWN]:
            field = f"{error.field}: " if error.field else ""
            run.out.say(f"Line {error.line}: {escape(field + error.problem)}")
        if found.failed > _SHOWN:
            run.out.say(f"… and {found.failed - _SHOWN} more.")
    if found.state != "done":
        raise Failure(f"The import {found.state}: {escape(found.problem)}.", code=ExitCode.FAILED)
    if found.failed:
        raise Failure(f"{count(found.failed, 'row')} failed; the others were taken.")
