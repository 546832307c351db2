from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from partita.errors import SettingsError
from partita.settings import Settings, describe_settings, find_project, load_settings


def load(folder: Path, arguments: dict[str, object] | None = None, **environment: str) -> Settings:
    return load_settings(folder, environment=environment, arguments=arguments)


def test_without_sources_the_defaults_are_in_force(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()
    assert load(tmp_path).sources == {}


def test_every_source_wins_over_the_ones_before(tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text('cpu = 1\ngpu = 1\nmemory = "2GiB"\nstore = "state"\n')
    settings = load(tmp_path, {"cpu": 3, "gpu": None}, PARTITA_CPU="2", PARTITA_GPU="0.5", HOME="x")
    assert (settings.cpu, settings.gpu, settings.memory_bytes, settings.store) == (3.0, 0.5, 2 << 30, "state")
    assert settings.sources == {
        "cpu": "argument", "gpu": "environment", "memory": "partita.toml:3", "store": "partita.toml:4",
    }  # fmt: skip


def test_pyproject_holds_settings_too(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\n[tool.partita]\ncpu = 2\n[tool.partita.slots]\napi = 3\n'
    )
    settings = load(tmp_path)
    assert (settings.cpu, settings.slots) == (2.0, {"api": 3})
    assert settings.sources == {"cpu": "pyproject.toml:4", "slots": "pyproject.toml:5"}
    (tmp_path / "partita.toml").write_text("gpu = 1\n")
    with pytest.raises(SettingsError, match="both hold settings; keep one"):
        load(tmp_path)


def test_a_pyproject_of_others_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("this is no TOML, and nothing of ours")
    assert load(tmp_path) == Settings()


def test_every_form_is_understood(tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text(
        'durability = "full"\nslots = { licence = 2 }\nidle_timeout = "1h30m"\ncancel_grace = 2\nbundle_include = ["a/*"]\n'
        'log_level = "debug"\ncolor = "never"\nspare_workers = 0\nprefetch = 4\ncrash_retries = 0\nlayout_timeout = "10s"\n'
    )
    settings = load(
        tmp_path,
        PARTITA_MEMORY="1024",
        PARTITA_MEMORY_FLOOR="1MiB",
        PARTITA_SLOTS="a=1, b=2",
        PARTITA_BUNDLE_EXCLUDE="x,y/*",
    )
    assert settings == Settings(
        durability="full", slots={"a": 1, "b": 2}, idle_timeout_s=5400, cancel_grace_s=2, bundle_include=("a/*",),
        log_level="debug", color="never", spare_workers=0, prefetch=4, crash_retries=0, layout_timeout_s=10,
        memory_bytes=1024, memory_floor_bytes=1 << 20, bundle_exclude=("x", "y/*"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("cpu = true", "partita.toml:2: cpu is True; give a number above 0"),
        ("cpu = 0", "give a number above 0"),
        ("gpu = -1", "not negative"),
        ("cpu = nan", "cpu is nan"),
        ('memory = "2 gallons"', "give a size"),
        ("memory = 1.5", "give a size"),
        ('durability = "forever"', 'give one of "process", "full"'),
        ("idle_timeout = -1", "give a duration"),
        ("layout_timeout = 0", "above 0"),
        ("slots = 3", "give a table of names and counts"),
        ("slots = { a = 0 }", "each at least 1"),
        ('slots = "a"', "give a table"),
        ("bundle_include = [1]", "give a list of patterns"),
        ("crash_retries = 1.5", "whole number"),
        ("store = ''", "store is ''; give a text"),
        ("cpus = 3", "there is no setting 'cpus'; did you mean cpu?"),
        ("cancel_grace_s = 3", "did you mean cancel_grace?"),
        ("frobnicate = 3", "`partita doctor` lists those there are"),
        ("[slot]\na = 1", "there is no setting 'slot'; did you mean slots?"),
        ("cpu = ", "partita.toml is not TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "partita.toml").write_text(f"# mine\n{line}\n")
    with pytest.raises(SettingsError) as refused:
        load(tmp_path)
    assert reason in str(refused.value)
    assert "partita.toml" in str(refused.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text('cpus = 1\ncolor = "blue"\n')
    with pytest.raises(SettingsError) as refused:
        load(
            tmp_path, {"gpu": "many"}, PARTITA_MEMORRY="1", PARTITA_PREFETCH="x", PARTITA_DEBUG="1", PARTITA_WORKER="1"
        )
    assert str(refused.value).splitlines() == [
        "partita.toml:1: there is no setting 'cpus'; did you mean cpu?",
        'partita.toml:2: color is \'blue\'; give one of "auto", "always", "never"',
        "environment: there is no setting 'PARTITA_MEMORRY'; did you mean PARTITA_MEMORY?",
        "environment: PARTITA_PREFETCH is 'x'; give a whole number that is not negative",
        "argument: gpu is 'many'; give a number that is not negative, such as 4 or 0.5",
    ]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_bytes(b"cpu = '\xff'")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load(tmp_path)
    (tmp_path / "partita.toml").unlink()
    (tmp_path / "pyproject.toml").write_text("[tool]\npartita = 3\n")
    with pytest.raises(SettingsError, match="not a table"):
        load(tmp_path)


def test_every_setting_is_described() -> None:
    described = describe_settings()
    assert [setting.attribute for setting in described] == [
        item.name for item in fields(Settings) if item.name != "sources"
    ]
    assert len({setting.key for setting in described}) == len(described)
    for setting in described:
        assert setting.meaning and setting.form and setting.default
        assert setting.variable == "PARTITA_" + setting.key.upper()


@pytest.mark.parametrize("key", [setting.key for setting in describe_settings()])
def test_described_defaults_are_the_real_ones(key: str) -> None:
    import tomllib

    setting = next(item for item in describe_settings() if item.key == key)
    actual = getattr(Settings(), setting.attribute)
    if actual is None:
        assert setting.default[0] != '"'
    else:
        assert setting.parse(tomllib.loads(f"value = {setting.default}")["value"]) == actual


def test_the_project_is_found_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "home" / "project" / "src" / "deep"
    below.mkdir(parents=True)
    project = tmp_path / "home" / "project"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".git").mkdir()
    assert find_project(below) == below
    (project / ".git").mkdir()
    assert find_project(below) == project
    (project / "src" / "pyproject.toml").write_text("[project]\n")
    assert find_project(below) == project
    (project / "src" / "pyproject.toml").write_text("[tool.partita]\n")
    assert find_project(below) == project / "src"
    (below / ".partita").mkdir()
    monkeypatch.chdir(below)
    assert find_project() == below


def test_a_secret_that_was_written_where_its_name_belongs_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text(
        '[sign_in]\nissuer = "https://id.example.org"\nclient_id = "p"\nclient_secret = "s3cr3t/+x"\n'
    )
    with pytest.raises(
        SettingsError, match=r"partita.toml:1: sign_in; give as client_secret of sign_in the name"
    ) as caught:
        load_settings(tmp_path, environment={})
    assert "s3cr3t" not in str(caught.value)
