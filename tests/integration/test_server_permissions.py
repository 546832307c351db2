"""Every route, by every method, asked by everybody: let in or refused exactly as the route needs and the policy says.

The routes are read from what the application is made of, so a new one is asked as well.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from partita.api.app import api_routes
from partita.api.routes import OPEN, SIGNED_IN, needs_of
from partita.auth.attempts import attempt_token
from partita.auth.policy import allows
from partita.protocol.access import Identity, Role
from partita.web.routes import page_routes
from partita.workspace import open_workspace
from tests.serving import Served, serving

PROJECT = Path(__file__).parents[1] / "browser" / "project"
ROUTES = [route for routes in (*api_routes(), *page_routes()) for route in routes.routes]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: Nothing is called so, so that whoever is let in changes nothing.
NOTHING = {
    "run": "zzzzzzzz",
    "other": "zzzzzzzz",
    "id": "zzzzzzzzzzzz",
    "digest": "0" * 64,
    "step": "1",
    "attempt": "1",
}
#: Routes that need more where it is about what somebody else has.
OF_OTHERS = {
    "/api/v1/tokens/{id}": "tokens:write",
    "/api/v1/sessions/{id}": "sessions:write",
    "/settings/tokens/{id}/revoke": "tokens:write",
    "/settings/sessions/{id}/end": "sessions:write",
}
REFUSED = (401, 403)
#: Routes that anybody may ask, and that refuse a wrong token that is in what they are sent.
SIGN_IN = frozenset({"/sign-in"})
#: Routes that anybody may ask, and that believe only what is signed.
SIGNED = frozenset({"/webhooks/git/{repository:path}"})


@dataclass
class Credential:
    """Who asks, and what the policy is told of them; None: nobody is known by it."""

    headers: dict[str, str]
    identity: Identity | None = None
    is_session: bool = False


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("permissions") / "shop"
    shutil.copytree(PROJECT, folder)
    made = serving(folder)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def run(served: Served) -> str:
    id = served.launch("flows.py:squares", n=2)
    served.wait(id)
    return id


@pytest.fixture(scope="module")
def credentials(served: Served, run: str) -> dict[str, Credential]:
    def token(role: Role, scopes: tuple[str, ...] = (), **more: Any) -> str:
        body = {"name": f"a {role}", "role": role.value, "scopes": list(scopes), **more}
        secret: str = served.post("/api/v1/tokens", body)["secret"]
        return secret

    def bearer(secret: str) -> dict[str, str]:
        return {"authorization": f"Bearer {secret}"}

    def known(role: Role, *scopes: str) -> Credential:
        return Credential(bearer(token(role, scopes)), Identity("x", role, "token", "x", frozenset(scopes)))

    expired, revoked = (
        token(Role.ADMIN, expires_in_s=0.2),
        served.post("/api/v1/tokens", {"name": "r", "role": "admin"}),
    )
    assert served.ask("DELETE", f"/api/v1/tokens/{revoked['token']['id']}").status == 200
    time.sleep(0.3)
    workspace = open_workspace(served.folder)
    key = workspace.access_key()
    workspace.close()
    now = time.time()
    return {
        "nobody": Credential({}),
        "a wrong token": Credential(bearer("partita_000000000000_" + "x" * 43)),
        "no token": Credential(bearer("")),
        "another scheme": Credential({"authorization": f"Basic {served.token}"}),
        "an expired token": Credential(bearer(expired)),
        "a revoked token": Credential(bearer(revoked["secret"])),
        "an expired attempt": Credential(bearer(attempt_token(key, run, 1, 1, now - 1))),
        "an attempt signed by another": Credential(bearer(attempt_token(b"x" * 32, run, 1, 1, now + 600))),
        "a wrong cookie": Credential({"cookie": "partita-session=session_000000000000_" + "x" * 43}),
        "a viewer": known(Role.VIEWER),
        "an editor": known(Role.EDITOR),
        "an administrator": known(Role.ADMIN),
        "a token for reading runs": known(Role.ADMIN, "runs:read"),
        "a token for all of runs": known(Role.EDITOR, "runs:*"),
        "an attempt": Credential(
            bearer(attempt_token(key, run, 1, 1, now + 600)),
            Identity("attempt", Role.VIEWER, "attempt", "attempt", run=run, step=1, attempt=1),
        ),
        "a page that is forged": Credential(
            {"cookie": f"partita-session={served.session()}"}, Identity("x", Role.ADMIN, "session", "x"), is_session=True
        ),
    }  # fmt: skip


def addressed(path: str, **given: str) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda part: {**NOTHING, **given}.get(part[1], "zzz"), path)


def ask(served: Served, method: str, path: str, headers: dict[str, str]) -> int:
    """The status, of a stream too."""
    body = {"nonsense": 1} if method != "GET" else None
    answer = served.ask(method, path, body, token="", headers=headers, preload_content=False)
    answer.close()
    return answer.status


def told(route: Any) -> str:
    return f"{next(iter(route.methods))} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=told)
def test_who_may_and_nobody_else(route: Any, served: Served, credentials: dict[str, Credential], run: str) -> None:
    needs, (method,) = needs_of(route), route.methods
    wrong = []
    for name, credential in credentials.items():
        for of in {"zzzzzzzz", run} if "{run}" in route.path and method == "GET" else {"zzzzzzzz"}:
            expected = expected_status(credential, needs, route.path, method, of)
            status = ask(served, method, addressed(route.path, run=of), credential.headers)
            refused = (403,) if route.path in SIGN_IN else REFUSED
            is_right = status == expected if expected else status not in refused and status < 500
            if not is_right:
                wrong.append(f"{name} of run {of}: {status} instead of {expected or 'being let in'}")
    assert not wrong, "\n".join(wrong)


def expected_status(credential: Credential, needs: str, path: str, method: str, run: str) -> int:
    """401 or 403; 0: they are let in."""
    if path in ("/healthz", "/readyz"):
        return 0  # whoever asks is not looked at: they are told that it lives, and nothing else
    needs = "metrics:read" if path == "/metrics" else needs  # decided there: a setting opens it to this machine
    if credential.is_session and method != "GET":
        return 403  # the page did not know the session's word
    identity = credential.identity
    if identity is None:
        if "authorization" in credential.headers:
            return 401
        return 403 if path in SIGNED else 0 if needs == OPEN else 401
    if path in SIGNED:
        return 403
    if needs in (OPEN, SIGNED_IN):
        return 0
    meant = [run] if "{run}" in path else [""]
    meant += [NOTHING["other"]] if "{other}" in path else []
    is_let_in = all(allows(identity, each, run=of) for each in (needs, OF_OTHERS.get(path, needs)) for of in meant)
    return 0 if is_let_in else 403


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_no_other_method_is_there(path: str, served: Served) -> None:
    declared = {method for route in ROUTES if route.path == path for method in route.methods}
    for method in set(METHODS) - declared:
        status = ask(served, method, addressed(path), {"authorization": f"Bearer {served.token}"})
        assert status in (404, 405), (method, status)


@pytest.mark.parametrize(
    "path", sorted({r.path for r in ROUTES if not r.path.startswith("/api/") and "GET" in r.methods})
)
def test_pages_send_who_is_not_known_to_sign_in(path: str, served: Served) -> None:
    answer = served.ask("GET", addressed(path), token="", headers={"accept": "text/html"})
    if answer.status == 303:
        assert answer.headers["location"].startswith("/sign-in")
    else:
        assert all(needs_of(route) == OPEN for route in ROUTES if route.path == path)


def test_every_route_of_the_api_is_in_its_document(served: Served) -> None:
    document = served.get("/api/v1/openapi.json")
    told = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    there = {(route.path, method) for route in ROUTES if route.path.startswith("/api/") for method in route.methods}
    assert told == there
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["x-needs"] in (OPEN, SIGNED_IN) or ":" in operation["x-needs"], (path, method)
            assert ("security" in operation) == (operation["x-needs"] != OPEN)
            assert operation["summary"]
            assert operation["description"]
