"""What a CI system says of the code that it checks out: by its variables, else by Git itself; and which rule fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from partita.protocol.publications import SourceView
from partita.settings_publishing import CiRule

__all__ = ["Surroundings", "rule_for", "surroundings_of"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Which code this is, and who asks."""

    system: str  # "github", "gitlab", "gitea" or "git"
    commit: str
    branch: str  # empty: a tag, or no branch
    tag: str
    by: str  # empty: nobody is named
    is_proposal: bool  # a pull or merge request: it is checked and not published
    summary: str  # file to which a summary in Markdown is added; empty: none


def surroundings_of(variables: Mapping[str, str], source: SourceView) -> Surroundings:
    """What the variables tell, and Git where they do not.

    Args:
        variables: of the process.
        source: what Git tells of the folder.
    """
    if variables.get("GITHUB_ACTIONS") or variables.get("GITEA_ACTIONS") or variables.get("FORGEJO_ACTIONS"):
        return _github(variables, source)
    if variables.get("GITLAB_CI"):
        return _gitlab(variables, source)
    branch = source["branch"] if not source["tag"] else ""
    return Surroundings("git", source["commit"], branch, source["tag"], "", False, "")


def _github(variables: Mapping[str, str], source: SourceView) -> Surroundings:
    is_gitea = bool(variables.get("GITEA_ACTIONS") or variables.get("FORGEJO_ACTIONS"))
    ref, name = variables.get("GITHUB_REF", ""), variables.get("GITHUB_REF_NAME", "")
    is_tag = variables.get("GITHUB_REF_TYPE") == "tag" or ref.startswith("refs/tags/")
    is_proposal = variables.get("GITHUB_EVENT_NAME", "").startswith("pull_request") or ref.startswith("refs/pull/")
    if not name:
        name = ref.partition("refs/tags/" if is_tag else "refs/heads/")[2]
    if is_proposal:
        name = variables.get("GITHUB_HEAD_REF") or name
    return Surroundings(
        "gitea" if is_gitea else "github", variables.get("GITHUB_SHA") or source["commit"], "" if is_tag else name,
        name if is_tag else "", variables.get("GITHUB_ACTOR", ""), is_proposal, variables.get("GITHUB_STEP_SUMMARY", ""),
    )  # fmt: skip


def _gitlab(variables: Mapping[str, str], source: SourceView) -> Surroundings:
    tag = variables.get("CI_COMMIT_TAG", "")
    is_proposal = variables.get("CI_PIPELINE_SOURCE") == "merge_request_event" or bool(
        variables.get("CI_MERGE_REQUEST_IID")
    )
    branch = variables.get("CI_COMMIT_BRANCH") or variables.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME") or ""
    return Surroundings(
        "gitlab", variables.get("CI_COMMIT_SHA") or source["commit"], "" if tag else branch, tag,
        variables.get("GITLAB_USER_LOGIN", ""), is_proposal, "",
    )  # fmt: skip


def rule_for(rules: Sequence[CiRule], branch: str, tag: str) -> CiRule | None:
    """The first rule that fits a tag, or, where there is none, a branch."""
    kind, name = ("tag", tag) if tag else ("branch", branch)
    return next((rule for rule in rules if name and rule.kind == kind and fnmatchcase(name, rule.pattern)), None)
