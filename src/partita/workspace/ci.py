"""What `partita ci` and pushes do: check, publish and promote the flows of a commit by the rules of the settings."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from partita.artifacts.code.archive import pack_archive
from partita.artifacts.code.bundles import make_bundle
from partita.errors import NotFoundError, PartitaError, PublishError, SettingsError
from partita.protocol.publications import CiFlowView, CiReport, PromotionView, PublicationView, SourceView
from partita.publishing.pushes import Push
from partita.publishing.repository import fetch_commit, source_of, without_password
from partita.publishing.surroundings import Surroundings, rule_for, surroundings_of
from partita.settings import load_settings
from partita.settings_publishing import ON_PUBLISH, CiRule, RepositorySettings
from partita.workspace.discovery import find_flows
from partita.workspace.gates import Asker
from partita.workspace.publishing import keep_bundle, publish_bundle

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace
    from partita.workspace.port import Workspace

__all__ = ["publish_elsewhere", "publish_push", "run_ci"]

_POLL_S = 5.0
#: Where a run that checks gates waits for persons.
_WAITING = "waiting"


def run_ci(
    workspace: Workspace, variables: Mapping[str, str], *, branch: str = "", tag: str = "", flows: Sequence[str] = (),
    only_check: bool = False, say: Callable[[str], None] = lambda line: None, to: Workspace | None = None,
) -> CiReport:  # fmt: skip
    """Check, publish and promote the project's flows, as the branch or tag that is checked out asks for.

    Args:
        variables: of the process: what the CI system says.
        branch, tag: instead of what it says.
        flows: references; default: those of the setting `ci`, or every flow of the project's files.
        only_check: publish nothing.
        say: is told each line of progress.
        to: the server on which they are published and promoted; None: this workspace.
    """
    source = source_of(workspace.folder)
    found = surroundings_of(variables, source)
    if branch or tag:
        found = Surroundings(found.system, found.commit, "" if tag else branch, tag, found.by, False, found.summary)
    settings = workspace.settings.ci
    rule = None if found.is_proposal or only_check else rule_for(settings.rules, found.branch, found.tag)
    report = _report(found, rule)
    names = list(flows) or list(settings.flows) or workspace.flows()
    if not names:
        raise NotFoundError(f"there is no flow in {workspace.folder} to be checked or published")
    if rule is None:
        for flow in names:
            say(f"checking {flow}")
            report["flows"].append(_checked(workspace, flow))
    else:

        def publish(flow: str) -> PublicationView:
            if to is not None:
                return publish_elsewhere(workspace, to, flow, note=_note(found))
            return workspace.publish(flow, note=_note(found), by=found.by)

        def promote(view: PublicationView, stage: str) -> PromotionView:
            return (to or workspace).promote(view["name"], view["number"], stage, why=str(rule), by=found.by)

        _publish_all(to or workspace, report, names, rule.stage, publish, promote, say, waits=True)
    report["is_good"] = not any(flow["error"] for flow in report["flows"])
    return report


def publish_elsewhere(
    workspace: Workspace, to: Workspace, flow: str, *, name: str = "", note: str = ""
) -> PublicationView:
    """Publish a flow of this project on a server: its code is uploaded, and checked there."""
    made = cast("LocalWorkspace", workspace)
    hash = to.receive_bundle(made.bundle_archive(made.bundle()))
    return to.publish(flow, name=name, note=note, bundle=hash, source=source_of(workspace.folder))


def _report(found: Surroundings, rule: CiRule | None) -> CiReport:
    return CiReport(
        system=found.system, commit=found.commit, branch=found.branch, tag=found.tag, is_proposal=found.is_proposal,
        rule=str(rule) if rule is not None else "", flows=[], is_good=True, summary_file=found.summary,
    )  # fmt: skip


def _note(found: Surroundings) -> str:
    return f"{'tag ' + found.tag if found.tag else 'branch ' + found.branch} at {found.commit[:10]}"


def _checked(workspace: Workspace, flow: str) -> CiFlowView:
    told = _flow(flow)
    try:
        problems = workspace.check(flow, {})["problems"]
    except PartitaError as error:
        told["error"] = str(error)
        return told
    errors = [problem for problem in problems if not problem.get("is_warning")]
    # Inputs that have to be given are nobody's mistake here.
    wrong = [problem for problem in errors if "is missing its argument" not in str(problem.get("message", ""))]
    told["error"] = "; ".join(
        f"{problem.get('place') or flow}: {problem['message']}" for problem in wrong
    )  # fmt: skip
    return told


def _flow(flow: str) -> CiFlowView:
    return CiFlowView(
        flow=flow, version="", is_new=False, stage="", is_moved=False, run="", state="", gates=[], error=""
    )


def _publish_all(
    workspace: Workspace, report: CiReport, flows: Sequence[str], stage: str, publish: Callable[[str], PublicationView],
    promote: Callable[[PublicationView, str], PromotionView], say: Callable[[str], None], *, waits: bool,
) -> None:  # fmt: skip
    """Publish each, so that all are known to be good, then promote each."""
    views: list[tuple[CiFlowView, PublicationView]] = []
    for flow in flows:
        told = _flow(flow)
        report["flows"].append(told)
        try:
            say(f"publishing {flow}")
            view = publish(flow)
            told["version"], told["is_new"] = view["version"], view["is_new"]
            if view["lacks"]:
                say(f"checking the gates of {view['version']}")
                _passed_on_publishing(workspace, view, told)
            views.append((told, view))
        except PartitaError as error:
            told["error"] = str(error)
    if stage == ON_PUBLISH or any(told["error"] for told in report["flows"]):
        return
    for told, view in views:
        try:
            say(f"promoting {view['version']} to {stage}")
            _promoted(workspace, view, told, stage, promote, waits=waits)
        except PartitaError as error:
            told["error"] = str(error)


def _passed_on_publishing(workspace: Workspace, view: PublicationView, told: CiFlowView) -> None:
    """Wait for the gates on publishing.

    Raises:
        PublishError: one is not met.
    """
    state = workspace.gates(view["version"])
    told["run"], told["state"] = state["run"], _ended(workspace, state["run"]) if state["run"] else ""
    told["gates"] = workspace.gates(view["version"])["gates"]
    lacking = workspace.publication(view["version"])["lacks"]
    if lacking:
        raise PublishError(f"{view['version']} lacks {', '.join(lacking)}")


def _promoted(
    workspace: Workspace, view: PublicationView, told: CiFlowView, stage: str,
    promote: Callable[[PublicationView, str], PromotionView], *, waits: bool,
) -> None:  # fmt: skip
    """Promote it; with `waits`, until it has moved, failed, or waits for persons.

    Raises:
        PublishError: a gate is not met.
    """
    told["stage"] = stage
    found = promote(view, stage)
    told["is_moved"], told["run"] = found["is_moved"], found["run"] or told["run"]
    if found["is_moved"] or not waits:
        return
    told["state"] = _ended(workspace, found["run"])
    state = workspace.gates(view["version"], stage)
    told["gates"], told["is_moved"] = state["gates"], state["has_stage"]
    if told["state"] not in ("succeeded", _WAITING):
        unmet = [gate["gate"] for gate in state["gates"] if gate["is_met"] is False]
        raise PublishError(f"{view['version']} does not go to {stage}: {', '.join(unmet) or told['state']}")


def _ended(workspace: Workspace, run: str) -> str:
    """The state in which a run ends; "waiting" where it waits for persons."""
    version = 0
    while True:
        news = workspace.watch(run, version, timeout_s=_POLL_S)
        version = news["version"]
        if news["is_final"]:
            return workspace.run(run)["state"]
        if any(wait["kind"] == "approval" and not wait["outcome"] for wait in workspace.waits(run)):
            return _WAITING
        if not news["steps"]:
            time.sleep(0.05)


def publish_push(workspace: LocalWorkspace, push: Push) -> CiReport:
    """Fetch the commit of a push from the repository that the settings name, and publish by its rules.

    Nothing that the push says of where the repository lies is believed. Gates before a stage are checked by runs that are not
    waited for.

    Raises:
        NotFoundError: the settings name no such repository, or it has no such commit.
        PublishError: it cannot be fetched.
    """
    known = {name.lower(): settings for name, settings in workspace.settings.repositories.items()}
    settings = known.get(push.repository.lower())
    if settings is None:
        raise NotFoundError(f"the setting `repositories` names no {push.repository!r}; its pushes are not published")
    branch, tag = (push.name, "") if push.kind == "branch" else ("", push.name)
    rule = rule_for(settings.rules or workspace.settings.ci.rules, branch, tag) if push.is_to_publish else None
    report = _report(Surroundings(push.service, push.commit, branch, tag, push.by, False, ""), rule)
    if rule is None:
        return report
    workspace.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".push-", dir=workspace.state, ignore_cleanup_errors=True) as place:
        token = os.environ.get(settings.token, "") if settings.token else ""
        if settings.token and not token:
            raise PublishError(f"the token of {push.repository} is not there: set the variable {settings.token}")
        checkout = Path(place) / "code"
        checkout.mkdir()
        fetch_commit(settings.url, push.commit, checkout, token=token)
        project = checkout / settings.folder if settings.folder else checkout
        if not project.is_dir():
            raise NotFoundError(f"{push.repository} has no folder {settings.folder!r} at {push.commit[:10]}")
        bundle = _bundled(workspace, project, Path(place) / "state")
        flows = list(settings.flows) or list(workspace.settings.ci.flows) or find_flows(project)
    if not flows:
        raise NotFoundError(f"{push.repository} has no flow at {push.commit[:10]}")
    source = SourceView(
        commit=push.commit, branch=branch, tag=tag, repository=without_password(settings.url), is_clean=True
    )  # fmt: skip
    note, why = push.message or f"{push.kind} {push.name}", str(rule)
    who: dict[str, Any] = {"by": push.author, "asker": _asker(workspace, settings, push)}
    _publish_all(
        workspace, report, flows, rule.stage,
        lambda flow: publish_bundle(workspace, flow, bundle, source, note=note, **who),
        lambda view, stage: workspace.promote(view["name"], view["number"], stage, why=why, **who),
        lambda line: None, waits=False,
    )  # fmt: skip
    report["is_good"] = not any(flow["error"] for flow in report["flows"])
    return report


def _asker(workspace: LocalWorkspace, settings: RepositorySettings, push: Push) -> Asker:
    """Who pushed, by the table of the settings.

    Not every service has seen that the address that it tells is theirs: whose name it is does not approve, either, and nobody
    is known by it.
    """
    names = [user["name"] for user in workspace.users()]
    users = [name for name in names if push.email and name.lower() == push.email.lower()]
    # Services tell logins apart whatever their case.
    user = {login.lower(): user for login, user in settings.users}.get(push.by.lower(), "")
    # A program's token is a name that no user has, and that nobody lists.
    is_known = user in names or user.startswith("token:")
    return Asker(tuple(dict.fromkeys([*users, *([user] if is_known else [])])), is_known)


def _bundled(workspace: LocalWorkspace, project: Path, state: Path) -> str:
    """The code of a folder, kept among the bundles of the workspace; gives its hash."""
    try:
        own = load_settings(project, environment={})
    except SettingsError as error:
        raise PublishError(f"the settings of the code that was pushed cannot be read: {error}") from error
    made = make_bundle(project, state, own.bundle_include, own.bundle_exclude)
    return keep_bundle(workspace, pack_archive(made.folder))
