"""What CI systems say, and which rule fits."""

from __future__ import annotations

from partita.publishing.repository import no_source
from partita.publishing.surroundings import rule_for, surroundings_of
from partita.settings_publishing import as_ci

GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_SHA": "c1", "GITHUB_ACTOR": "ann", "GITHUB_STEP_SUMMARY": "/tmp/s"}


def test_github_tells_branches_tags_and_proposals() -> None:
    branch = surroundings_of({**GITHUB, "GITHUB_REF": "refs/heads/a/b", "GITHUB_REF_NAME": "a/b"}, no_source())
    assert (branch.system, branch.branch, branch.tag, branch.commit, branch.by) == ("github", "a/b", "", "c1", "ann")
    assert branch.summary == "/tmp/s" and not branch.is_proposal
    tag = surroundings_of({**GITHUB, "GITHUB_REF": "refs/tags/v1", "GITHUB_REF_TYPE": "tag"}, no_source())
    assert (tag.branch, tag.tag) == ("", "v1")
    proposal = {
        **GITHUB,
        "GITHUB_REF": "refs/pull/3/merge",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_HEAD_REF": "main",
    }
    assert surroundings_of(proposal, no_source()).is_proposal
    assert surroundings_of({**GITHUB, "GITEA_ACTIONS": "true"}, no_source()).system == "gitea"


def test_gitlab_tells_branches_tags_and_proposals() -> None:
    gitlab = {"GITLAB_CI": "true", "CI_COMMIT_SHA": "c2", "GITLAB_USER_LOGIN": "bo"}
    branch = surroundings_of({**gitlab, "CI_COMMIT_BRANCH": "main"}, no_source())
    assert (branch.system, branch.branch, branch.commit, branch.by) == ("gitlab", "main", "c2", "bo")
    assert surroundings_of({**gitlab, "CI_COMMIT_TAG": "v2", "CI_COMMIT_REF_NAME": "v2"}, no_source()).tag == "v2"
    proposal = {**gitlab, "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "main"}
    assert surroundings_of(proposal, no_source()).is_proposal


def test_elsewhere_git_is_believed() -> None:
    source = {**no_source(), "commit": "c3", "branch": "main", "tag": ""}
    found = surroundings_of({}, source)  # type: ignore[arg-type]
    assert (found.system, found.branch, found.tag, found.commit) == ("git", "main", "", "c3")
    tagged = surroundings_of({}, {**source, "tag": "v1"})  # type: ignore[typeddict-item]
    assert (tagged.branch, tagged.tag) == ("", "v1")


def test_the_first_rule_that_fits_counts() -> None:
    rules = as_ci(
        {"rules": ["branch main -> dev", "branch * -> publish", "tag v*.0 -> prod", "tag v* -> staging"]}
    ).rules
    stages = [found.stage if (found := rule_for(rules, *given)) else "" for given in (
        ("main", ""), ("x", ""), ("", "v1.0"), ("", "v1.1"), ("", "x"), ("main", "v1.1"), ("", ""),
    )]  # fmt: skip
    assert stages == ["dev", "publish", "prod", "staging", "", "staging", ""]
