"""What the API gives: each subject once, over a real server."""

from __future__ import annotations

import io
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.serving import Served, serving

PROJECT = Path(__file__).parents[1] / "browser" / "project"
VALUES = """
import tempfile
from partita import File, Folder, flow, task
from pathlib import Path

@task
def table(n: int) -> dict[str, list[int]]:
    return {"xs": list(range(n)), "ys": [0] * n}

@task
def page() -> File:
    file = Path(tempfile.mkdtemp()) / "page.html"
    file.write_text("<script>alert(1)</script>" + " " * 5000)
    return File(file)

@task
def pages() -> Folder:
    folder = Path(tempfile.mkdtemp()) / "all"
    (folder / "deep").mkdir(parents=True)
    for name in ("one.txt", "deep/two.txt"):
        (folder / name).write_text(name)
    return Folder(folder)

@flow
def values(n: int = 3) -> dict[str, list[int]]:
    page()
    pages()
    return table(n)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("api") / "shop"
    shutil.copytree(PROJECT, folder)
    (folder / "values.py").write_text(VALUES)
    made = serving(folder)
    made.wait(made.launch("flows.py:squares", n=3))
    made.wait(made.launch("values.py:values"))
    yield made
    made.stop()


def every(served: Served, path: str, limit: int) -> list[Any]:
    found, cursor = [], ""
    while True:
        page = served.get(f"/api/v1{path}{'&' if '?' in path else '?'}limit={limit}&cursor={cursor}")
        assert len(page["items"]) <= limit
        found += page["items"]
        if not page["next"]:
            return found
        cursor = page["next"]


def test_pages_hold_everything_once(served: Served) -> None:
    for path, key in (
        ("/runs", "id"), ("/runs?order=oldest", "id"), ("/artifacts", "name"), ("/audit", "number"), ("/runs/latest/steps", "id"),
    ):  # fmt: skip
        whole, pieces = every(served, path, 500), every(served, path, 2)
        # The page of the audit is noted nowhere; what was there is the same whichever way it is read.
        assert [item[key] for item in whole] == [item[key] for item in pieces], path
        assert (
            len({item[key] for item in whole}) == len(whole) > 2 - (path.startswith("/runs") and "steps" not in path)
        ), path


def test_a_cursor_of_another_list_is_refused(served: Served) -> None:
    cursor = served.get("/api/v1/artifacts?limit=1")["next"]
    assert served.ask("GET", f"/api/v1/runs?cursor={cursor}").status == 422
    assert served.ask("GET", "/api/v1/artifacts?cursor=1").status == 422
    assert served.ask("GET", f"/runs?cursor={cursor}").status == 400  # a page


def test_what_is_known_is_not_sent_again(served: Served) -> None:
    first = served.ask("GET", "/api/v1/flows")
    again = served.ask("GET", "/api/v1/flows", headers={"if-none-match": first.headers["etag"]})
    assert (again.status, again.data) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert served.ask("GET", "/api/v1/flows", headers={"if-none-match": '"other"'}).status == 200


def test_a_key_gives_the_first_run_and_refuses_another_one(served: Served) -> None:
    def launch(key: str, flow: str = "flows.py:squares", token: str | None = None, **inputs: Any) -> tuple[int, Any]:
        body = {"flow": flow, "inputs": inputs}
        answer = served.ask("POST", "/api/v1/runs", body, headers={"idempotency-key": key}, token=token)
        return answer.status, answer.json()

    (status, first), (_, second) = launch("k1", n=2), launch("k1", n=2)
    assert status == 201
    assert first["id"] == second["id"]
    for other in (launch("k1", n=3), launch("k1", "flows.py:asks", n=2), launch("k1")):
        assert other[0] == 409
        assert other[1]["title"] == "ConflictError"
        assert first["id"] in other[1]["detail"]
    assert launch("k2", n=2)[1]["id"] != first["id"]
    # Another person's key is another key.
    editor = served.post("/api/v1/tokens", {"name": "ed", "role": "editor"})["secret"]
    assert launch("k1", n=2, token=editor)[1]["id"] != first["id"]


def test_flows_are_checked_planned_and_written_without_running_them(served: Served) -> None:
    before = len(every(served, "/runs", 500))
    assert {"flow": "flows.py:squares", "name": "squares"} in served.get("/api/v1/flows")
    checked = served.post("/api/v1/flows/check", {"flow": "flows.py:squares", "inputs": {"n": 3}})
    assert not checked["problems"]
    wrong = served.post("/api/v1/flows/check", {"flow": "flows.py:squares", "inputs": {"m": 3}})
    assert "m" in wrong["problems"][0]["message"]
    plan = served.post("/api/v1/flows/plan", {"flow": "flows.py:squares", "inputs": {"n": 3}})
    assert plan["makespan_s"] > 0
    asked = {"flow": "flows.py:squares", "inputs": {"n": 3}, "samples": 10_000}
    more = served.post("/api/v1/flows/plan", asked)
    assert plan["finish"]["samples"] < more["finish"]["samples"] <= 100_000 / len(more["steps"])
    assert served.ask("POST", "/api/v1/flows/plan", {**asked, "samples": 10_001}).status == 422
    assert "steps:" in served.post("/api/v1/flows/convert", {"flow": "flows.py:squares"})["text"]
    assert len(every(served, "/runs", 500)) == before


def test_a_step_by_its_path(served: Served) -> None:
    run = served.launch("flows.py:squares", n=2)
    served.wait(run)
    step = served.get(f"/api/v1/runs/{run}/step?path=work%5B1%5D")
    assert step["path"] == "work[]/work[1]"
    assert served.get(f"/api/v1/runs/{run}/steps/{step['id']}") == step
    assert "working on 1" in served.ask("GET", f"/api/v1/runs/{run}/steps/{step['id']}/log").data.decode()
    assert served.ask("GET", f"/api/v1/runs/{run}/step?path=nonsense").status == 404
    assert served.ask("GET", f"/api/v1/runs/{run}/steps/999").status == 404


def test_artifacts_and_their_files(served: Served) -> None:
    assert {item["flow"] for item in every(served, "/artifacts?flow=values", 3)} == {"values"}
    run = served.launch("values.py:values")
    served.wait(run)
    name = next(item["name"] for item in every(served, "/artifacts", 500) if item["path"] == "table")
    assert served.get(f"/api/v1/artifacts/one?name={name}")["view"]["name"].startswith(name.partition(".")[0])
    lineage = served.get(f"/api/v1/artifacts/lineage?name={name}&ways=up")
    assert lineage["nodes"]
    file = served.ask("GET", f"/api/v1/artifacts/files?name={run}:page")
    assert file.data.startswith(b"<script>")
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"] == 'attachment; filename="page.html"'
    several = served.ask("GET", f"/api/v1/artifacts/files?name={run}:pages")
    assert several.status == 200, several.data
    archive = zipfile.ZipFile(io.BytesIO(several.data))
    assert sorted(archive.namelist()) == ["deep/two.txt", "one.txt"]
    blob = next(item["hash"] for item in every(served, "/artifacts", 500) if item["hash"] and item["path"] == "page")
    held = served.ask("GET", f"/api/v1/artifacts/blobs/{blob}")
    assert held.data == file.data
    assert held.headers["etag"] == f'"{blob}"'
    assert served.ask("GET", f"/api/v1/artifacts/blobs/{'0' * 64}").status == 404


def test_a_study_is_begun_followed_and_stopped(served: Served) -> None:
    body = {"flow": "flows.py:squares", "space": {"n": "1..40"}, "trials": 400, "study": "long", "parallel": 1}
    begun = served.ask("POST", "/api/v1/studies", body)
    assert begun.status == 201, begun.data
    assert begun.headers["location"] == "/api/v1/studies/long"
    assert served.get("/api/v1/studies/long")["state"] == "running"
    assert served.ask("POST", "/api/v1/studies", body).status == 409  # the server is at it
    assert served.ask("DELETE", "/api/v1/studies/long").status == 409
    served.post("/api/v1/studies/long/stop")
    until = time.monotonic() + 30
    while served.get("/api/v1/studies/long")["state"] == "running" and time.monotonic() < until:
        time.sleep(0.1)
    stopped = served.get("/api/v1/studies/long")
    assert stopped["state"] == "stopped"
    again = served.post("/api/v1/studies", {"study": "long", "trials": len(stopped["trials"]) + 1})
    assert again["name"] == "long"
    while served.get("/api/v1/studies/long")["state"] == "running" and time.monotonic() < until:
        time.sleep(0.1)
    assert served.get("/api/v1/studies/long")["state"] == "ended"
    assert served.ask("POST", "/api/v1/studies", {"flow": "flows.py:nonsense"}).status in (404, 422)
    assert served.ask("DELETE", "/api/v1/studies/long").status == 204
    assert served.ask("GET", "/api/v1/studies/long").status == 404


def test_waits_and_events(served: Served) -> None:
    run = served.launch("flows.py:asks", n=1)
    until = time.monotonic() + 30
    while (
        not (found := [wait for wait in served.get("/api/v1/waits") if wait["run"] == run]) and time.monotonic() < until
    ):
        time.sleep(0.05)
    assert served.get(f"/api/v1/runs/{run}/waits")[0]["name"] == "Is it good?"
    served.post(f"/api/v1/runs/{run}/steps/{found[0]['step']}/approve", {"comment": "yes"})
    assert served.wait(run)["state"] == "succeeded"
    assert served.ask("POST", f"/api/v1/runs/{run}/steps/{found[0]['step']}/approve", {}).status == 409
    assert served.post("/api/v1/events", {"event": "e", "id": "1"})["is_new"]
    assert not served.post("/api/v1/events", {"event": "e", "id": "1"})["is_new"]


def test_runs_are_compared_and_deleted(served: Served) -> None:
    one, two = served.launch("flows.py:squares", n=1), served.launch("flows.py:squares", n=2)
    for run in (one, two):
        served.wait(run)
    assert served.get(f"/api/v1/runs/{one}/compare/{two}")
    assert any(run["id"] == one for run in served.post("/api/v1/runs/prunable", {"runs": [one]})["runs"])
    whole = served.post("/api/v1/runs/prunable", {"flow": "squares"})
    assert whole["next"] is None and {one, two} <= {run["id"] for run in whole["runs"]}
    found, cursor = [], ""
    while cursor is not None:
        page = served.post(f"/api/v1/runs/prunable?limit=1&cursor={cursor}", {"flow": "squares"})
        assert len(page["runs"]) + len(page["held"]) <= 1
        found, cursor = [*found, *page["runs"]], page["next"]
    assert found == whole["runs"]
    assert served.ask("DELETE", f"/api/v1/runs/{one}").json()["run"] == one
    assert served.ask("GET", f"/api/v1/runs/{one}").status == 404


def test_own_tokens_and_those_of_others(served: Served) -> None:
    served.ask("PUT", "/api/v1/users/ann", {"role": "editor"})
    ann = served.post("/api/v1/tokens", {"name": "hers", "role": "editor", "user": "ann"})["secret"]
    made = served.ask("POST", "/api/v1/tokens", {"name": "less", "role": "viewer", "user": "ann"}, token=ann)
    assert made.status == 201
    assert (
        served.ask("POST", "/api/v1/tokens", {"name": "more", "role": "admin", "user": "ann"}, token=ann).status == 403
    )
    assert served.ask("POST", "/api/v1/tokens", {"name": "other", "role": "viewer"}, token=ann).status == 403
    assert {token["user"] for token in served.get("/api/v1/tokens", token=ann)} == {"ann"}
    assert served.ask("GET", "/api/v1/tokens?user=bob", token=ann).status == 403
    assert len(served.get("/api/v1/tokens")) > 2
    less = made.json()
    assert served.ask("GET", "/api/v1/me", token=less["secret"]).json()["role"] == "viewer"
    assert served.ask("DELETE", f"/api/v1/tokens/{less['token']['id']}", token=ann).status == 200
    assert served.ask("GET", "/api/v1/me", token=less["secret"]).status == 401
    served.post("/api/v1/users/ann/disable")
    assert served.ask("GET", "/api/v1/me", token=ann).status == 401


def test_a_token_that_ends_makes_none_that_ends_later(served: Served) -> None:
    given = {"name": "an hour", "role": "admin", "expires_in_s": 3600}
    hour = served.post("/api/v1/tokens", given)["secret"]
    for seconds, status in ((None, 403), (7200, 403), (1800, 201)):
        asked = {"name": "from it", "role": "viewer", "expires_in_s": seconds}
        made = served.ask("POST", "/api/v1/tokens", asked, token=hour)
        assert made.status == status, made.data
    half = made.json()
    assert served.ask("POST", "/api/v1/tokens", given, token=half["secret"]).status == 403
    assert served.ask("DELETE", f"/api/v1/tokens/{half['token']['id']}", token=hour).status == 200


def test_settings_are_told_without_passwords(tmp_path: Path) -> None:
    from partita.settings import load_settings
    from partita.workspace.settings_shown import shown_settings

    url = "s3://bucket/x?key=hidden1&secret=hidden2&region=eu"
    (tmp_path / "partita.toml").write_text(f'store = "postgresql://me:hidden0@host/db"\nartifacts = "{url}"\n')
    shown = {item["key"]: item["value"] for item in shown_settings(load_settings(tmp_path))}
    assert "hidden" not in repr(shown)
    assert "region=eu" in shown["artifacts"]
    assert "//****@host" in shown["store"]


def test_published_flows(served: Served) -> None:
    first = served.post("/api/v1/publications", {"flow": "flows.py:squares", "note": "as it was"})
    assert first["version"] == "squares@1"
    run = served.launch("squares@1", n=3)
    assert served.wait(run)["state"] == "succeeded"
    assert [item["id"] for item in served.get("/api/v1/runs?publication=squares@1")["items"]] == [run]
    assert [item["version"] for item in served.get("/api/v1/publications")["items"]] == ["squares@1"]
    archive = served.ask("GET", f"/api/v1/bundles/{first['bundle']}")
    assert archive.headers["content-disposition"].startswith("attachment")
    assert upload(served, archive.data).json()["hash"] == first["bundle"]
    assert upload(served, b"no archive").status == 422
    assert upload(served, b"").status == 422
    moved = served.ask("PUT", "/api/v1/publications/squares/stages/dev", {"version": 1, "why": "it works"})
    assert moved.status == 200, moved.data
    assert served.get("/api/v1/publications/squares/moves")["items"][0]["why"] == "it works"
    assert served.get("/api/v1/publications/squares/difference?a=1&b=latest")
    assert served.ask("DELETE", "/api/v1/publications/squares@1").status == 409  # a stage has it
    (served.folder / "brief.py").write_text("from partita import flow\n\n@flow\ndef brief() -> int:\n    return 1\n")
    assert served.post("/api/v1/publications", {"flow": "brief.py:brief"})["version"] == "brief@1"
    assert served.ask("DELETE", "/api/v1/publications/brief@1").status == 204
    assert served.ask("POST", "/api/v1/runs", {"flow": "brief@1"}).status in (404, 409, 422)


def upload(served: Served, archive: bytes) -> urllib3.BaseHTTPResponse:
    headers = {"authorization": f"Bearer {served.token}", "content-type": "application/x-tar"}
    return urllib3.request(
        "POST", f"{served.url}/api/v1/bundles", body=archive, headers=headers, retries=False, timeout=60
    )


def test_secrets_are_told_by_name_only(served: Served) -> None:
    made = served.ask("PUT", "/api/v1/secrets/API_KEY", {"value": "hunter22hunter22"})
    assert made.json()["is_new"]
    assert [secret["name"] for secret in served.get("/api/v1/secrets")] == ["API_KEY"]
    assert served.post("/api/v1/secret-keys")["count"] == 1
    told = served.ask("GET", "/api/v1/secrets").data + served.ask("GET", "/api/v1/audit?action=secret").data + made.data
    assert b"hunter22" not in told
    wrong = served.ask("PUT", "/api/v1/secrets/API_KEY", {"value": ["hunter22hunter22"], "more": "hunter22hunter22"})
    assert wrong.status == 422
    assert b"hunter22" not in wrong.data
    assert "hunter22" not in "\n".join(served.lines)
    assert {entry["who"] for entry in served.get("/api/v1/audit?action=secret.set")["items"]} == {"token:first admin"}
    assert served.ask("DELETE", "/api/v1/secrets/API_KEY").status == 204
    assert served.ask("DELETE", "/api/v1/secrets/API_KEY").status == 404


def test_a_body_that_is_not_said_to_be_json_is_told_the_header(served: Served) -> None:
    """As curl sends it without -H: it says then that it is a form."""
    body = b'{"flow": "flows.py:squares"}'
    form = {"content-type": "application/x-www-form-urlencoded"}
    refused = served.ask("POST", "/api/v1/runs", headers=form, data=body)
    assert refused.status == 422 and "Content-Type: application/json" in refused.json()["detail"]
    broken = served.ask("POST", "/api/v1/runs", headers={"content-type": "application/json"}, data=body[:-1])
    assert broken.status == 422 and "Content-Type" not in broken.json()["detail"]
