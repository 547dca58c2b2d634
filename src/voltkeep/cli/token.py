"""`voltkeep token`: who may charge."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from voltkeep.domain.authorization import Token
    from voltkeep.domain.identity import IdToken, TenantId

group = typer.Typer(
    help="Say who may charge: RFID cards, and tokens of other kinds.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Value = Annotated[
    str,
    typer.Argument(metavar="TOKEN", help="What the station reads, such as a card's UID."),
]
Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]
Expires = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"],
        help="Until when it may charge, UTC.",
    ),
]
_LONGEST = 255  # OCPP 2.1 IdTokenType.idToken; 1.6 stations can say 20 characters


@command(
    group,
    "add",
    examples=("token add 04A2B3C4D5E680", "token add 04A2B3C4D5E680 --group FLEET --max-active 2"),
)
async def add(
    run: Run,
    value: Value,
    *,
    kind: Annotated[
        str, typer.Option(help="OCPP's word: ISO14443, ISO15693, eMAID, Central, …")
    ] = "ISO14443",
    group: Annotated[
        str | None,
        typer.Option(help="Members of a group may stop each other's transactions."),
    ] = None,
    expires: Expires = None,
    max_active: Annotated[
        int, typer.Option(min=0, help="How many transactions at once; 0 is without limit.")
    ] = 1,
    blocked: Annotated[bool, typer.Option("--blocked", help="Not yet.")] = False,
    note: Annotated[str, typer.Option(help="Whose it is, or anything else.")] = "",
    tenant: Tenant = "default",
) -> None:
    """Let a token charge, or change what is known of it: all of it is written anew."""
    from voltkeep.domain.authorization import Token
    from voltkeep.wiring import now

    token = Token(
        id_token=_id_token(value, kind),
        group=group,
        blocked=blocked,
        expires_at=None if expires is None else expires.replace(tzinfo=UTC),
        max_active=max_active,
        note=note,
        created_at=now(),
    )
    async with run.app() as app:
        is_new = await app.services.authorization.save(tenant_of(tenant), token)
    if run.out.as_json:
        run.out.data(as_plain(token) | {"is_new": is_new})
    else:
        run.out.line(f"Token {value} is {'added' if is_new else 'changed'}.")
    if len(value) > 20 and kind == "ISO14443":
        run.out.say("OCPP 1.6 stations know tokens of up to 20 characters: this one is longer.")


def _id_token(value: str, kind: str = "") -> "IdToken":
    from voltkeep.domain.identity import IdToken

    if not value.strip() or len(value) > _LONGEST or not value.isprintable():
        raise Failure(
            "That is no token.",
            f"Write 1 to {_LONGEST} printable characters, as the station sends them.",
            ExitCode.USAGE,
        )
    return IdToken(value, kind) if kind else IdToken(value)


def tenant_of(name: str) -> "TenantId":
    """Raises BadName."""
    from voltkeep.domain.identity import station_id

    return station_id("any", name).tenant


@command(
    group,
    "set",
    examples=("token set 04A2B3C4D5E680 --group FLEET", "token set 04A2B3C4D5E680 --no-expiry"),
)
async def set_(
    run: Run,
    value: Value,
    *,
    kind: Annotated[str | None, typer.Option(help="OCPP's word: ISO14443, eMAID, …")] = None,
    group: Annotated[
        str | None, typer.Option(help="Into which group; an empty one is none.")
    ] = None,
    expires: Expires = None,
    no_expiry: Annotated[bool, typer.Option("--no-expiry", help="Let it charge for ever.")] = False,
    max_active: Annotated[
        int | None, typer.Option(min=0, help="How many transactions at once; 0: any number.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="Whose it is, or anything else.")] = None,
    tenant: Tenant = "default",
) -> None:
    """Change something of a token; what is not said stays."""
    from msgspec import UNSET

    from voltkeep.services.authorization import TokenEdit

    if expires is not None and no_expiry:
        raise Failure("Until when?", "Say --expires or --no-expiry.", ExitCode.USAGE)
    until = UNSET if expires is None else expires.replace(tzinfo=UTC)
    edit = TokenEdit(
        kind=UNSET if kind is None else kind,
        group=UNSET if group is None else group or None,
        expires_at=None if no_expiry else until,
        max_active=UNSET if max_active is None else max_active,
        note=UNSET if note is None else note,
    )
    async with run.app() as app:
        token = await app.services.authorization.change(tenant_of(tenant), _id_token(value), edit)
    if run.out.as_json:
        run.out.data(as_plain(token))
    else:
        run.out.line(f"Token {token.id_token.value} is changed.")


@command(group, "list")
async def list_(run: Run, tenant: Tenant = "default") -> None:
    """Every token."""
    async with run.app() as app:
        tokens = await app.services.authorization.all(tenant_of(tenant))
    if run.out.as_json:
        run.out.data([as_plain(token) for token in tokens])
        return
    if not tokens:
        run.out.say("No token. Let one charge: `voltkeep token add 04A2B3C4D5E680`.")
        return
    run.out.table(
        ("TOKEN", "KIND", "STATE", "GROUP", "AT ONCE", "EXPIRES", "NOTE"),
        [
            (
                token.id_token.value,
                token.id_token.kind,
                _state(token),
                token.group or "",
                str(token.max_active or "any"),
                instant(token.expires_at),
                token.note,
            )
            for token in tokens
        ],
    )


@command(group, "show")
async def show(run: Run, value: Value, tenant: Tenant = "default") -> None:
    """What is known of a token, and how many transactions it keeps running."""
    id_token, of = _id_token(value), tenant_of(tenant)
    async with run.app() as app:
        token = await app.services.authorization.get(of, id_token)
        async with app.store.read() as work:
            active = await work.transactions.active_with(of, id_token)
    if run.out.as_json:
        run.out.data(as_plain(token) | {"active": active})
        return
    run.out.pairs(
        [
            ("Token", token.id_token.value),
            ("Kind", token.id_token.kind),
            ("State", _state(token)),
            ("Group", token.group or ""),
            ("Charging", f"{active} of {token.max_active or 'any number'} at once"),
            ("Expires", instant(token.expires_at)),
            ("Added", instant(token.created_at)),
            ("Note", token.note),
        ]
    )


def _state(token: "Token") -> Cell:
    from voltkeep.domain.authorization import decide
    from voltkeep.wiring import now

    status = decide(token.id_token, token, now(), active=None).status
    return Cell(status.lower(), "green" if status == "Accepted" else "red")


@command(group, "block")
async def block(run: Run, value: Value, tenant: Tenant = "default") -> None:
    """Let a token charge no more. A transaction that runs goes on until it is stopped."""
    await _set_blocked(run, value, tenant, blocked=True)


@command(group, "unblock")
async def unblock(run: Run, value: Value, tenant: Tenant = "default") -> None:
    """Let a blocked token charge again."""
    await _set_blocked(run, value, tenant, blocked=False)


async def _set_blocked(run: Run, value: str, tenant: str, *, blocked: bool) -> None:
    async with run.app() as app:
        token = await app.services.authorization.block(
            tenant_of(tenant), _id_token(value), blocked=blocked
        )
    if run.out.as_json:
        run.out.data(as_plain(token))
    else:
        run.out.line(f"Token {token.id_token.value} is {'blocked' if blocked else 'let in again'}.")


@command(group, "remove", examples=("token remove 04A2B3C4D5E680 --yes",))
async def remove(
    run: Run,
    value: Value,
    tenant: Tenant = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget a token: it is unknown from now on. Its transactions stay."""
    id_token, of = _id_token(value), tenant_of(tenant)
    async with run.app() as app:
        await app.services.authorization.get(of, id_token)
        run.confirm(value, yes=yes)
        await app.services.authorization.remove(of, id_token)
    if run.out.as_json:
        run.out.data({"token": value, "done": True})
    else:
        run.out.line(f"Token {value} is removed. Its transactions stay.")


def as_plain(token: "Token") -> dict[str, Any]:
    """A token for programs."""
    import msgspec

    plain = msgspec.structs.asdict(token)
    del plain["id_token"]
    return {"token": token.id_token.value, "kind": token.id_token.kind, **plain}
