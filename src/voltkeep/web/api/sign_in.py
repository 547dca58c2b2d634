"""How people sign in and out, and what they change of their own account."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from voltkeep.domain.accounts import Permission
from voltkeep.services.sessions import Visit
from voltkeep.services.sign_in import Credentials, SignedIn
from voltkeep.web.access import Given, Who
from voltkeep.web.api.users import USER_EXAMPLE, Password, UserOut, user_out
from voltkeep.web.auth import ANYBODY, PUBLIC
from voltkeep.web.cookies import check_page, check_private, set_cookie
from voltkeep.web.problems import Asked, Problem

_NAME = Annotated[str, Meta(max_length=1000)]
_CODE = Annotated[str, Meta(max_length=100)]


class Ways(Struct, frozen=True, kw_only=True):
    """How one can sign in here. ``provider`` is what people call the OpenID provider, if any."""

    password: bool
    provider: str | None
    needs_setup: bool


class SignIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who you are. ``code`` is of the second factor's app, or a recovery code."""

    name: _NAME
    password: Password
    code: _CODE | None = None


class Setup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first administrator to be. ``token`` is the end of the link that the server printed."""

    token: Annotated[str, Meta(max_length=1000)]
    name: _NAME
    password: Password


class SignedInOut(Struct, frozen=True, kw_only=True):
    """You are signed in: a cookie came with this. Show ``csrf`` with every change you make."""

    user: UserOut
    csrf: str


class Me(Struct, frozen=True, kw_only=True):
    """Who asks. ``user`` is null for a program; ``csrf`` belongs into `X-Voltkeep-CSRF`."""

    name: str
    user: str | None
    tenant: str
    everywhere: bool
    permissions: tuple[Permission, ...]
    sites: tuple[str, ...] | None
    must_change_password: bool
    csrf: str | None


class OwnPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Your password, and the one that you want."""

    old_password: Password
    new_password: Password


class Proof(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Your password: a browser that was left alone changes nothing."""

    password: Password


class Enrolment(Struct, frozen=True, kw_only=True):
    """What your authenticator app needs: ``uri`` as a QR code, or ``secret`` typed."""

    secret: str
    uri: str


class Code(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What your authenticator app shows."""

    code: _CODE


class RecoveryCodes(Struct, frozen=True, kw_only=True):
    """Each lets you in once when your phone is gone. They are told this once."""

    codes: list[str]


@get("/sign-in", needs=PUBLIC)
async def show_ways(request: Asked, services: Given) -> Ways:
    """How one can sign in here."""
    oidc = request.app.state.oidc
    return Ways(
        password=True,
        provider=oidc.name if oidc is not None else None,
        needs_setup=await services.people.users.is_nobody(),
    )


@post("/sign-in", needs=PUBLIC, status_code=200)
async def sign_in(request: Asked, data: JSONBody[SignIn], services: Given) -> Response[SignedInOut]:
    """Sign in with a password, and a code if you have a second factor."""
    check_private(request)
    check_page(request, None)
    shown = Credentials(data.name, data.password, data.code)
    signed_in = await services.people.sign_in.sign_in(shown, visit(request))
    return _welcome(request, signed_in)


@post("/setup", needs=PUBLIC)
async def set_up(request: Asked, data: JSONBody[Setup], services: Given) -> Response[SignedInOut]:
    """Make the first administrator, with the link that the server printed, and sign in."""
    check_private(request)
    check_page(request, None)
    signed_in = await services.people.sign_in.set_up(
        data.token, data.name, data.password, visit(request)
    )
    return _welcome(request, signed_in, 201)


@post("/sign-out", needs=ANYBODY, status_code=204)
async def sign_out(request: Asked, principal: Who, services: Given) -> Response[None]:
    """Sign out here."""
    if not principal.session:
        raise Problem(409, "an API key has no session to end", code="conflict")
    await services.people.sign_in.sign_out(principal)
    return Response(None, status_code=204, cookies=[set_cookie(request, "", max_age=0)])


@get("/me", needs=ANYBODY)
async def show_me(request: Asked, principal: Who) -> Me:
    """Who you are, and what you may."""
    return Me(
        name=principal.actor.name,
        user=principal.user or None,
        tenant=principal.tenant,
        everywhere=principal.is_everywhere,
        permissions=tuple(sorted(principal.permissions)),
        sites=principal.sites,
        must_change_password=principal.must_change_password,
        csrf=request.auth,
    )


@post("/me/password", needs=ANYBODY, status_code=204)
async def change_own_password(data: JSONBody[OwnPassword], principal: Who, services: Given) -> None:
    """Change your password. You are signed out everywhere else."""
    await services.people.users.change_password(principal, data.old_password, data.new_password)


@post("/me/second-factor", needs=ANYBODY)
async def begin_second_factor(data: JSONBody[Proof], principal: Who, services: Given) -> Enrolment:
    """Have a secret for an authenticator app. It counts once a code of it was confirmed."""
    found = await services.people.users.enrol(principal, data.password)
    return Enrolment(secret=found.secret, uri=found.uri)


@post("/me/second-factor/confirm", needs=ANYBODY, status_code=200)
async def confirm_second_factor(
    data: JSONBody[Code], principal: Who, services: Given
) -> RecoveryCodes:
    """Show that the app works. From now on a code is asked for."""
    return RecoveryCodes(codes=await services.people.users.confirm(principal, data.code))


@post("/me/second-factor/remove", needs=ANYBODY, status_code=204)
async def remove_second_factor(data: JSONBody[Proof], principal: Who, services: Given) -> None:
    """Sign in without a code from now on."""
    await services.people.users.turn_off(principal, data.password)


def visit(request: Asked) -> Visit:
    """From where somebody signs in."""
    address = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    return Visit(address, "".join(each if each.isprintable() else "?" for each in agent))


def _welcome(request: Asked, signed_in: SignedIn, status: int = 200) -> Response[SignedInOut]:
    return Response(
        SignedInOut(user=user_out(signed_in.user), csrf=signed_in.csrf),
        status_code=status,
        cookies=[set_cookie(request, signed_in.token)],
    )


ROUTES = [
    show_ways,
    sign_in,
    set_up,
    sign_out,
    show_me,
    change_own_password,
    begin_second_factor,
    confirm_second_factor,
    remove_second_factor,
]

_EXAMPLE, _EXAMPLE_TOO = "seven green trams", "nine yellow ferries"

EXAMPLES = [
    Ways(password=True, provider="Single sign-on", needs_setup=False),
    SignedInOut(user=USER_EXAMPLE, csrf="5d2c…"),
    SignIn(name="ada@example.com", password=_EXAMPLE, code="492039"),
    Setup(token=_EXAMPLE, name="ada@example.com", password=_EXAMPLE),
    Me(
        name="Ada@example.com",
        user="ada@example.com",
        tenant="default",
        everywhere=False,
        permissions=(Permission.READ_STATIONS,),
        sites=None,
        must_change_password=False,
        csrf="5d2c…",
    ),
    OwnPassword(old_password=_EXAMPLE, new_password=_EXAMPLE_TOO),
    Proof(password=_EXAMPLE),
    Enrolment(secret=_EXAMPLE, uri="otpauth://totp/Voltkeep:ada?secret=…"),
    Code(code="492039"),
    RecoveryCodes(codes=["1f0a-9b8e-7d6c-0123"]),
]
