"""Lesson 06's page for a colleague, in a real browser: refused, then allowed, then used."""
import nbformat
import pytest
from nbclient import NotebookClient

import axe
import devtools
from waiting import until
from workshop.commands import browser
from workshop.course import catch_up, lessons, render
from workshop.machine import engine
from workshop.machine.paths import BUILD, ROOT

pytestmark = pytest.mark.skipif(not engine.available(), reason="needs a Docker engine")

LESSON = next(one for one in render.lessons() if one.number == "06")
TOKEN = "document.querySelector('#token').value = {!r}"
ANSWER = "document.querySelector('#answer').textContent"


@pytest.fixture(scope="module")
def kernel():
    """Lesson 06 as `catch_up` brings a learner there: the page is served and not yet allowed."""
    lessons.require("03")
    book = nbformat.v4.new_notebook()
    client = NotebookClient(book, timeout=600, kernel_name="python3",
                            resources={"metadata": {"path": str(ROOT / "solutions")}})
    with client.setup_kernel(env=lessons.environment()):

        def run(code):
            """Execute code in the lesson's kernel; its printed text."""
            cell = nbformat.v4.new_code_cell(code)
            book.cells.append(cell)
            client.execute_cell(cell, len(book.cells) - 1)
            return "".join(one.text for one in cell.outputs if one.output_type == "stream")
        run(f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom workshop import lessons\n"
            "lessons.catch_up('06', 'Allow the page')")
        try:
            yield run
        finally:
            run("server.shutdown()\nfor name in [NAME, PROBE, AUTHORIZER]:\n"
                "    deploy.delete(name)")


def test_a_colleague_gets_a_probability_once_the_pages_origin_is_allowed(kernel, tmp_path):
    found = browser.find()
    if not found:
        pytest.skip("no Chrome or Chromium is installed (WORKSHOP_BROWSER may name one)")
    origin, token = kernel("print(origin, token)").split()
    probability = float(kernel("print(direct['churn_probability'])"))
    with devtools.page(found, origin, tmp_path / "profile") as page:
        def press():
            """The answer after a click on *Predict*, without the dots that stand there before."""
            page.click("button", "Predict")
            return until(lambda: (said := page.ask(ANSWER)) != "…" and said, "the page answers")

        until(lambda: page.ask("document.readyState") == "complete", "the page is loaded")
        assert page.ask("document.querySelectorAll('#fields label').length") == 19
        for width, dark in ((390, False), (390, True), (1280, True), (1280, False)):
            page.show(width, dark)
            assert page.ask("document.documentElement.scrollWidth") <= width
            assert axe.severe(page) == []
        page.ask(TOKEN.format(token))
        assert press().startswith("No answer: ")

        allow = next(cell for cell in LESSON.cells[len(catch_up.above(LESSON, "Allow the page")):]
                     if cell.kind == "code" and "https://shop.example\", origin]" in cell.source)
        kernel(allow.source)
        said = until(lambda: "%" in (text := press()) and text, "the page is allowed", pause=1)
        assert said.startswith(f"{100 * probability:.1f} % probability of leaving.")
        page.screenshot(BUILD / "form.png")

        page.ask("document.querySelector('[name=tenure]').value = 900")
        page.ask("document.querySelector('form').noValidate = true")
        assert until(lambda: "Refused" in (text := press()) and text, "a refusal").startswith(
            "Refused with 400: ")
        assert "tenure is out of range" in page.ask(ANSWER)

        page.ask(TOKEN.format("guess"))
        assert "%" not in press()
