from __future__ import annotations

from pathlib import Path

import pytest

from partita.flow.requirement_files import RequirementFile, misfit


def read(folder: Path, text: str) -> RequirementFile:
    (folder / "needs.txt").write_text(text)
    return RequirementFile(folder / "needs.txt", "needs.txt")


@pytest.mark.parametrize(
    "line",
    ["six", "six==1.16", "scikit-learn[alldeps]>=1.5,<2; python_version > '3'", "x @ https://example.org/x-1.whl"],
)
def test_requirements_fit(line: str) -> None:
    assert misfit(line) == ""


@pytest.mark.parametrize("line", ["six=1.16", "", "  ", "a b", 3, None, "-r other.txt", "partita==0.1", "Partita"])
def test_what_is_no_requirement_is_told(line: object) -> None:
    assert misfit(line)


def test_comments_continued_lines_options_and_hashes(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "# all that is needed\n\nsix==1.16.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11  # two of them\n"
        "--extra-index-url https://example.org/simple\ntoml # a remark\nx @ https://example.org/x.whl#sha256=22\n",
    )
    assert not file.problems
    assert [" ".join(line.split()) for line in file.requirements] == [
        "six==1.16.0 --hash=sha256:00 --hash=sha256:11",
        "--extra-index-url https://example.org/simple",
        "toml",
        "x @ https://example.org/x.whl#sha256=22",
    ]


def test_included_files_are_taken_in_once(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "more.txt").write_text("toml\n-r ../needs.txt\n-c limits.txt\n")
    (tmp_path / "sub" / "limits.txt").write_text("six<2\n")
    file = read(tmp_path, "-r sub/more.txt\n--requirement=sub/more.txt\nsix\n")
    assert (file.requirements, file.constraints, file.problems) == (["toml", "six"], ["six<2"], [])


def test_every_problem_has_its_line(tmp_path: Path) -> None:
    file = read(tmp_path, "six\n\nsix=1\n-r nowhere.txt\n-e .\n./local.whl\n")
    assert [place for _, place in file.problems] == ["needs.txt:3", "needs.txt:4", "needs.txt:5", "needs.txt:6"]
    assert "nowhere.txt, which is not there" in file.problems[1][0]


def test_what_pip_freeze_says_of_partita_is_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, "partita @ file:///somewhere\nsix\n").requirements == ["six"]


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "needs.txt").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in RequirementFile(tmp_path / "needs.txt", "needs.txt").problems[0][0]
