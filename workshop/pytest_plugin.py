"""How pytest runs the notebooks: pyproject.toml loads this beside nbval."""
import os
from functools import cache

import pytest

from workshop import lessons, render
from workshop.paths import ROOT

_failed = set()                   # notebooks with a failed cell


def pytest_configure(config):
    os.environ["PATH"] = lessons.environment()["PATH"]


@cache
def _obstacle(name: str) -> str | None:
    """Why the lesson of a notebook cannot run on this machine, or None."""
    source = ROOT / "solutions" / f"{name}.py"
    return lessons.obstacle(render.parse(source)) if source.exists() else None


def _is_notebook_cell(item) -> bool:
    return item.path.suffix == ".ipynb"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if not _is_notebook_cell(item):
        return
    if reason := _obstacle(item.path.stem):
        pytest.skip(reason)
    if item.options["skip"]:
        pytest.skip("a cell for AWS only")
    if item.path in _failed:
        pytest.skip("an earlier cell of this notebook failed: that failure is the one to read")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and _is_notebook_cell(item):
        _failed.add(item.path)
    return report
