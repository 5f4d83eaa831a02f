"""The rooms of workshop/: which imports which, and that prose names files that exist."""
import ast
import re
import subprocess
import sys
import tomllib
from collections import deque

import grimp
import pytest
import yaml
from setuptools import find_packages

from workshop.machine import requirements
from workshop.machine.paths import ROOT

# What lessons import, and nothing else.
TOP = ("base_image", "bring", "cloud", "cost", "deploy", "endpoints", "engine", "failures",
       "gallery", "groups", "inventory", "lessons", "load", "measure", "minilm", "packages",
       "parity", "permissions", "plots", "triggers")
# From the upper room to the lowest: a room may import only what stands below it, or beside it.
ROOMS = [("__main__", "commands"), ("pack",), TOP, ("account", "course"), ("local",), ("machine",)]


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("workshop", cache_dir=None)


def test_every_module_has_its_room():
    inside = {path.stem for path in (ROOT / "workshop").iterdir()
              if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert inside - {"__init__"} == {name for room in ROOMS for name in room}


def test_every_package_is_installed_with_the_workshop():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    include = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert set(find_packages(ROOT, include=include)) == {
        ".".join(init.parent.relative_to(ROOT).parts)
        for init in (ROOT / "workshop").rglob("__init__.py")}


def test_no_arrow_points_from_a_lower_room_to_an_upper_one(graph):
    level = {name: height for height, room in enumerate(ROOMS) for name in room}
    wrong = [f"{module} imports {other}" for module in graph.modules if module.count(".")
             for other in graph.find_modules_directly_imported_by(module) if other.count(".")
             and level[other.split(".")[1]] < level[module.split(".")[1]]]
    assert not wrong, "\n".join(wrong)


def test_account_and_course_know_nothing_of_each_other(graph):
    for one, other in (("account", "course"), ("course", "account")):
        assert not graph.find_shortest_chains(f"workshop.{one}", f"workshop.{other}")


def drawn(graph) -> str:
    """The rooms and what they import of each other, as Mermaid draws it."""
    names = {"top": "what lessons import<br>cloud, deploy, triggers …"}
    room = {name: "top" for name in TOP} | {name: name for name in (
        "commands", "pack", "account", "course", "local", "machine")}
    arrows = {(room[one.split(".")[1]], room[other.split(".")[1]])
              for one in graph.modules if one.count(".") and "__main__" not in one
              for other in graph.find_modules_directly_imported_by(one) if other.count(".")}
    lines = [f"    {one} --> {other}" for one, other in sorted(arrows) if one != other]
    return "\n".join(["```mermaid", "flowchart TD",
                      *(f'    {name}["{text}"]' for name, text in names.items()), *lines, "```"])


def test_the_picture_of_the_rooms_is_drawn_from_the_code(graph):
    assert drawn(graph) in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), drawn(graph)


def test_no_module_imports_itself_by_way_of_others(graph):
    """Kahn's algorithm: what is left when modules without imports are taken away, is a circle."""
    needs = {one: set(graph.find_modules_directly_imported_by(one)) for one in graph.modules}
    ready = deque(one for one, others in needs.items() if not others)
    while ready:
        done = ready.popleft()
        needs.pop(done)
        for one, others in needs.items():
            if done in others:
                others.remove(done)
                if not others:
                    ready.append(one)
    assert not needs, f"circles among {', '.join(sorted(needs))}"


def test_lessons_import_only_the_top_level():
    for source in (ROOT / "solutions").glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8").replace("# !", "# "))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workshop"):
                room, _, inner = node.module.removeprefix("workshop").lstrip(".").partition(".")
                names = [room] if room else [one.name for one in node.names]
                assert set(names) <= set(TOP) and not inner, f"{source.name}: {node.module}"


PROSE = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("docker/**/*.md"),
                *ROOT.glob("solutions/*.py"), *ROOT.glob("workshop/**/*.py"),
                *ROOT.glob("lambda/*/*.py"), *ROOT.glob("tests/**/*.py")])
NAMED = re.compile(r"(?<![\w/.{$-])(?:\.\./)*"
                   r"((?:workshop|lambda|docker|tests|solutions|data|findings)"
                   r"/[\w/.-]*\w/?)")
# Names that stand for any file.
EXAMPLES = re.compile(r"NN|NAME|lambda/my-model|FOLDER|01_$|test_x|docker/buildx")


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_names_files_that_exist(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
        docs = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(text)) if isinstance(
            node, (ast.Module, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef))]
        text = "\n".join([*comments, *docs])
    missing = {name for name in NAMED.findall(text) if not EXAMPLES.search(name)
               and not (ROOT / name).exists()}
    assert not missing, missing


def public_functions():
    """What people call: the functions of the modules that lessons import, and of account/."""
    for path in sorted([*(ROOT / "workshop").glob("*.py"), *(ROOT / "workshop").glob("load/*.py"),
                        *(ROOT / "workshop").glob("plots/*.py"),
                        *(ROOT / "workshop").glob("account/*.py"),
                        *(ROOT / "workshop").glob("measure/runs.py")]):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield pytest.param(node, id=f"{path.relative_to(ROOT / 'workshop')}:{node.name}")


def raised(function):
    """Names of the errors that a function's own lines raise."""
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")
            if name[:1].isupper():
                yield name


@pytest.mark.parametrize("function", list(public_functions()))
def test_a_public_function_says_its_types_and_errors(function):
    text = ast.get_docstring(function) or ""
    assert text
    arguments = [one for one in function.args.args + function.args.kwonlyargs
                 if one.annotation is None and one.arg not in text and one.arg.upper() not in text]
    defaults = function.args.args[len(function.args.args) - len(function.args.defaults):]
    unsaid = [one.arg for one in arguments if one not in defaults]
    assert not unsaid, "neither a type nor a word in the docstring"
    assert not [name for name in raised(function) if name not in text], "not in the docstring"


def test_ruff_finds_nothing():
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", "."], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pre_commit_has_the_same_ruff_as_the_environment():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert f"ruff=={hooks['repos'][0]['rev'].removeprefix('v')}" in requirements.pinned()
