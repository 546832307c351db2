"""What settings hold that is secret is not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.settings import load_settings
from partita.workspace.settings_shown import shown_settings


@pytest.mark.parametrize(
    "url, shown",
    [
        ("postgresql://me:hidden@host/db", "postgresql://****@host/db"),
        ("postgresql://me:hid/den@x@host/db", "postgresql://****@host/db"),
        ("postgresql://hidden-token@host/db", "postgresql://****@host/db"),
        (
            "postgresql://host/db?user=me&password=hidden&sslmode=on",
            "postgresql://host/db?user=me&password=****&sslmode=on",
        ),
        ("postgresql://host/db?X-Amz-Signature=hidden&a=b", "postgresql://host/db?X-Amz-Signature=****&a=b"),
        (
            "postgresql://host/db?sig=hidden&a=b#access_token=hidden",
            "postgresql://host/db?sig=****&a=b#access_token=****",
        ),
        ("postgresql://host/db", "postgresql://host/db"),
    ],
)
def test_who_asks_and_with_what_is_masked(tmp_path: Path, url: str, shown: str) -> None:
    (tmp_path / "partita.toml").write_text(f'store = "{url}"\n')
    found = {item["key"]: item["value"] for item in shown_settings(load_settings(tmp_path))}
    assert found["store"] == shown
