"""A real OpenID provider on a loopback port, and a browser that fills in its forms."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from functools import cache
from http.cookiejar import CookieJar
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

__all__ = ["BACK", "SECRET", "Browser", "OidcProvider"]

#: Where the provider sends browsers back to. Nobody listens there: the browser of these tests stops before it.
BACK = "http://127.0.0.1:9/sign-in/back"
SECRET = "of the client: + / %"
PEOPLE = {
    "1": {"email": "Ann@Example.org", "email_verified": True, "preferred_username": "ann", "groups": ["science", "ops"]},
    "2": {"email": "bob@example.org", "email_verified": True, "preferred_username": "bob", "groups": []},
    "3": {"email": "eve@example.org", "email_verified": False, "preferred_username": "ann@example.org", "groups": "ops"},
    "4": {"email": "dan@elsewhere.net", "email_verified": True},
}  # fmt: skip


@cache
def _library() -> Path:
    """A folder in which Node.js finds oidc-provider; the test is left out where npm cannot get it."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node.js with npm is not here, of which the OpenID provider is made")
    folder = Path(mkdtemp(prefix="partita-oidc-"))
    (folder / "package.json").write_text('{"private": true}')
    made = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "oidc-provider@9"],
        cwd=folder, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    if made.returncode:
        told = (made.stderr + made.stdout).strip()
        assert re.search(r"E(NOTFOUND|CONNREFUSED|CONNRESET|TIMEDOUT|AI_AGAIN)|ETIMEDOUT|network", told), told
        pytest.skip(f"npm cannot reach its registry: {told.splitlines()[0]}")
    return folder


class OidcProvider:
    """A process; it may be stopped and started again on its port, with other keys."""

    def __init__(
        self, *, keeps_claims_from_token: bool = True, id_token_lifetime: int = 3600, back: str = BACK
    ) -> None:
        """
        Args:
            back: where it sends browsers back to.
        """
        self._settings = {
            "keepsClaimsFromToken": keeps_claims_from_token, "idTokenLifetime": id_token_lifetime, "people": PEOPLE,
            "clients": [
                {"client_id": "partita", "client_secret": SECRET, "redirect_uris": [back]},
                {"client_id": "other", "client_secret": SECRET, "redirect_uris": [back]},
                {"client_id": "posting", "client_secret": SECRET, "redirect_uris": [back],
                 "token_endpoint_auth_method": "client_secret_post"},
                {"client_id": "public", "redirect_uris": [back], "token_endpoint_auth_method": "none"},
            ],
        }  # fmt: skip
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self.issuer = ""

    def start(self, kid: str = "first") -> OidcProvider:
        folder = _library()
        script = Path(__file__).with_name("oidc_provider.mjs")
        self._process = subprocess.Popen(
            ["node", str(script)], cwd=folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._process.stdin as stdin:
            stdin.write(json.dumps({**self._settings, "port": self._port, "kid": kid}) + "\n")
        told = self._process.stdout.readline()
        assert told, f"the provider ended at once, with status {self._process.wait()}"
        self.issuer = json.loads(told)["issuer"]
        self._port = int(self.issuer.rpartition(":")[2])
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        """Tell where it would go."""


class Browser:
    """Goes from page to page with its cookies, and fills in what the provider asks."""

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar()), _Stays()
        )

    def sign_in(self, url: str, person: str) -> dict[str, str]:
        """What our address has behind its "?" when the provider sends the browser back there."""
        page = ""
        for _ in range(12):
            if url.startswith(BACK):
                return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
            form = None
            if page:
                action = re.search(r'<form[^>]* action="([^"]+)"', page)
                assert action is not None, page
                if person == "nobody":
                    found = re.search(r'href="([^"]+/abort)"', page)
                    assert found is not None, page
                    url = urllib.parse.urljoin(url, found[1])
                else:
                    url = urllib.parse.urljoin(url, action[1])
                    prompt = "consent" if 'value="consent"' in page else "login"
                    form = urllib.parse.urlencode({"prompt": prompt, "login": person, "password": "x"}).encode()
            url, page = self._go(url, form)
        raise AssertionError(f"the provider does not come to an end: {url}")

    def _go(self, url: str, form: bytes | None) -> tuple[str, str]:
        """Where it leads on, and the page where it does not."""
        try:
            with self._opener.open(url, form, timeout=60) as answer:
                return url, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (302, 303):
                    return urllib.parse.urljoin(url, error.headers["Location"]), ""
                raise AssertionError(f"{url} answers {error.code}: {error.read().decode()[:2000]}") from None
