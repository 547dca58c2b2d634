"""Sign-in at an OpenID provider: the authorization code flow, with PKCE, state and nonce."""

import base64
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus

import httpx
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from cachetools import TTLCache
from cryptography.fernet import Fernet, InvalidToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import DecodeError, Struct, json

from voltkeep.config import Settings, check_url, parse_role_map
from voltkeep.domain.accounts import Role
from voltkeep.domain.identity import TenantId
from voltkeep.services.accounts import NotAuthenticated
from voltkeep.services.sign_in import FLOW_LASTS_S, Identity, ProviderAway

log = structlog.get_logger(__name__)

_METADATA_LASTS_S = 3600.0
_ANSWER_WITHIN_S = 10.0
_LARGEST_ANSWER = 1024 * 1024
_ACCEPT = {"accept": "application/json"}
_LEEWAY_S = 60  # clocks apart
_MOST_FLOWS = 100_000
_LONGEST_NAME = 100
# Signatures by a key of the provider's. Never `none`, and no HMAC: its key is no secret of theirs.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_ALGORITHMS += ["EdDSA", "Ed25519"]
# A path of ours: no host, and nothing that a browser takes for one.
_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


class _Flow(Struct, frozen=True):
    """What a browser keeps, sealed, while its person is at the provider."""

    state: str
    nonce: str
    verifier: str
    return_to: str


class _Provider(Struct, frozen=True):
    """OpenID Connect Discovery 1.0, 3: what we need of it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    authorization_response_iss_parameter_supported: bool = False


def safe_path(text: str) -> str:
    """Where to go after a sign-in: a path of ours, or our first page."""
    return text if _PATH.fullmatch(text) and len(text) <= 2000 else "/"


class OidcClient:
    """Sends people to the provider, and reads what comes back with them."""

    def __init__(self, settings: Settings, key: bytes, clock: Callable[[], datetime]) -> None:
        """``key`` has 32 bytes. Of settings with an ``oidc_issuer``."""
        self.name = settings.oidc_name
        self._settings = settings
        self._roles = parse_role_map(settings.oidc_roles)
        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        self._clock = clock
        self._provider: tuple[float, _Provider] | None = None
        self._keys: KeySet | None = None
        self._used: TTLCache[str, bool] = TTLCache(_MOST_FLOWS, FLOW_LASTS_S)

    async def begin(self, redirect_uri: str, return_to: str) -> tuple[str, str]:
        """Where to send a browser, and what it keeps until it is back. Raises ProviderAway."""
        provider = await self._discover()
        flow = _Flow(
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(48),
            safe_path(return_to),
        )
        url = prepare_grant_uri(
            provider.authorization_endpoint,
            self._settings.oidc_client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=self._settings.oidc_scopes,
            state=flow.state,
            nonce=flow.nonce,
            code_challenge=create_s256_code_challenge(flow.verifier),
            code_challenge_method="S256",
        )
        return url, self._fernet.encrypt(json.encode(flow)).decode()

    async def finish(
        self, kept: str, answer: Mapping[str, str], redirect_uri: str
    ) -> tuple[Identity, str]:
        """Whom the provider has told us of, and where they wanted to go.

        ``kept`` is what the browser kept, ``answer`` the query that it came back with. Raises
        NotAuthenticated, ProviderAway.
        """
        flow = self._opened(kept)
        if not secrets.compare_digest(answer.get("state", "").encode(), flow.state.encode()):
            raise NotAuthenticated("this sign-in was not begun here: begin again")
        if flow.state in self._used:
            raise NotAuthenticated("this sign-in was finished already: begin again")
        self._used[flow.state] = True
        provider = await self._discover()
        told = answer.get("iss")
        says_so = told is not None or provider.authorization_response_iss_parameter_supported
        if says_so and told != provider.issuer:  # RFC 9207, 2.4
            raise NotAuthenticated("another provider has sent you back: begin again")
        if "code" not in answer:
            said = answer.get("error", "nothing")[:60]
            raise NotAuthenticated(f"the provider did not let you in: it said {said!a}")
        tokens = await self._redeem(provider, answer["code"], flow, redirect_uri)
        claims = await self._claims(provider, tokens, flow.nonce)
        return self._identity(claims), flow.return_to

    def _opened(self, kept: str) -> _Flow:
        try:
            return json.decode(self._fernet.decrypt(kept, ttl=FLOW_LASTS_S), type=_Flow)
        except (InvalidToken, DecodeError, ValueError) as error:
            raise NotAuthenticated("this sign-in took too long: begin again") from error

    async def _redeem(
        self, provider: _Provider, code: str, flow: _Flow, redirect_uri: str
    ) -> Mapping[str, Any]:
        """RFC 6749, 4.1.3; RFC 7636, 4.5."""
        id_, secret = self._settings.oidc_client_id, self._settings.oidc_client_secret
        body = prepare_token_request(
            "authorization_code",
            redirect_uri=redirect_uri,
            code=code,
            code_verifier=flow.verifier,
            client_id=None if secret else id_,
        )
        # RFC 6749, 2.3.1: both are encoded as in a form before they are put together.
        auth = httpx.BasicAuth(quote_plus(id_), quote_plus(secret)) if secret else None
        headers = {"content-type": "application/x-www-form-urlencoded"}
        status, answer = await _ask("POST", provider.token_endpoint, headers, body, auth)
        if status != HTTPStatus.OK:
            said = str(answer.get("error", "nothing"))[:60]
            log.warning("the OpenID provider gave no token", status=status, said=said)
            raise NotAuthenticated("the provider did not take its own code back: begin again")
        return answer

    async def _claims(
        self, provider: _Provider, tokens: Mapping[str, Any], nonce: str
    ) -> Mapping[str, Any]:
        """OpenID Connect Core 1.0, 3.1.3.7."""
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise NotAuthenticated("the provider says nothing of who you are: no id_token")
        try:
            token = await self._verified(provider, id_token)
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": provider.issuer},
                    "aud": {"essential": True, "value": self._settings.oidc_client_id},
                    "sub": {"essential": True},
                    "nonce": {"essential": True},
                },
                params={
                    "nonce": nonce,
                    "client_id": self._settings.oidc_client_id,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(now=int(self._clock().timestamp()), leeway=_LEEWAY_S)
        except (JoseError, AuthlibBaseError, ValueError, TypeError) as error:
            log.warning("an id_token was refused", error=str(error))
            raise NotAuthenticated(
                f"what the provider says of you is not valid: {error}"
            ) from error
        found: dict[str, Any] = dict(token.claims)
        if self._settings.oidc_role_claim not in found and provider.userinfo_endpoint:
            more = await self._userinfo(provider, tokens)
            if more.get("sub") == found["sub"]:  # Core, 5.3.2
                found = more | found
        return found

    async def _verified(self, provider: _Provider, id_token: str) -> jwt.Token:
        """Raises JoseError. A key that we do not know may be a new one: looked for once."""
        keys = self._keys or await self._fetch_keys(provider)
        try:
            return jwt.decode(id_token, keys, algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            keys = await self._fetch_keys(provider)
            return jwt.decode(id_token, keys, algorithms=_ALGORITHMS)

    async def _fetch_keys(self, provider: _Provider) -> KeySet:
        document = await _get(provider.jwks_uri)
        try:
            self._keys = KeySet.import_key_set(document)  # type: ignore[arg-type]  # it checks
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProviderAway("the keys of the OpenID provider cannot be read") from error
        return self._keys

    async def _userinfo(self, provider: _Provider, tokens: Mapping[str, Any]) -> dict[str, Any]:
        bearer = {"authorization": f"Bearer {tokens.get('access_token', '')}"}
        return await _get(provider.userinfo_endpoint, bearer)

    async def _discover(self) -> _Provider:
        now = time.monotonic()
        if self._provider is not None and self._provider[0] > now:
            return self._provider[1]
        issuer = self._settings.oidc_issuer
        address = issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            provider = json.decode(json.encode(await _get(address)), type=_Provider)
            for url in (
                provider.authorization_endpoint,
                provider.token_endpoint,
                provider.jwks_uri,
                provider.userinfo_endpoint,
            ):
                check_url(url.partition("?")[0])
        except (DecodeError, ValueError) as error:
            raise ProviderAway(f"the OpenID provider says nonsense of itself: {error}") from error
        if provider.issuer != issuer:  # Discovery, 4.3
            raise ProviderAway(
                f"the OpenID provider calls itself {provider.issuer[:200]!a}: set `oidc_issuer` to "
                "what it calls itself, if that is right"
            )
        self._provider = (now + _METADATA_LASTS_S, provider)
        return provider

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        names = (claims.get(each) for each in ("preferred_username", "email", "name", "sub"))
        name = next((each for each in names if isinstance(each, str) and each.strip()), "")
        plain = "".join(each if each.isprintable() else "?" for each in name)[:_LONGEST_NAME]
        tenant = self._settings.oidc_tenant
        return Identity(
            issuer=str(claims["iss"]),
            subject=str(claims["sub"]),
            name=plain,
            role=self._role(claims),
            tenant=TenantId(tenant) if tenant else None,
        )

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        """The greatest of ours that theirs are mapped to."""
        told: Any = claims
        wanted = self._settings.oidc_role_claim
        for step in [wanted] if wanted in claims else wanted.split("."):
            told = told.get(step) if isinstance(told, Mapping) else None
        theirs = [told] if isinstance(told, str) else told
        if not isinstance(theirs, Sequence):
            return None
        ours = [
            self._roles[each] for each in theirs if isinstance(each, str) and each in self._roles
        ]
        order = list(Role)
        return max(map(Role, ours), key=order.index, default=None)


async def _get(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Raises ProviderAway."""
    status, answer = await _ask("GET", url, headers or {})
    if status != HTTPStatus.OK:
        raise ProviderAway(f"the OpenID provider answers with the status {status}")
    return answer


async def _ask(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: str | None = None,
    auth: httpx.BasicAuth | None = None,
) -> tuple[int, dict[str, Any]]:
    """The status and a JSON object; no redirect is followed. Raises ProviderAway."""
    content = b""
    try:
        async with (
            httpx.AsyncClient(timeout=_ANSWER_WITHIN_S, trust_env=False) as client,
            client.stream(
                method, url, headers={**_ACCEPT, **headers}, content=body, auth=auth
            ) as answer,
        ):
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > _LARGEST_ANSWER:
                    raise ProviderAway("the OpenID provider says too much")
        return answer.status_code, json.decode(content, type=dict[str, Any])
    except (httpx.HTTPError, httpx.InvalidURL, DecodeError) as error:
        raise ProviderAway(f"the OpenID provider does not answer: {error}") from error
