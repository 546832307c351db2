"""Signing in by a real OpenID provider, and what must not sign anybody in."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from partita.auth.oidc import OidcClient
from partita.auth.provider import LOOK_AGAIN_S, Provider
from partita.errors import SignInError
from partita.protocol.access import Role
from partita.settings_sign_in import SignInSettings, as_sign_in
from tests.integration.oidc_provider import BACK, SECRET, Browser, OidcProvider

pytestmark = [pytest.mark.integration, pytest.mark.service]

RULES = {"admin": ["group:ops"], "editor": ["@example.org"]}


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    made = OidcProvider().start()
    yield made
    made.stop()


@pytest.fixture
def own_provider() -> Iterator[Callable[..., OidcProvider]]:
    made: list[OidcProvider] = []

    def make(**settings: Any) -> OidcProvider:
        made.append(OidcProvider(**settings).start())
        return made[-1]

    yield make
    for one in made:
        one.stop()


class Moved:
    """A clock that goes on, and that can be put forward."""

    def __init__(self) -> None:
        self.by_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.by_s


def settings_of(provider: OidcProvider, **changes: Any) -> SignInSettings:
    given = {
        "issuer": provider.issuer,
        "client_id": "partita",
        "client_secret": "CLIENT_SECRET",
        "roles": RULES,
        **changes,
    }
    return as_sign_in({key: value for key, value in given.items() if value is not None})


def client_of(provider: OidcProvider, clock: Callable[[], float] = time.time, **changes: Any) -> OidcClient:
    return OidcClient(settings_of(provider, **changes), b"k" * 32, {"CLIENT_SECRET": SECRET}.get, clock=clock)


class Meddling(Provider):
    """What the provider answers, as somebody between would change it."""

    def __init__(self, issuer: str, change: Callable[[str], str]) -> None:
        super().__init__(issuer)
        self._change = change

    def ask(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        told = super().ask(method, address, **more)
        return {**told, "id_token": self._change(told["id_token"])} if "id_token" in told else told


def part(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, body, _ = token.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) for text in (head, body))  # type: ignore[return-value]


@pytest.mark.parametrize("client_id", ["partita", "posting", "public"])
@pytest.mark.parametrize("person, name, role", [("1", "ann@example.org", Role.ADMIN), ("2", "bob@example.org", Role.EDITOR),
                                                ("4", "dan@elsewhere.net", None)])  # fmt: skip
def test_somebody_signs_in(provider: OidcProvider, client_id: str, person: str, name: str, role: Role | None) -> None:
    if client_id == "public":
        client = client_of(provider, client_id=client_id, client_secret=None)
    else:
        client = client_of(provider, client_id=client_id)
    start = client.begin(BACK, "/runs?state=failed")
    assert SECRET not in start.url and "code_challenge_method=S256" in start.url
    found = client.finish(start.cookie, Browser().sign_in(start.url, person))
    assert found == (name, role, provider.issuer, person, "/runs?state=failed")


def test_claims_that_are_in_the_token_are_taken_from_it(own_provider: Callable[..., OidcProvider]) -> None:
    provider = own_provider(keeps_claims_from_token=False)
    client = client_of(provider, name_claim="preferred_username")
    start = client.begin(BACK)
    found = client.finish(start.cookie, Browser().sign_in(start.url, "1"))
    assert (found.name, found.role) == ("ann", Role.ADMIN)


@pytest.mark.parametrize(
    "person, changes, told",
    [
        ("3", {}, "has not verified your e-mail address"),
        ("4", {"allowed_domains": ["example.org"]}, "dan@elsewhere.net may not sign in here"),
        ("3", {"name_claim": "preferred_username", "allowed_domains": ["example.org"]}, "ann@example.org may not"),
        ("1", {"name_claim": "nickname"}, "does not say 'nickname'"),
    ],
)
def test_who_may_not_sign_in_is_told_why(
    provider: OidcProvider, person: str, changes: dict[str, Any], told: str
) -> None:
    client = client_of(provider, **changes)
    start = client.begin(BACK)
    with pytest.raises(SignInError, match=told):
        client.finish(start.cookie, Browser().sign_in(start.url, person))


def test_the_answer_to_another_browser_is_not_taken(provider: OidcProvider) -> None:
    client = client_of(provider)
    mine, other = client.begin(BACK), client.begin(BACK)
    query = Browser().sign_in(other.url, "1")
    with pytest.raises(SignInError, match="another sign-in"):
        client.finish(mine.cookie, query)
    for cookie in ("", "x", "é", other.cookie[:-4] + "AAA="):
        with pytest.raises(SignInError, match="begun no sign-in"):
            client.finish(cookie, query)
    with pytest.raises(SignInError, match="begun no sign-in"):
        OidcClient(client.settings, b"K" * 32).finish(other.cookie, query)
    assert client.finish(other.cookie, query).name == "ann@example.org"


def test_a_code_is_taken_once_and_only_by_whom_it_was_given_to(provider: OidcProvider) -> None:
    client = client_of(provider)
    start, other = client.begin(BACK), client.begin(BACK)
    query = Browser().sign_in(start.url, "1")
    stolen = {**query, "state": Browser().sign_in(other.url, "2")["state"]}
    with pytest.raises(SignInError, match=r"invalid_grant.*begin again"):
        client.finish(other.cookie, stolen)  # the verifier is of the other browser
    start = client.begin(BACK)
    query = Browser().sign_in(start.url, "1")
    client.finish(start.cookie, query)
    with pytest.raises(SignInError, match="invalid_grant"):
        client.finish(start.cookie, query)


def test_an_answer_of_another_provider_is_not_taken(provider: OidcProvider) -> None:
    client = client_of(provider)
    start = client.begin(BACK)
    query = Browser().sign_in(start.url, "1")
    for wrong in ({**query, "iss": "https://evil.example.org"}, {k: v for k, v in query.items() if k != "iss"}):
        with pytest.raises(SignInError, match="the answer is of"):
            client.finish(start.cookie, wrong)
    with pytest.raises(SignInError, match="sent no code"):
        client.finish(start.cookie, {k: v for k, v in query.items() if k != "code"})


def test_who_says_no_at_the_provider_is_not_signed_in(provider: OidcProvider) -> None:
    client = client_of(provider)
    start = client.begin(BACK)
    with pytest.raises(SignInError, match="the provider refuses: access_denied"):
        client.finish(start.cookie, Browser().sign_in(start.url, "nobody"))


def test_a_token_with_the_nonce_of_another_sign_in_is_not_taken(provider: OidcProvider) -> None:
    client = client_of(provider)
    start = client.begin(BACK)
    url = start.url.replace("nonce=", "nonce=x")
    with pytest.raises(SignInError, match="nonce"):
        client.finish(start.cookie, Browser().sign_in(url, "1"))


def test_a_token_for_another_client_is_not_taken(provider: OidcProvider) -> None:
    other = client_of(provider, client_id="other")
    kept: list[str] = []
    other.provider = Meddling(provider.issuer, lambda token: kept.append(token) or token)  # type: ignore[func-returns-value]
    start = other.begin(BACK)
    other.finish(start.cookie, Browser().sign_in(start.url, "1"))
    client = client_of(provider)
    client.provider = Meddling(provider.issuer, lambda token: kept[0])
    start = client.begin(BACK)
    with pytest.raises(SignInError, match="aud"):
        client.finish(start.cookie, Browser().sign_in(start.url, "1"))


def test_a_token_that_has_expired_is_not_taken(own_provider: Callable[..., OidcProvider]) -> None:
    clock = Moved()
    client = client_of(own_provider(id_token_lifetime=60), clock)
    start = client.begin(BACK)
    query = Browser().sign_in(start.url, "1")
    clock.by_s = 300.0
    with pytest.raises(SignInError, match="ExpiredTokenError"):
        client.finish(start.cookie, query)


def test_a_sign_in_that_takes_too_long_is_not_gone_on_with(provider: OidcProvider) -> None:
    clock = Moved()
    client = client_of(provider, clock)
    start = client.begin(BACK)
    query = Browser().sign_in(start.url, "1")
    clock.by_s = 700.0
    with pytest.raises(SignInError, match="too long ago"):
        client.finish(start.cookie, query)


def unsigned(token: str) -> str:
    head, body = parts_of(token)
    return f"{part({**head, 'alg': 'none'})}.{part(body)}."


def signed_with_the_client_secret(token: str) -> str:
    head, body = parts_of(token)
    text = f"{part({'alg': 'HS256', 'kid': head['kid']})}.{part(body)}"
    signature = hmac.new(SECRET.encode(), text.encode(), sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def signed_with_another_key(token: str) -> str:
    head, body = parts_of(token)
    key = RSAKey.generate_key(2048, parameters={"kid": head["kid"]})
    return jwt.encode({"alg": "RS256", "kid": head["kid"]}, body, key)


def signed_with_a_key_that_it_brings(token: str) -> str:
    _, body = parts_of(token)
    key = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256", "jwk": key.as_dict(private=False)}, body, key)


def with_another_body(token: str) -> str:
    _, body = parts_of(token)
    return f"{token.split('.')[0]}.{part({**body, 'sub': '2'})}.{token.split('.')[2]}"


@pytest.mark.parametrize(
    "change",
    [unsigned, signed_with_the_client_secret, signed_with_another_key, signed_with_a_key_that_it_brings, with_another_body,
     lambda token: token[:-8] + "AAAAAAAA", lambda token: "x", lambda token: "a.b.c", lambda token: ""],
)  # fmt: skip
def test_a_token_that_the_provider_has_not_signed_so_is_not_taken(
    provider: OidcProvider, change: Callable[[str], str]
) -> None:
    client = client_of(provider)
    client.provider = Meddling(provider.issuer, change)
    start = client.begin(BACK)
    with pytest.raises(SignInError, match="is not signed by"):
        client.finish(start.cookie, Browser().sign_in(start.url, "1"))


def test_new_keys_of_the_provider_are_found(own_provider: Callable[..., OidcProvider]) -> None:
    provider, clock = own_provider(), Moved()
    client = client_of(provider, clock)
    start = client.begin(BACK)
    client.finish(start.cookie, Browser().sign_in(start.url, "1"))
    for kid in ("second", "second"):  # the second time it is another key of the same name
        provider.stop()
        provider.start(kid)
        clock.by_s += LOOK_AGAIN_S + 1
        start = client.begin(BACK)
        assert client.finish(start.cookie, Browser().sign_in(start.url, "2")).name == "bob@example.org"


def test_a_provider_that_is_down_is_told(own_provider: Callable[..., OidcProvider]) -> None:
    provider = own_provider()
    client = client_of(provider)
    start = client.begin(BACK)
    query = Browser().sign_in(start.url, "1")
    provider.stop()
    with pytest.raises(SignInError, match=r"cannot be reached .*sign in with a token"):
        client.finish(start.cookie, query)
    with pytest.raises(SignInError, match="cannot be reached"):
        client_of(provider).begin(BACK)
    provider.start("later")
    start = client_of(provider).begin(BACK)
    assert start.url.startswith(provider.issuer)


def test_what_is_set_wrongly_is_told(provider: OidcProvider) -> None:
    with pytest.raises(SignInError, match=r"calls itself 'http://127.*' and not|calls itself"):
        OidcClient(settings_of(provider, issuer=provider.issuer + "/"), b"k" * 32).begin(BACK)
    with pytest.raises(SignInError, match=r"answers 404.*is issuer in \[sign_in\] right"):
        OidcClient(settings_of(provider, issuer=provider.issuer + "/realms/x"), b"k" * 32).begin(BACK)
    for secrets, told in (({}, "names CLIENT_SECRET"), ({"CLIENT_SECRET": "wrong"}, "invalid_client.*client_secret")):
        client = OidcClient(settings_of(provider), b"k" * 32, secrets.get)
        start = client.begin(BACK)
        with pytest.raises(SignInError, match=told):
            client.finish(start.cookie, Browser().sign_in(start.url, "1"))
