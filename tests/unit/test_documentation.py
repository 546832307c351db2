"""Everything that users can name is documented, and what the documents say is true as far as it can be run.

Python blocks are run as `tests/documents.py` says: those of a page form one module, run in order, in a project folder of
their own, with the flows on an engine in memory. Blocks that are not run are compiled. What is to be typed in a shell
is run by `tests/integration/test_documents.py`.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import typer.main

import partita
import partita.testing
from partita.cli.app import build_app
from partita.cli.statuses import CANCELLED, FAILED, INTERRUPTED, SUCCESS, TROUBLE, WRONG_USE
from partita.core.states import ATTEMPT_OUTCOMES, WAIT_OUTCOMES, Kind, State
from partita.engine.reading import _SHOWN_MARKS
from partita.flow.options import FLOW_OPTIONS, RUN_OPTIONS, TASK_OPTIONS
from partita.settings import describe_settings, load_settings
from partita.testing import memory_workspace
from partita.values import INLINE_LIMIT_BYTES
from tests.documents import DOCS, FENCE, PAGES, ROOT, blocks_of, name_of, write_block

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def headings_of(text: str) -> list[str]:
    plain = FENCE.sub("", text)
    return [line.lstrip("#").strip() for line in plain.splitlines() if line.startswith("#")]


def sections_of(text: str) -> dict[str, str]:
    """Heading -> what stands below it, up to the next one."""
    parts = re.split(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return dict(zip((part.strip() for part in parts[1::2]), parts[2::2], strict=True))


def anchors_of(page: Path) -> set[str]:
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings_of(page.read_text(encoding="utf-8"))
    }


# What users can name


@pytest.mark.parametrize("name", partita.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    assert any(f"`{name}" in page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))


@pytest.mark.parametrize("name", partita.testing.__all__)
def test_every_public_name_of_testing_is_documented(name: str) -> None:
    assert f"`{name}" in text_of("testing.md")


def test_every_public_name_is_in_the_reference() -> None:
    told = set(re.findall(r"^\.\. auto\w+:: ([\w.]+)", text_of("reference/python.md"), re.MULTILINE))
    told = {name.rpartition(".")[2] for name in told}
    public = {*partita.__all__, *partita.testing.__all__, *partita.errors.__all__} - {"errors"}
    assert not public - told
    assert not told - public - {"Context", "Workspace"}  # what `context()` and `open_workspace()` give


def test_every_state_mark_and_kind_that_is_shown_is_documented() -> None:
    told = sections_of(text_of("reference/states.md"))
    rows = {name: set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) for name, section in told.items()}
    assert rows["States"] == {state.name.lower() for state in State}
    assert rows["Marks"] == {word for _, word in _SHOWN_MARKS}
    assert rows["Kinds of steps"] == {kind.name.lower() for kind in Kind}
    assert rows["Ends of attempts"] == ATTEMPT_OUTCOMES
    assert rows["Ends of waits"] == WAIT_OUTCOMES


def test_every_public_method_of_the_memory_workspace_is_documented() -> None:
    names = [name for name in vars(partita.testing.MemoryWorkspace) if not name.startswith("_")]
    page = text_of("testing.md")
    assert not [name for name in names if f"`{name}" not in page and f"workspace.{name}" not in page]


def test_every_setting_is_documented_as_it_is() -> None:
    sections = sections_of(text_of("settings.md"))
    for setting in describe_settings():
        told = sections[f"`{setting.key}`"]
        assert f"`{setting.variable}`" in told
        assert setting.form in told, setting.key
        assert f"Default: {setting.default}." in told.replace("`", ""), setting.key
    assert not {name.strip("`") for name in sections if name.startswith("`")} - {s.key for s in describe_settings()}


def test_every_option_is_documented_with_its_default_and_an_example() -> None:
    sections = sections_of(text_of("options.md"))
    documented = {name.strip("`"): told for name, told in sections.items() if name.startswith("`")}
    assert documented.keys() == TASK_OPTIONS | RUN_OPTIONS
    for name, told in documented.items():
        assert "Default:" in told and f"{name}=" in told, name
        assert ("Tasks only." in told) == (name not in FLOW_OPTIONS), name
        assert ("Flows only" in told) == (name in RUN_OPTIONS), name


def test_every_example_of_an_option_is_accepted() -> None:
    given = {"task": partita.task, "flow": partita.flow, "fit": partita.task(abs_of)}
    given |= dict.fromkeys(("last_known_price", "cancel_booking", "unchanged_file"), abs_of)
    examples = re.findall(r"^Examples?: (`.*?)\.?$", text_of("options.md"), re.MULTILINE)
    assert len(examples) == len(TASK_OPTIONS | RUN_OPTIONS)
    for code in re.findall(r"`@?((?:task|flow|fit)[^`]*)`", " ".join(examples)):
        eval(code, dict(given))


def abs_of(number: int) -> int:
    """What the examples of options call by other names."""
    return abs(number)


@pytest.mark.parametrize("name", [name for name in partita.errors.__all__ if name.endswith("Error")])
def test_every_error_is_documented(name: str) -> None:
    assert f"`{name}`" in headings_of(text_of("errors.md"))


def test_no_error_is_documented_that_is_not_there() -> None:
    told = {heading.strip("`") for heading in headings_of(text_of("errors.md")) if heading.startswith("`")}
    assert told == {name for name in partita.errors.__all__ if name.endswith("Error")} | {"CommandError", "Skip"}


def commands(command: Any = None, path: str = "partita") -> Iterator[tuple[str, Any]]:
    """(words, command) of every command that does something."""
    command = command or typer.main.get_command(build_app())
    if hasattr(command, "commands"):
        for name, below in command.commands.items():
            yield from commands(below, f"{path} {name}")
    else:
        yield path, command


COMMANDS = dict(commands())


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_its_options_are_documented(path: str) -> None:
    told = sections_of(text_of("command-line.md"))[f"`{path}`"]
    for parameter in COMMANDS[path].params:
        for name in (*parameter.opts, *parameter.secondary_opts):
            if name.startswith("-") and name not in ("--help", "-h"):
                assert f"`{name}" in told, f"{path} {name}"


def test_no_command_is_documented_that_is_not_there() -> None:
    told = {heading.strip("`") for heading in headings_of(text_of("command-line.md")) if heading.startswith("`partita")}
    assert told == COMMANDS.keys()


def test_every_exit_status_is_documented() -> None:
    told = sections_of(text_of("command-line.md"))["Exit status"]
    for status in (SUCCESS, FAILED, WRONG_USE, CANCELLED, TROUBLE, INTERRUPTED):
        assert f"| {status} |" in told


def test_everything_that_a_context_offers_is_documented() -> None:
    from partita.flow.context import Context

    page = text_of("concepts.md")
    offered = [name for name in vars(Context) if not name.startswith("_")]
    assert len(offered) > 8
    assert not [name for name in offered if f".{name}" not in page]


def test_everything_that_a_run_offers_is_documented() -> None:
    page = text_of("concepts.md")
    assert not [name for name in vars(partita.Run) if not name.startswith("_") and f"run.{name}" not in page]


@pytest.mark.parametrize("method", [name for name in signature(partita.Task.map).parameters if name.isidentifier()][2:])
def test_everything_that_a_map_takes_is_documented(method: str) -> None:
    assert method == "kwargs" or f"`{method}=" in text_of("concepts.md")


# What the documents say


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors_of(file), f"{link}: there is no such heading"


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == DOCS], ids=name_of)
def test_every_page_can_be_reached_from_the_readme(page: Path) -> None:
    reached, pending = set(), [ROOT / "README.md"]
    while pending:
        current = pending.pop()
        if current in reached or current.suffix != ".md" or not current.is_file():
            continue
        reached.add(current)
        for link in _LINK.findall(current.read_text(encoding="utf-8")):
            if "://" not in link:
                pending.append((current.parent / link.partition("#")[0]).resolve())
    assert page.resolve() in reached


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    """A page that is not: put it into the `toctree` of the page that leads to it, such as docs/index.md."""
    listed = {DOCS / "index.md"}
    for page in DOCS.rglob("*.md"):
        for block in re.findall(
            r"^```{toctree}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            entries = [line for line in block.splitlines() if line and not line.startswith(":")]
            for entry in entries:
                target = entry.rpartition("<")[2].rstrip(">")
                found = list(page.parent.glob(f"{target}.md")) or [(page.parent / f"{target}.md").resolve()]
                listed.update(found)
    assert {page.resolve() for page in listed} == set(DOCS.rglob("*.md"))


def test_what_the_navigation_has_below_how_to_is_listed_there() -> None:
    """In the repository there is no navigation."""
    page = DOCS / "how-to" / "index.md"
    text, _, contents = page.read_text(encoding="utf-8").partition("```{toctree}")
    entries = re.findall(r"^(?:.*<)?([\w./-]+)>?$", contents, re.MULTILINE)
    assert len(entries) > 15
    assert not [entry for entry in entries if f"]({entry}.md)" not in text]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_blocks_are_python(page: Path) -> None:
    for block in blocks_of(page):
        if block.language == "python":
            compile("\n" * (block.line - 1) + block.text, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_blocks_are_there(page: Path) -> None:
    """`partita ...` at the start of a line of any block, and `partita ...` in the text between."""
    text = page.read_text(encoding="utf-8")
    shown = [line for block in blocks_of(page) for line in block.text.splitlines() if block.language != "python"]
    written = re.findall(r"^\s*(?:\$ )?(partita [a-z].*)$", "\n".join(shown), re.MULTILINE)
    written += re.findall(r"`(partita [a-z][^`]*)`", FENCE.sub("", text))
    for line in written:
        words = line.split("#")[0].split()
        known = next((path for path in COMMANDS if words[: len(path.split())] == path.split()), None)
        is_group = any(path.split()[: len(words)] == words for path in COMMANDS)
        assert known or is_group, f"there is no `{line}`"
        if (
            known
            and known.split()[1] not in ("run", "check", "graph", "plan", "convert")
            and not known.endswith("rerun")
        ):
            options = {name for parameter in COMMANDS[known].params for name in parameter.opts} | {"--help"}
            wrong = [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]
            assert not wrong, f"{known} has no {wrong}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_are_named_are_there(page: Path) -> None:
    """Paths of the repository in backquotes, and scripts in blocks."""
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:scripts|tests|benchmarks|examples|src|docs)/[\w./\-]*)", text)
    named += re.findall(r"^\s*(?:\$ )?(scripts/\w+)", text, re.MULTILINE)
    assert not [name for name in named if not (ROOT / name).exists()]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_tests_that_are_named_are_there(page: Path) -> None:
    for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text(encoding="utf-8")):
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file} has no {name}"
    for file, name in re.findall(r"`(src/[\w/]+_contract\.py)::(\w+)`", page.read_text(encoding="utf-8")):
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file} has no {name}"


RUN_PAGES = [page for page in PAGES if page.is_file() and any(block.is_run for block in blocks_of(page))]


def test_there_is_something_to_run() -> None:
    assert len(RUN_PAGES) >= 4


@pytest.mark.parametrize("page", RUN_PAGES, ids=name_of)
def test_complete_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "partita.toml").touch()
    name = "page_" + re.sub(r"\W", "_", page.stem.lower())
    file = tmp_path / f"{name}.py"
    lines: list[str] = []
    for block in blocks_of(page):
        if block.use in ("file", "add to"):
            write_block(block, tmp_path)
        if block.is_run:
            lines += [""] * (block.line - 1 - len(lines)) + block.text.splitlines()
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    before = set(sys.modules)
    try:
        with memory_workspace():
            specification = importlib.util.spec_from_file_location(name, file)
            assert specification is not None and specification.loader is not None
            module = importlib.util.module_from_spec(specification)
            sys.modules[name] = module
            specification.loader.exec_module(module)
    finally:
        for added in set(sys.modules) - before:
            if str(tmp_path) in str(getattr(sys.modules[added], "__file__", "")):
                del sys.modules[added]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    """A block that can be run has a comment, or is one that needs none; tests/documents.py lists both."""
    for block in blocks_of(page):
        assert block.language, f"{name_of(page)}, line {block.line}: the block names no language"
        if block.language in ("python", "yaml"):
            assert block.use, f"{name_of(page)}, line {block.line}: neither run nor `<!-- not run: ... -->`"
        assert block.use != "not run" or len(block.detail) > 10, f"{name_of(page)}, line {block.line}: no reason"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_block_is_indented_only(page: Path) -> None:
    """It would have no language, and no test would run it."""
    inside, before = False, ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        inside ^= line.startswith("```")
        is_code = not inside and not before.strip() and line.startswith("    ") and not before.startswith("-")
        assert not is_code, f"{name_of(page)}, line {number}: put it between fences"
        before = line


def test_every_promise_names_a_test() -> None:
    sections = {name: told for name, told in sections_of(text_of("guarantees.md")).items() if told.count("\n") > 2}
    promises = {name: re.findall(r"`(?:tests|src)/[\w/]+\.py::\w+`", told) for name, told in list(sections.items())[1:]}
    assert [name for name, tests in promises.items() if not tests] == ["What is not promised"]


def test_examples_of_settings_are_read(tmp_path: Path) -> None:
    examples = [block for block in blocks_of(DOCS / "settings.md") if block.language == "toml"]
    assert len(examples) >= len(describe_settings())
    for block in examples:
        (tmp_path / "partita.toml").write_text(block.text, encoding="utf-8")
        load_settings(tmp_path, environment={})


def test_figures_in_the_documents_are_those_of_the_code() -> None:
    assert INLINE_LIMIT_BYTES == 4096 and "4 KiB" in text_of("how-the-engine-works.md")
    from partita.engine.health import BRIEF_S
    from partita.engine.lanes import TAKE_BACK_AFTER_S
    from partita.protocol.messages import FRAME_STEPS

    page = text_of("how-the-engine-works.md")
    assert f"{BRIEF_S * 1000:g} ms" in page and f"{TAKE_BACK_AFTER_S * 1000:g} ms" in page
    assert f"{FRAME_STEPS:,} steps" in page


def test_every_decision_says_what_a_decision_says() -> None:
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    assert len(pages) >= 3
    for page in pages:
        headings = headings_of(page.read_text(encoding="utf-8"))
        assert {"Context", "Choice", "What was found", "What it rules out"} <= set(headings), page.name


def test_the_changelog_tells_of_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(partita.__version__)}\b", changelog, re.MULTILINE)
