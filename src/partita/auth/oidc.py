"""Signing in by an OpenID provider: the authorisation code flow with PKCE (OpenID Connect Core 1.0, RFC 7636, RFC 9207).

What is remembered between the way there and the way back lies in the browser, sealed: `begin` gives a cookie, and `finish` takes
it. So nothing has to be kept here for whoever begins and never comes back, and the answer to one browser's question is
worth nothing in another: its cookie has another state, another nonce and another verifier.

    client = OidcClient(settings.sign_in, workspace.access_key())
    start = client.begin("https://partita.example.org/sign-in/back", next="/runs")  # to start.url, with the cookie
    person = client.finish(cookie, query)  # at that address
    user = workspace.set_user(person.name, person.role or "", person.source, person.subject)
    session, secret = workspace.start_session(user["name"], address, agent)
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from partita.auth.claims import person_of
from partita.auth.provider import Provider
from partita.errors import MissingExtraError, SignInError
from partita.protocol.access import Role
from partita.settings_sign_in import SignInSettings

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

__all__ = ["ALGORITHMS", "PATIENCE_S", "OidcClient", "SignInStart", "SignedIn", "local_path"]

#: With what an ID token may be signed: keys of which the provider alone has the secret half. Never "none", nor HS256, whose key
#: whoever knows the client's secret has.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
#: How long somebody may take at the provider, in seconds.
PATIENCE_S = 600
#: By how much the provider's clock may differ.
LEEWAY_S = 60
_AGAIN = "begin the sign-in again, in one browser and without waiting longer than ten minutes"


class SignInStart(NamedTuple):
    """The way to the provider."""

    url: str  # where the browser is sent
    cookie: str  # what it keeps until it comes back: HttpOnly, SameSite=Lax, for `PATIENCE_S`


class SignedIn(NamedTuple):
    """Who came back."""

    name: str
    role: Role | None  # None: no rule names them, and only whom somebody here has given a role may sign in
    source: str  # the provider's issuer
    subject: str  # how it calls them
    next: str  # the path of ours that they wanted to go to


class OidcClient:
    """Signs people in. It may be used by several threads."""

    def __init__(
        self,
        settings: SignInSettings,
        key: bytes,
        secret_of: Callable[[str], str | None] = os.environ.get,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            key: with which cookies are sealed: of the workspace.
            secret_of: gives a secret by its name; default: from the environment.
            clock: seconds since the epoch.
        """
        self.settings = settings
        self.provider = Provider(settings.issuer, clock)
        self._secret_of = secret_of
        self._clock = clock
        self._seal = _fernet(key)

    def begin(self, redirect_uri: str, next: str = "/") -> SignInStart:
        """The way to the provider.

        Args:
            redirect_uri: where it sends the browser back to. It comes from the server's settings, never from what a request says.
            next: the path of ours to go to then; another server's is not taken.

        Raises:
            SignInError: the provider cannot be reached.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = {
            "response_type": "code", "client_id": self.settings.client_id, "redirect_uri": redirect_uri,
            "scope": " ".join(self.settings.scopes), "state": state, "nonce": nonce,
            "code_challenge": _challenge(verifier), "code_challenge_method": "S256",
        }  # fmt: skip
        parts = urlsplit(self.provider.describe()["authorization_endpoint"])
        url = urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *asked.items()])))
        kept = json.dumps([state, nonce, verifier, redirect_uri, local_path(next)])
        return SignInStart(url, self._seal.encrypt_at_time(kept.encode(), int(self._clock())).decode())

    def finish(self, cookie: str, query: Mapping[str, str]) -> SignedIn:
        """Who came back from the provider.

        Args:
            cookie: what `begin` gave to this browser; it is to be deleted now.
            query: what the address has behind its "?".

        Raises:
            SignInError: it is not the answer to what this browser asked, or the provider vouches for nobody who may sign in.
        """
        state, nonce, verifier, redirect_uri, next = self._opened(cookie)
        if not hmac.compare_digest(query.get("state", "").encode(), state.encode()):
            raise SignInError(f"this is the answer to another sign-in than the one that this browser began; {_AGAIN}")
        self._need_issuer(query)
        if query.get("error"):
            told = f"{query['error']} {query.get('error_description', '')}".strip()[:300]
            raise SignInError(f"the provider refuses: {told if told.isprintable() else ascii(told)}")
        if not query.get("code"):
            raise SignInError(f"the provider sent no code; {_AGAIN}")
        answer = self._redeem(query["code"], redirect_uri, verifier)
        claims = self._verified(answer, nonce)
        person = person_of(self._completed(claims, answer), self.settings)
        return SignedIn(person.name, person.role, self.settings.issuer, person.subject, next)

    def _opened(self, cookie: str) -> list[str]:
        from cryptography.fernet import InvalidToken

        try:
            kept = self._seal.decrypt_at_time(cookie.encode(), ttl=PATIENCE_S, current_time=int(self._clock()))
        except (InvalidToken, UnicodeEncodeError):
            raise SignInError(f"this browser has begun no sign-in, or too long ago; {_AGAIN}") from None
        found: list[str] = json.loads(kept)
        return found

    def _need_issuer(self, query: Mapping[str, str]) -> None:
        """That it is this provider who answers, and not another one that mixes them up (RFC 9207)."""
        is_told = self.provider.describe().get("authorization_response_iss_parameter_supported") is True
        if query.get("iss", None if is_told else self.settings.issuer) != self.settings.issuer:
            raise SignInError(f"the answer is of {query.get('iss')!r}, and not of {self.settings.issuer}; {_AGAIN}")

    def _redeem(self, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """The tokens for a code."""
        described, settings = self.provider.describe(), self.settings
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier
        }  # fmt: skip
        headers = {}
        if not settings.client_secret:
            form["client_id"] = settings.client_id
        else:
            secret = self._secret_of(settings.client_secret)
            if not secret:
                raise SignInError(
                    f"the client's secret is not there: client_secret in [sign_in] names {settings.client_secret}; set that "
                    "variable where the server runs"
                )
            if "client_secret_basic" in described.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
                pair = f"{quote(settings.client_id, safe='')}:{quote(secret, safe='')}"
                headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            else:
                form |= {"client_id": settings.client_id, "client_secret": secret}
        return self.provider.ask("POST", described["token_endpoint"], headers=headers, form=form)

    def _verified(self, answer: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of the ID token (OpenID Connect Core 1.0, 3.1.3.7)."""
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import JoseError

        token = self._decoded(answer.get("id_token"))
        wanted = {
            "iss": {"essential": True, "value": self.settings.issuer},
            "aud": {"essential": True, "value": self.settings.client_id},
        }  # fmt: skip
        params = {"nonce": nonce, "client_id": self.settings.client_id, "access_token": answer.get("access_token")}
        claims = CodeIDToken(token.claims, token.header, wanted, params)
        try:
            claims.validate(now=int(self._clock()), leeway=LEEWAY_S)
        except (JoseError, TypeError, ValueError) as error:
            name = getattr(error, "claim", "") or getattr(error, "description", "") or error
            raise SignInError(
                f"the provider's word for you does not count here: {type(error).__name__} ({name}); {_AGAIN}. If it stays so, "
                "see that the clocks of both machines are right, and client_id and issuer in [sign_in]"
            ) from None
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise SignInError("the provider does not say who you are: its ID token has no sub")
        return dict(claims)

    def _decoded(self, id_token: object) -> Any:
        """The ID token, whose signature is the provider's."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        if not isinstance(id_token, str):
            raise SignInError(f"the provider {self.settings.issuer} sent no ID token; is it an OpenID provider?")
        for anew in (False, True):  # it may have taken new keys since they were asked for
            try:
                keys = KeySet.import_key_set(_usable(self.provider.keys(anew=anew)))  # type: ignore[arg-type]
                return jwt.decode(id_token, keys, algorithms=list(ALGORITHMS))
            except (JoseError, ValueError, KeyError, TypeError) as error:
                trouble = error
        raise SignInError(
            f"the ID token is not signed by {self.settings.issuer} with a key and in a way that count "
            f"({type(trouble).__name__}); {_AGAIN}"
        )

    def _completed(self, claims: dict[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
        """With what the provider says of the person elsewhere: many keep names and groups out of the token."""
        address = self.provider.describe().get("userinfo_endpoint")
        wanted = {"email", self.settings.name_claim, self.settings.groups_claim}
        if not address or not answer.get("access_token") or wanted <= claims.keys():
            return claims
        told = self.provider.ask("GET", address, headers={"Authorization": f"Bearer {answer['access_token']}"})
        if told.get("sub") != claims["sub"]:
            raise SignInError("what the provider says of you is of somebody else; begin the sign-in again")
        return {**told, **claims}


def local_path(path: str) -> str:
    """The path, if it is one of this server; else "/". A browser takes "//host" and "/\\host" for another server."""
    is_ours = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable() and len(path) <= 2000
    return path if is_ours else "/"


def _usable(keys: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that may have signed: a provider lists some for encryption, and some of kinds that nobody here knows."""
    kept = [
        key
        for key in keys["keys"]
        if isinstance(key, Mapping) and key.get("use", "sig") == "sig" and key.get("kty") in ("RSA", "EC", "OKP")
    ]
    return {"keys": kept}


def _challenge(verifier: str) -> str:
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    challenge: str = create_s256_code_challenge(verifier)
    return challenge


def _fernet(key: bytes) -> Fernet:
    from cryptography.fernet import Fernet

    try:
        import authlib  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"signing in by a provider needs Authlib ({error}): pip install 'partita[server]'"
        ) from error
    sealing = blake2b(key, digest_size=32, person=b"partita sign-in").digest()
    return Fernet(base64.urlsafe_b64encode(sealing))
