"""Look with axe-core at every page of the site, as it stands after `run`:

    .venv/bin/python tests/support/accessible_site.py

Each page is opened on a laptop and on a phone, light and dark. Printed is every finding that keeps
people out (serious or critical); the exit status is 1 where there is one.
"""
import sys
import tempfile
from itertools import product
from pathlib import Path

import axe
import devtools
from workshop.commands import browser
from workshop.machine.paths import BUILD

SITE = BUILD / "site"


def main() -> int:
    if not (SITE / "index.html").exists():
        print("There is no site yet: python3 -m workshop site", file=sys.stderr)
        return 2
    if not (chromium := browser.find()):
        print("No Chrome or Chromium is installed (WORKSHOP_BROWSER may name one).",
              file=sys.stderr)
        return 2
    pages, count = sorted(SITE.rglob("*.html")), 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, \
            devtools.page(chromium, "about:blank", Path(profile)) as tab:
        for number, path in enumerate(pages, 1):
            for width, colours in product(axe.WIDTHS, axe.COLOURS):
                axe.visit(tab, path.as_uri(), colours, width)
                for impact, rule, words, places, nodes in axe.severe(tab):
                    count += 1
                    print(f"{path.relative_to(SITE)}, {width} px, {colours}: {impact}: {rule}: "
                          f"{words}, at {nodes} places: {places[0]}", flush=True)
            print(f"[{number}/{len(pages)}] {path.relative_to(SITE)}", flush=True)
    print(f"{len(pages)} pages, at {len(axe.WIDTHS)} widths, in {len(axe.COLOURS)} colours: "
          f"{count} serious or critical findings")
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main())
