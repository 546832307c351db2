"""The functions of two folders of code, compared without running them."""

from __future__ import annotations

from pathlib import Path

from partita.publishing.functions import changed_files, changed_functions

BEFORE = '''"""Doc."""
LIMIT = 3

def same(x):
    """Text."""
    return x  # why

def other(x):
    return x + 1

class Model:
    size = 1

    def fit(self):
        return 1

    def predict(self):
        return 2

def gone():
    raise SystemExit
'''


def folders(tmp_path: Path, before: dict[str, str], after: dict[str, str]) -> tuple[Path, Path]:
    made = []
    for name, files in (("before", before), ("after", after)):
        for path, text in files.items():
            target = tmp_path / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        made.append(tmp_path / name)
    return made[0], made[1]


def test_what_changed_is_told_function_by_function(tmp_path: Path) -> None:
    after = BEFORE.replace('"""Text."""', '"""Other text."""').replace("  # why", "").replace("x + 1", "x + 2")
    after = after.replace("return 2", "return 3").replace("def gone", "def fresh")
    one, other = folders(tmp_path, {"a/m.py": BEFORE}, {"a/m.py": after})
    assert changed_functions(one, other) == [
        ("a/m.py:Model.predict", "changed"), ("a/m.py:fresh", "added"), ("a/m.py:gone", "removed"), ("a/m.py:other", "changed"),
    ]  # fmt: skip


def test_constants_and_bodies_of_classes_count(tmp_path: Path) -> None:
    after = BEFORE.replace("LIMIT = 3", "LIMIT = 4").replace("size = 1", "size = 2")
    one, other = folders(tmp_path, {"m.py": BEFORE}, {"m.py": after})
    assert changed_functions(one, other) == [("m.py:(module)", "changed"), ("m.py:Model", "changed")]


def test_the_form_of_the_text_counts_for_nothing(tmp_path: Path) -> None:
    one, other = folders(
        tmp_path, {"m.py": "def f(x):\n    return [x, 1]\n"}, {"m.py": "# new\ndef f( x ):\n\n  return [x,\n 1]\n"}
    )
    assert changed_functions(one, other) == []


def test_what_is_no_python_is_one_piece_and_other_files_are_told(tmp_path: Path) -> None:
    one, other = folders(
        tmp_path, {"m.py": "def f(:", "a.txt": "1", "b.sql": "x"}, {"m.py": "def g(:", "a.txt": "2", "c.yaml": "y"}
    )
    assert changed_functions(one, other) == [("m.py:(module)", "changed")]
    assert changed_files(one, other) == [("a.txt", "changed"), ("b.sql", "removed"), ("c.yaml", "added")]
