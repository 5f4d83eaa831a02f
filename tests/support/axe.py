"""axe-core in a real browser: what keeps people with a screen reader or a keyboard out."""
import json
import os
import re
from functools import cache
from pathlib import Path

import pytest

from waiting import until
from workshop.machine import beside
from workshop.machine.paths import BUILD

LISTING = Path(__file__).with_suffix(".txt")
COLOURS = ("light", "dark")
WIDTHS = (1280, 390)                    # a laptop, a phone
SEVERE = ("serious", "critical")
NO_NETWORK = re.compile("No matching distribution found|[Cc]onnection|timed out")   # pip's words


@cache
def script():
    """axe-core's source; the test is skipped on a learner's machine without a network."""
    try:
        folder = beside.install(LISTING, BUILD / "axe")
    except RuntimeError as error:
        if os.environ.get("CI") or not NO_NETWORK.search(str(error)):
            raise
        pytest.skip(f"axe-core is not there: {error}")
    return (folder / "axe_playwright_python/axe.min.js").read_text(encoding="utf-8")


def visit(page, address, colours="light", width=1280):
    """Open an address as a screen of this width shows it, in a system that is light or dark."""
    page.show(width, dark=colours == "dark")
    page.send("Page.navigate", url=address)
    until(lambda: page.ask(f"location.href == {json.dumps(address)} "
                           "&& document.readyState == 'complete'"), f"{address} is loaded")


def violations(page):
    """Axe's findings of the open page: impact, rule, help, where, and at how many places.

    The words of code, thousands on a page, are left out: they have the colours of
    workshop/course/site/colours.py, whose contrast a test computes.
    """
    if not page.ask("!!window.axe"):
        page.send("Runtime.evaluate", expression=script())
    # Folded hints and solutions are looked at too.
    found = page.ask("""(async () => {
        for (const one of document.querySelectorAll('details')) one.open = true;
        dispatchEvent(new Event('resize'));
        const { violations } = await axe.run({ exclude: ['.highlight span'] },
                                             { resultTypes: ['violations'] });
        const places = nodes => nodes.slice(0, 3).map(node => node.html.slice(0, 200));
        return JSON.stringify(violations.map(({ id, impact, help, nodes }) =>
            [impact, id, help, places(nodes), nodes.length]));
    })()""")
    return json.loads(found)


def severe(page):
    """Those findings that keep people out."""
    return [one for one in violations(page) if one[0] in SEVERE]
