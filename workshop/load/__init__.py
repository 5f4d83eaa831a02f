"""Load for an HTTP endpoint, by Locust (locust.io) in a process of its own.

A run follows a plan, a list of entries made by `arrivals` and `callers`. The moments of arrivals
are written down before the first request is sent, so nothing that the endpoint does can move them:
an open model. Callers wait for their answers: a closed loop.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from workshop.machine import groups, progress

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
START = 60          # seconds that Locust may take to start
PATIENCE = 60       # seconds that the last answer may take, a little over the locustfile's own
COLUMNS = ["name", "planned", "sent", "answered", "status", "text"]


def arrivals(rate, seconds, path, body, begin=0.0, name=None, seed=19):
    """Requests that come by themselves, whether earlier ones have been answered or not.

    rate: requests a second on the average, at random moments (a Poisson process, as many
    independent people make it). seconds: how long, from second `begin` of the run on. body: a
    dict, sent as JSON to `path`. name: of these requests in the result. The same seed gives the
    same moments. Returns entries of a plan.
    """
    chance, moment, entries = random.Random(seed), begin, []
    while (moment := moment + chance.expovariate(rate)) < begin + seconds:
        entries.append({"at": moment, "path": path, "body": body, "name": name or path})
    return entries


def burst(number: int, path: str, body: dict, begin=0.0, name: str | None = None) -> list[dict]:
    """`number` requests at the same moment, second `begin` of it; the rest as for `arrivals`."""
    return [{"at": begin, "path": path, "body": body, "name": name or path}
            for _ in range(number)]


def callers(number: int, seconds: float, path: str, body: dict, begin=0.0, pace=0.0,
            name: str | None = None) -> list[dict]:
    """Callers who each wait for an answer before they ask again.

    pace: seconds from one request to the next; where the answer takes longer, the next request
    is as much later. The rest is as for `arrivals`. Returns entries of a plan.
    """
    return [{"at": begin, "until": begin + seconds, "pace": pace, "path": path, "body": body,
             "name": name or path} for _ in range(number)]


def run(host, *plans):
    """Follow the plans together, and return a pandas.DataFrame with a row for each request.

    host: URL without a path. Columns: name, planned, sent, answered (seconds of the run), status
    (0: no answer at all), text (the answer's body), and latency: seconds from the moment at which
    a request was *planned*, so that one that could not be sent in time counts in full.
    Raises ValueError for an empty plan, RuntimeError with Locust's last words when it fails.
    """
    plan = [entry for entries in plans for entry in entries]
    if not plan:
        raise ValueError("The plan is empty: no arrivals, no callers.")
    groups.need("locust")
    last = max(entry.get("until", entry["at"]) for entry in plan)
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder, "results.jsonl")
        Path(folder, "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        settings = {name: value for name, value in os.environ.items()
                    if not name.startswith("LOCUST_")}
        settings |= {"WORKSHOP_PLAN": str(Path(folder, "plan.json")),
                     "WORKSHOP_RESULTS": str(results)}
        # All users at once; each waits for its own moment.
        command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless",
                   "-u", str(len(plan)), "-r", str(len(plan)), "--host", host,
                   "--loglevel", "WARNING", "--only-summary", "--exit-code-on-error", "0"]
        with progress.Line("load") as line:
            line.say(lambda: f"{_lines(results)} answers")
            _locust(command, settings, folder, START + last + PATIENCE)
        rows = [json.loads(text) for text in results.read_text(encoding="utf-8").splitlines()]
    calls = pd.DataFrame(rows, columns=COLUMNS).sort_values("planned", ignore_index=True)
    return calls.assign(latency=calls["answered"] - calls["planned"])


def _locust(command, settings, folder, patience):
    """Run Locust to its end; it is gone as well when this is interrupted."""
    said = Path(folder, "said")
    with said.open("w") as output:
        process = subprocess.Popen(command, env=settings, cwd=folder, stdout=output,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            failed = process.wait(patience)
        except subprocess.TimeoutExpired:
            failed = f"not ended after {patience:.0f} s"
        finally:
            process.kill()
            process.wait()
    if failed:
        lines = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise RuntimeError(f"Locust failed ({failed}):\n" + "\n".join(lines[-15:]))


def _lines(path):
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def in_flight(calls, moments, begin="sent", end="answered"):
    """How many of the calls were under way at each of the moments (list of int).

    calls: as `run` returns them. moments: seconds of the run. begin, end: the columns between
    which a call is under way.
    """
    return [int(((calls[begin] <= moment) & (moment < calls[end])).sum()) for moment in moments]
