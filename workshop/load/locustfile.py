"""What Locust runs for workshop/load, in a process of its own: a plan that was made beforehand.

An arrival sends one request at its moment and is gone. A caller sends, waits for the answer, and
only then sends the next one.
"""
import json
import os
import time
import traceback

import gevent
from gevent.event import AsyncResult
from locust import FastHttpUser, events, task
from locust.exception import StopUser

PATIENCE = 40           # seconds; longer than any HTTP API waits for a function

with open(os.environ["WORKSHOP_PLAN"], encoding="utf-8") as file:
    plan = json.load(file)
waiting = iter(plan)    # the entries that no user has taken yet
left = len(plan)
run_began = AsyncResult()       # Unix time; set once all users are there


@events.spawning_complete.add_listener
def begin(**_):
    """All users are there: now the moments of the plan are counted from."""
    run_began.set(time.time())


class Planned(FastHttpUser):
    """A user follows one entry of the plan, and stops."""

    connection_timeout = network_timeout = PATIENCE
    max_retries = 0

    @task
    def follow(self):
        global left
        try:
            entry, began = next(waiting), run_began.get()
            self.asleep_until(began + entry["at"])
            if "until" in entry:
                self.call(entry, began)
            else:
                self.send(entry, began, began + entry["at"])
        except Exception:       # Locust would try again for ever
            traceback.print_exc()
            self.environment.process_exit_code = 1
        left -= 1
        if not left:
            gevent.spawn(self.environment.runner.quit)
        raise StopUser

    def call(self, entry, began):
        """One request after the other; with a pace, none sooner than that after the last one."""
        due = time.time()
        while time.time() < began + entry["until"]:
            self.send(entry, began, time.time())
            due = max(due + entry["pace"], time.time())
            self.asleep_until(due)

    def send(self, entry, began, planned):
        """Send one request and write one line: when it was planned, sent, answered, and how."""
        sent = time.time()
        response = self.client.post(entry["path"], json=entry["body"], name=entry["name"],
                                    headers={"x-run-began": repr(began)})
        answered = time.time()
        print(json.dumps({
            "name": entry["name"], "planned": planned - began, "sent": sent - began,
            "answered": answered - began, "status": response.status_code,
            "text": response.text}), file=results, flush=True)

    @staticmethod
    def asleep_until(moment):
        gevent.sleep(max(0, moment - time.time()))


results = open(os.environ["WORKSHOP_RESULTS"], "w", encoding="utf-8")
