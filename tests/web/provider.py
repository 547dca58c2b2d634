"""An OpenID provider of Authlib's own server side, on a port of the loopback.

It is right in everything, until a test has it say something wrong.
"""

import base64
import hmac
import json
import secrets
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from voltkeep.config import Address
from voltkeep.web.server import HttpServer

CLIENT_ID, CLIENT_SECRET = "voltkeep", "of-the-client"


class Client:
    """This installation, as the provider knows it."""

    client_id = CLIENT_ID

    def __init__(self, redirect_uris):
        self._redirect_uris = redirect_uris

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri in self._redirect_uris

    def check_client_secret(self, client_secret):
        return secrets.compare_digest(client_secret, CLIENT_SECRET)

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


@dataclass(frozen=True)
class Code:
    """An authorization code, until it is redeemed."""

    code: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    user: dict[str, object]

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return None

    get_acr = get_amr = get_auth_time


class Grant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code, request):
        data = request.payload.data
        self.server.codes[code] = Code(
            code=code,
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            nonce=data.get("nonce"),
            code_challenge=data.get("code_challenge"),
            code_challenge_method=data.get("code_challenge_method"),
            user=request.user,
        )

    def query_authorization_code(self, code, client):
        return self.server.codes.get(code)

    def delete_authorization_code(self, authorization_code):
        del self.server.codes[authorization_code.code]

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class OpenId(OpenIDCode):
    """Says who somebody is; a test changes what it says, and how it is signed."""

    def __init__(self, provider):
        super().__init__(require_nonce=True)
        self._provider = provider

    def exists_nonce(self, nonce, request):
        return nonce in self._provider.nonces

    def encode_id_token(self, token, request):
        provider, now = self._provider, int(time.time())
        self._provider.nonces.add(request.authorization_code.nonce)
        claims = {
            "iss": provider.issuer,
            "aud": [CLIENT_ID],
            "iat": now,
            "exp": now + 300,
            **self.get_authorization_code_claims(request.authorization_code),
            **UserInfo(provider.person),
            **provider.wrong_claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "RS256", "kid": provider.key.kid} | provider.wrong_header
        if header["alg"] in {"none", "HS256"}:
            return forged(header, claims, provider.key.as_pem(private=False))
        key = provider.wrong_key or provider.key
        return jwt.encode(header, claims, key, [header["alg"]])


class Request(OAuth2Request):
    def __init__(self, method, uri, query, form, headers):
        super().__init__(method, uri, headers=headers)
        self._query, self._form = query, form
        self.payload = BasicOAuth2Payload(query | form)

    @property
    def args(self):
        return self._query

    @property
    def form(self):
        return self._form


class Server(AuthorizationServer):
    def __init__(self, provider):
        super().__init__(scopes_supported=["openid", "profile", "email"])
        self.codes = {}
        self._provider = provider

    def query_client(self, client_id):
        return self._provider.client if client_id == CLIENT_ID else None

    def save_token(self, token, request):
        self._provider.tokens.add(token["access_token"])

    def send_signal(self, name, *args, **kwargs):
        pass

    def create_oauth2_request(self, request):
        return request

    def handle_response(self, status, body, headers):
        content = body if isinstance(body, str) else json.dumps(body)
        return status, content.encode(), headers


class Provider:
    """The provider, and who is signed in there."""

    def __init__(self, redirect_uris):
        self.issuer = ""
        self.client = Client(redirect_uris)
        self.key = rsa_key("one")
        self.person = {"sub": "42", "preferred_username": "Ada", "roles": ["voltkeep-admins"]}
        self.userinfo = {}
        self.metadata = {}
        self.wrong_claims, self.wrong_header, self.wrong_key = {}, {}, None
        self.denies = False
        self.nonces, self.tokens = set(), set()
        self._server = Server(self)
        self._server.register_grant(Grant, [CodeChallenge(required=True), OpenId(self)])
        self._server.register_token_generator("default", _bearer)

    async def __call__(self, scope, receive, send):
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        query = dict(parse_qsl(scope["query_string"].decode()))
        form = dict(parse_qsl(body.decode()))
        headers = {name.decode().title(): value.decode() for name, value in scope["headers"]}
        # Authlib wants TLS; the loopback has none.
        uri = f"https://provider.test{scope['path']}?{scope['query_string'].decode()}"
        request = Request(scope["method"], uri, query, form, headers)
        status, content, answer = self._answer(scope["path"], request)
        lines = [(name.lower().encode(), value.encode()) for name, value in answer]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, path, request):
        match path:
            case "/.well-known/openid-configuration":
                return _json(self._about() | self.metadata)
            case "/keys":
                return _json(KeySet([self.key]).as_dict(private=False))
            case "/authorize":
                grant = self._server.get_consent_grant(request, self.person)
                user = None if self.denies else self.person
                return self._server.create_authorization_response(request, user, grant)
            case "/token":
                return self._server.create_token_response(request)
            case "/userinfo":
                shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
                return _json(self.userinfo) if shown in self.tokens else (401, b"", [])
        return 404, b"", []

    def _about(self):
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
        }


def _bearer(**_):
    return {
        "token_type": "Bearer",
        "access_token": secrets.token_urlsafe(16),
        "expires_in": 60,
        "scope": "openid profile email",
    }


def _json(document):
    return 200, json.dumps(document).encode(), [("Content-Type", "application/json")]


@asynccontextmanager
async def running_provider(*redirect_uris):
    provider = Provider(redirect_uris)
    server = HttpServer(provider)
    address = await server.listen(Address("127.0.0.1", 0))
    provider.issuer = f"http://{address}"
    try:
        yield provider
    finally:
        await server.close()


@cache
def rsa_key(kid: str, number: int = 0) -> RSAKey:
    """A key under that name; another for each number."""
    return RSAKey.generate_key(2048, {"kid": kid}, private=True)


def another_key():
    return rsa_key("one", 1)


def forged(header, claims, public_key):
    """As no library signs: not at all, or with the public key taken for an HMAC's secret."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=")
        for each in (header, claims)
    ]
    signed = b".".join(parts)
    tag = hmac.digest(public_key, signed, "sha256") if header["alg"] == "HS256" else b""
    return b".".join([signed, base64.urlsafe_b64encode(tag).rstrip(b"=")]).decode()


def elliptic_key():
    return ECKey.generate_key("P-256", {"kid": "two"}, private=True)


def code_of(location):
    return dict(parse_qsl(urlsplit(location).query))
