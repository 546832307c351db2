"""Files as values: downloaded, checked out, written and read."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas
import pytest

from partita import File, Folder
from partita.components import (
    git_folder,
    http_download,
    http_file,
    json_file,
    read_csv,
    read_json,
    read_json_lines,
    read_parquet,
    table_file,
)
from partita.errors import DefinitionError
from tests.unit.components.test_git import git

DATA = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where values are made; nothing may be left there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_download_is_a_value(server: Any, temporary: Path) -> None:
    url = server.say("/files/a%20b.bin", body=DATA) + "?version=1"
    file = http_file(url, sha256=hashlib.sha256(DATA).hexdigest(), most_bytes=len(DATA))
    assert isinstance(file, File) and file.name == "a b.bin" and file.read_bytes() == DATA
    assert http_file(url, "other.txt").name == "other.txt"
    del file
    gc.collect()
    assert not os.listdir(temporary)


def test_a_download_that_is_not_wanted_leaves_nothing(server: Any, temporary: Path, tmp_path: Path) -> None:
    url = server.say("/a", body=DATA)
    with pytest.raises(ValueError, match="SHA-256"):
        http_file(url, sha256="0" * 64)
    with pytest.raises(ValueError, match=r"larger than the 1,000 bytes of most_bytes=; nothing was kept"):
        http_file(url, most_bytes=1000)
    with pytest.raises(ValueError, match="larger than"):
        http_download(url, tmp_path / "new" / "file", most_bytes=1000)
    assert not os.listdir(tmp_path / "new")
    for name in ("../x", "a/b", "..", "\0"):
        with pytest.raises(DefinitionError, match="plain name"):
            http_file(url, name)
    gc.collect()
    assert not os.listdir(temporary)


def test_a_compressed_answer_is_measured_as_it_is_unpacked(server: Any) -> None:
    import gzip

    url = server.say("/bomb", headers={"Content-Encoding": "gzip"}, body=gzip.compress(bytes(10**7)))
    with pytest.raises(ValueError, match="larger than"):
        http_file(url, most_bytes=10**6)


@pytest.mark.parametrize("address", ["/", "", "/..", "/%2e%2e", "/a%2f..%2fb", "/?x=/y"])
def test_an_address_names_no_file_elsewhere(server: Any, address: str) -> None:
    server.answers = defaultdict(lambda: lambda number: (200, {}, b"x"))
    file = http_file(server.url + address)
    assert file.name in ("download", "a_.._b") and file.read_bytes() == b"x"


def test_a_long_address_gives_a_name_that_a_file_can_have(server: Any) -> None:
    server.answers = defaultdict(lambda: lambda number: (200, {}, b"x"))
    assert http_file(f"{server.url}/{quote('日' * 300)}").name == "日" * 66


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_commit_is_a_folder(tmp_path: Path, temporary: Path) -> None:
    origin = tmp_path / "origin.git"
    origin.mkdir()
    git(origin, "init", "-q", "-b", "main")
    (origin / "deep").mkdir()
    (origin / "deep" / "file").write_text("one")
    (origin / "secret").symlink_to("/etc/passwd")
    (origin / "nowhere").symlink_to("/nowhere")
    git(origin, "add", ".")
    git(origin, "commit", "-q", "-m", "first")
    folder = git_folder(str(origin))
    commit = git(origin, "rev-parse", "HEAD")
    assert isinstance(folder, Folder) and folder.name == f"origin-{commit[:12]}"
    assert sorted(folder) == ["deep/file", "nowhere", "secret"]
    assert folder["secret"].read_text() == "/etc/passwd"  # a link brings in no file of this machine
    file = git_folder(str(origin), "main")["deep/file"]
    del folder
    gc.collect()
    assert file.read_text() == "one"  # a file of it keeps it
    with pytest.raises(DefinitionError, match="git_folder"):
        git_folder("--upload-pack=x")
    del file
    gc.collect()
    assert not os.listdir(temporary)


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_are_written_to_files_and_read_from_them(library: Any, ending: str) -> None:
    read = read_csv if ending == "csv" else read_parquet
    file = table_file(pandas.DataFrame({"n": [1, 2], "m": [3, 4]}), f"t.{ending}")
    assert isinstance(file, File) and file.name == f"t.{ending}"
    found = read(file, columns=["m"], library=library)
    assert (found.to_pydict() if library == "arrow" else pandas.DataFrame(found).iloc[:, 0].tolist()) in (
        [3, 4],
        {"m": [3, 4]},
    )


def test_a_compressed_table_is_known_by_its_name(tmp_path: Path) -> None:
    pandas.DataFrame({"n": [1, 2]}).to_csv(tmp_path / "t.csv.gz", index=False)
    assert read_csv(File(tmp_path / "t.csv.gz"))["n"].tolist() == [1, 2]
    assert read_csv(tmp_path / "t.csv.gz")["n"].tolist() == [1, 2]
    assert read_csv(table_file([{"a": 1}], "t.tsv"), separator="\t")["a"].tolist() == [1]


def test_json_is_written_to_files_and_read_from_them() -> None:
    assert read_json(json_file({"é": [1]})) == {"é": [1]}
    file = json_file([{"a": 1}, 2], "rows.jsonl")
    assert file.read_text() == '{"a": 1}\n2\n' and read_json_lines(file) == [{"a": 1}, 2]


def test_what_names_no_format_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"end in \.csv, \.tsv or \.parquet, not 'a\.xls'"):
        table_file([{"a": 1}], "a.xls")
    with pytest.raises(DefinitionError, match="plain name"):
        json_file(1, "../a.json")
    for value in ({"a": 1}, "text", 1):
        with pytest.raises(TypeError, match="JSON lines are made of a list"):
            json_file(value, "rows.jsonl")
    with pytest.raises(ValueError, match="JSON"):
        json_file(float("nan"))
    assert json.loads(json_file([1], "a").read_text()) == [1]
