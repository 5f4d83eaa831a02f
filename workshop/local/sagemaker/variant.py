"""Which container answers: started when a request finds none free, removed when none come."""
import threading
import time

from workshop.local.patches.containers import ENVIRONMENTS
from workshop.local.sagemaker import telemetry
from workshop.local.sagemaker.container import Environment, Plan, StartError


class BusyError(Exception):
    """As many requests are under way as MaxConcurrency allows."""


class NotReadyError(Exception):
    """No container came up, or became free, in time."""


class Variant:
    """An endpoint's containers. `change` guards all that changes.

    A request is admitted (MaxConcurrency), takes a container, gives it back, and leaves. At most
    ENVIRONMENTS containers run; further requests wait for one, where AWS would start more.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self.change = threading.Condition()
        self.environments: set[Environment] = set()      # all that are there
        self.idle: list[Environment] = []                # the one used last is at the end
        self.admitted = self.waiting = self.starting = 0
        self.failures, self.reason = 0, ""               # of starts
        self.retired = self.closed = False

    # A request

    def admit(self) -> None:
        """Count a request in; raises BusyError when that would be one too many."""
        with self.change:
            if self.admitted >= self.plan.concurrency:
                raise BusyError
            self.admitted += 1

    def leave(self) -> None:
        """Count a request out; the last one of a retired variant closes the door."""
        with self.change:
            self.admitted -= 1
        self._clear_when_retired()

    def take(self, seconds: float) -> Environment:
        """A container for one request: an idle one, or the first that is free or has started.

        Raises NotReadyError after `seconds`, StartError when a container did not come up
        meanwhile and there is no other to wait for.
        """
        deadline = time.monotonic() + seconds
        with self.change:
            self.waiting += 1
            failures = self.failures
            try:
                while not self.idle:
                    failed = self.failures > failures
                    if failed and not self.environments and not self.starting:
                        raise StartError(self.reason)
                    if self.closed or time.monotonic() >= deadline:
                        raise NotReadyError
                    if not failed and self.starting < self.waiting and \
                            self.starting + len(self.environments) < ENVIRONMENTS:
                        self.starting += 1
                        threading.Thread(target=self.start, daemon=True,
                                         name="workshop-sagemaker-start").start()
                    self.change.wait(deadline - time.monotonic())
                return self.idle.pop()
            finally:
                self.waiting -= 1

    def give_back(self, environment: Environment) -> None:
        environment.used = time.monotonic()
        with self.change:
            if not self.closed:
                self.idle.append(environment)
            self.change.notify_all()

    def discard(self, environment: Environment) -> None:
        """Remove a container that ended, or that is still busy with what nobody waits for."""
        self._remove([environment])

    # Containers come and go

    def start(self) -> None:
        """Start one more container (`starting` counts it already)."""
        environment = None
        try:
            environment = Environment(self.plan, lambda: self.closed)
            telemetry.record(self.plan.endpoint, self.plan.variant,
                             ModelSetupTime=environment.setup_seconds)
        except StartError as failed:
            reason = str(failed)
        except Exception as error:   # a waiting request must hear of it, whatever it is
            reason = f"The primary container could not be started: {error}"
        with self.change:
            self.starting -= 1
            if environment is None:
                self.failures, self.reason = self.failures + 1, reason
            else:
                self.environments.add(environment)
                self.idle.append(environment)
            self.change.notify_all()
        self._clear_when_retired()

    def warm_up(self) -> None:
        """Start the first container; raises StartError when it does not come up."""
        with self.change:
            self.starting += 1
        self.start()
        if self.failures:
            raise StartError(self.reason)

    def scale_in(self, idle_seconds: float) -> None:
        """Remove containers that no request has used for `idle_seconds`, down to none."""
        now = time.monotonic()
        self._remove_idle(lambda environment: now - environment.used > idle_seconds)

    def retire(self) -> None:
        """No new requests come; the containers go when those under way have been answered."""
        self.retired = True
        self._clear_when_retired()

    def close(self) -> None:
        """Remove all containers, and return when they are gone."""
        with self.change:
            self.closed = True
            self.change.notify_all()
            self.change.wait_for(lambda: not self.starting, timeout=30)  # they give up at once
            self.idle.clear()
            left = list(self.environments)
        for environment in left:
            environment.remove()

    def _clear_when_retired(self) -> None:
        if self.retired and not self.admitted:
            self._remove_idle(lambda environment: True)

    def _remove_idle(self, wanted) -> None:
        with self.change:
            gone = [environment for environment in self.idle if wanted(environment)]
            self.idle = [environment for environment in self.idle if environment not in gone]
        self._remove(gone)

    def _remove(self, gone: list[Environment]) -> None:
        """Remove containers that are not idle any more; no request waits for that."""
        def remove():
            for environment in gone:
                environment.remove()
            with self.change:
                self.environments.difference_update(gone)
                self.change.notify_all()
        if gone:
            threading.Thread(target=remove, daemon=True, name="workshop-sagemaker-remove").start()
