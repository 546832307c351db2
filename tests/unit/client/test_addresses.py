"""Where a token may go."""

from __future__ import annotations

import pytest

from partita.client import Client
from partita.client.addresses import checked_url
from partita.errors import SettingsError


@pytest.mark.parametrize(("written", "meant"), [
    ("https://Host:443/", "https://host"), ("host:7878", "https://host:7878"), ("http://127.0.0.1:80", "http://127.0.0.1"),
    ("https://[::1]:7878/partita/", "https://[::1]:7878/partita"),
])  # fmt: skip
def test_a_server_has_one_address(written: str, meant: str) -> None:
    assert checked_url(written) == meant


@pytest.mark.parametrize(
    "written", ["", "ftp://host", "https://", "https://me:secret@host", "https://host?x=1", "https://host:x"]
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(SettingsError, match="no address of a server"):
        checked_url(written)


def test_a_token_goes_to_another_machine_only_encrypted() -> None:
    with pytest.raises(SettingsError, match="use https"):
        Client("http://partita.example.org", "secret")
    for url in ("https://partita.example.org", "http://localhost:7878", "http://127.0.0.1:1", "http://[::1]:1"):
        Client(url, "secret").close()
    Client("http://partita.example.org").close()  # nothing is given away
    Client("http://partita.example.org", "secret", allows_plain=True).close()


def test_a_token_is_shown_nowhere() -> None:
    assert "secret" not in repr(Client("https://host", "secret"))
    for token in ("a b", "a\n", "é"):
        with pytest.raises(SettingsError, match="copy it once more"):
            Client("https://host", token)
