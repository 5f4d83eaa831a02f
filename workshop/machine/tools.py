"""Small tools: run another program and say what it said when it fails; tell what is being done."""
import os
import subprocess


def run(*command, stdin=None, environment=None):
    """Run a command and return what it printed.

    stdin: text that it reads, else nothing. environment: dict of str that it gets besides ours.
    Raises RuntimeError with its last lines when it fails; the command is named by its first words
    only, because arguments may be long.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, input=stdin or "", capture_output=True, text=True,
                          errors="replace", env=os.environ | (environment or {}))
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        named = words[2:4] if words[1:2] == ["-m"] else words[:2]       # python -m pip install …
        raise RuntimeError(f"`{' '.join(named)}` failed:\n{last}")
    return done.stdout


def say(message):
    """Tell people what is being done, at once."""
    print(message, flush=True)
