"""A Chrome or Chromium for the test that opens a lesson; Debian's is installed for root."""
import os
import shutil
from pathlib import Path

from workshop.machine import engine

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = ("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
          "/Applications/Chromium.app/Contents/MacOS/Chromium",
          r"C:\Program Files\Google\Chrome\Application\chrome.exe")


def find() -> str | None:
    """The path of an installed Chrome or Chromium; WORKSHOP_BROWSER overrides."""
    if chosen := os.environ.get("WORKSHOP_BROWSER"):
        return chosen
    found = [path for name in NAMES if (path := shutil.which(name))]
    found += [path for path in PLACES if Path(path).exists()]
    return found[0] if found else None


def ensure() -> None:
    """Install Debian's chromium where root may; elsewhere its one test is skipped and says so.

    Not on Ubuntu: its chromium package is a snap, which needs a service that may not be there.
    """
    if find() or not engine.is_root() or not engine.is_debian(itself=True):
        return
    try:
        engine.apt_install("Chromium (for the test that opens a lesson)", "chromium")
    except engine.EngineError as error:
        print(f"Chromium: {error}", flush=True)
