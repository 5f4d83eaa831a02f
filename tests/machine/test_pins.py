"""The locks: what environment.yml pins, with all that it needs, for each platform, with hashes."""
import importlib.metadata
import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workshop.machine import pins, requirements
from workshop.machine.python_version import NEWEST, OLDEST

LOCK = pins.LOCK.read_text(encoding="utf-8")
DEPLOY = pins.DEPLOY_LOCK.read_text(encoding="utf-8")
PLATFORMS = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")]
SYSTEMS = {"linux": ("posix", "Linux"), "darwin": ("posix", "Darwin"), "win32": ("nt", "Windows")}
WHERE = [{"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.9",
          "sys_platform": system, "platform_machine": machine, "os_name": SYSTEMS[system][0],
          "platform_system": SYSTEMS[system][1], "implementation_name": "cpython",
          "platform_python_implementation": "CPython", "extra": ""}
         for minor in range(OLDEST[1], NEWEST[1] + 1) for system, machine in PLATFORMS]


def entries(text):
    """A lock's entries as a requirements parser reads them."""
    return [Requirement(re.sub(r" *\\$", "", block.splitlines()[0]))
            for _, block in pins.blocks(text)]


def versions(found, where):
    """{name: version} of the entries that count in an environment; no name twice."""
    counted = [one for one in found if one.marker is None or one.marker.evaluate(where)]
    names = [canonicalize_name(one.name) for one in counted]
    assert len(names) == len(set(names)), "two versions for one environment"
    return {name: str(one.specifier) for name, one in zip(names, counted)}


@pytest.mark.parametrize("where", WHERE, ids=lambda one: " ".join(
    (one["python_version"], one["sys_platform"], one["platform_machine"])))
def test_the_lock_gives_each_platform_what_environment_yml_pins(where):
    locked = versions(entries(LOCK), where)
    for entry in requirements.pinned():
        if not pins.has_hashes(entry):
            continue
        asked = Requirement(entry)
        counts = asked.marker is None or asked.marker.evaluate(where)
        assert locked.get(canonicalize_name(asked.name)) == (
            str(asked.specifier) if counts else None), f"{entry}: run python3 -m workshop pins"


def test_the_lock_is_complete_for_this_python():
    """pip does not look for dependencies: each must have an entry that fits."""
    where = {"extra": ""}
    locked = versions(entries(LOCK), None) | {"torch": "==" + importlib.metadata.version("torch")}
    assert len(locked) > 150
    for name, version in locked.items():
        for line in importlib.metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate(where):
                found = locked.get(canonicalize_name(needed.name), "").removeprefix("==")
                if pins.WITHOUT_HASHES.fullmatch(canonicalize_name(needed.name)) and not found:
                    continue        # CUDA, which PyTorch's own step brings
                assert found and needed.specifier.contains(found, prereleases=True), (
                    f"{name}{version} needs {line}; the lock has {found or 'none'}")


@pytest.mark.parametrize("text", [LOCK, DEPLOY], ids=["environment.lock", "deploy.lock"])
def test_each_entry_has_hashes_and_no_index_is_named(text):
    assert "://" not in text and "--index" not in text
    starts = [line for line in text.splitlines() if line and line[0] not in "# "]
    assert len(starts) == len(list(pins.blocks(text))) > 50, "every line is understood"
    for first, block in pins.blocks(text):
        hashes = re.findall(r"--hash=(\S+)", block)
        assert hashes and all(re.fullmatch("sha256:[0-9a-f]{64}", one) for one in hashes), first
        assert not pins.WITHOUT_HASHES.fullmatch(first["name"]), first


def test_the_deploying_job_gets_versions_and_hashes_of_the_environment():
    whole = {(first["name"], first["version"]): set(re.findall(r"--hash=(\S+)", block))
             for first, block in pins.blocks(LOCK)}
    part = {(first["name"], first["version"]): set(re.findall(r"--hash=(\S+)", block))
            for first, block in pins.blocks(DEPLOY)}
    assert part.items() <= whole.items() and len(part) < len(whole) / 2
    assert set(pins.DEPLOYS_WITH) <= {name for name, _ in part}


# ---------------------------------------------------------------- reading a lock

SMALL = ("# head\nnumpy==2.4.6 ; python_version < '3.14' \\\n    --hash=sha256:%s\n    # via x\n"
         "Ruamel.Yaml[jinja2]==1.0 \\\n    --hash=sha256:%s\n" % ("1" * 64, "2" * 64))


def test_a_lock_is_read_entry_by_entry():
    first, second = (found for found, _ in pins.blocks(SMALL))
    assert (first["name"], first["version"], first["marker"]) == (
        "numpy", "2.4.6", "python_version < '3.14'")
    assert (second["name"], second["version"], second["marker"]) == ("Ruamel.Yaml", "1.0", None)
    assert pins.constraints(SMALL) == (
        "numpy==2.4.6 ; python_version < '3.14'\nRuamel.Yaml==1.0\n")


@pytest.mark.parametrize("entry, differs", [
    ("numpy==2.4.6", False), ("NumPy==2.4.6; os_name == 'x'", False), ("numpy==2.4.5", True),
    ("numpy==2.4.60", True), ("ruamel-yaml==1.0", False), ("scipy==2.4.6", True),
    ("torch==2.13.0", False), ("nvidia-cudnn-cu13==9", False), ("-e .", False)])
def test_a_lock_differs_where_a_pin_is_not_in_it(entry, differs):
    found = pins.differences([entry], SMALL)
    assert bool(found) == differs
    assert all("is not in the lock" in one for one in found)


# ---------------------------------------------------------------- making it, for real

@pytest.fixture
def small(monkeypatch, tmp_path):
    """A small environment and its locks, which do not yet exist."""
    monkeypatch.setattr(pins, "LOCK", tmp_path / "environment.lock")
    monkeypatch.setattr(pins, "DEPLOY_LOCK", tmp_path / "deploy.lock")
    monkeypatch.setattr(pins, "DEPLOYS_WITH", ("iniconfig",))
    monkeypatch.setattr(requirements, "pinned",
                        lambda: ["-e .", "jinja2==3.1.6", "iniconfig==2.1.0"])
    return tmp_path


def test_a_lock_holds_what_is_needed_in_turn_and_keeps_versions_that_fit(small):
    pins.write(prefer={"markupsafe": "3.0.2", "torch": "2.13.0+cpu"})
    text = pins.LOCK.read_text()
    assert versions(entries(text), None) == {
        "jinja2": "==3.1.6", "iniconfig": "==2.1.0", "markupsafe": "==3.0.2"}
    assert all("--hash=sha256:" in block for _, block in pins.blocks(text))
    assert versions(entries(pins.DEPLOY_LOCK.read_text()), None) == {"iniconfig": "==2.1.0"}
    pins.write()
    assert pins.LOCK.read_text() == text, "made again, nothing moves"


def test_versions_that_do_not_exist_leave_the_locks_as_they_were(small, monkeypatch, capsys):
    pins.LOCK.write_text("# as it was\n")
    monkeypatch.setattr(requirements, "pinned", lambda: ["iniconfig==0.0.0.1"])
    assert pins.main([]) == 1
    said = capsys.readouterr().err
    assert "the locks stay as they were" in said and "0.0.0.1" in said
    assert pins.LOCK.read_text() == "# as it was\n" and not pins.DEPLOY_LOCK.exists()
    assert pins.main(["--all"]) == 2
