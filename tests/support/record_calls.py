"""Records what the lessons need of the cloud: each action, its resource and its condition keys.

    .venv/bin/python tests/support/record_calls.py [--compare] [NN …]

Runs the solved lessons (all, or those named) as the learner, on a local cloud that writes down what
the calls need. Then it writes tests/support/learner_calls.json anew, or with --compare only
says what is new and what is gone, and ends with 1 if anything is. All lessons take twenty minutes.

    … record_calls.py --everything NN       for a lesson whose calls no policy allows yet
    … record_calls.py --from build/learner_calls.jsonl      takes what was recorded before
"""
import argparse
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
RUN = "import sys; from workshop.course import lessons; sys.exit(lessons.run(sys.argv[1:]))"
RAW = ROOT / "build" / "learner_calls.jsonl"


def serve(port: int, everything: bool) -> None:
    """The local cloud, which also writes a line to RAW for each need of a call of the learner's.

    everything: the learner may do everything, so that a lesson needs no policy yet.
    """
    from workshop.local import server
    configure = server.configure

    def configure_and_record(port):
        configure(port)     # before MiniStack is imported: it reads its settings then
        from workshop.local import identities
        from workshop.local.addresses import ACCOUNT
        from workshop.local.permissions import callers, decision
        decide, learner = decision.decide, identities.user_arn(ACCOUNT)
        if everything:
            callers.USERS[learner] = lambda: [callers.ADMINISTRATOR]

        def decide_and_record(principal, need, region):
            if principal.arn == learner and decide(     # the thing's own policy does not suffice
                    replace(principal, policies=[]), need, region).decision != "Allow":
                keys = decision.context(principal, need, region).service_context
                with open(RAW, "a", encoding="utf-8") as file:
                    file.write(json.dumps([need.action, need.resource, keys]) + "\n")
            return decide(principal, need, region)
        decision.decide = decide_and_record
    server.configure = configure_and_record
    server.main(["--port", str(port)])


def record(lessons: list[str], everything: bool) -> None:
    """Run the lessons on such a local cloud. Raises SystemExit when one fails."""
    from workshop.local import addresses, lifecycle
    RAW.parent.mkdir(exist_ok=True)
    RAW.write_text("")
    with open(RAW.with_suffix(".log"), "w", encoding="utf-8") as log:
        process = subprocess.Popen([sys.executable, __file__, "--serve", str(addresses.port()),
                                    *(["--everything"] if everything else [])],
                                   stdout=log, stderr=log)
        try:
            while not lifecycle.mine(addresses.port()):
                if process.poll() is not None:
                    sys.exit(f"The local cloud did not start: see {log.name}")
                time.sleep(0.1)
            for number in lessons:
                with open(RAW, "a", encoding="utf-8") as file:
                    file.write(json.dumps(number) + "\n")
                if subprocess.run([sys.executable, "-c", RUN, number], cwd=ROOT).returncode:
                    sys.exit(f"Lesson {number} failed; nothing was written.")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--everything", action="store_true")
    parser.add_argument("--from", dest="source", type=Path)
    parser.add_argument("lessons", nargs="*", metavar="NN")
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve, asked.everything)
        return 0
    import learner_calls
    from workshop.course import render
    lessons = asked.lessons or [one.number for one in render.lessons(ROOT)]
    if not asked.source:
        record(lessons, asked.everything)
    with open(asked.source or RAW, encoding="utf-8") as file:
        found = learner_calls.compact(file)
    file = learner_calls.FILE
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    after = learner_calls.merged(before, found, lessons)
    changes = learner_calls.differences(before, after)
    print("\n".join(changes) or "The recorded list is up to date.")
    if asked.compare:
        return 1 if changes else 0
    file.write_text(learner_calls.written(after), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
