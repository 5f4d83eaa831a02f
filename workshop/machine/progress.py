"""One line that says how far a long work is; on a terminal it is rewritten in place."""
import shutil
import sys
import threading
import time

SECONDS = 10      # between two lines where the output is no terminal


class Line:
    """`with Line("environment") as line: line.say("installing …")`; adds the seconds gone by."""

    def __init__(self, name: str, stream=None):
        self.name = name
        self.stream = stream or sys.stdout
        self.terminal = self.stream.isatty()
        self.words = "starting"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def say(self, words) -> None:
        """Set the line's words: a str, or a function without arguments that returns one."""
        self.words = words

    def __enter__(self):
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        if self.terminal:
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def _run(self):
        while not self._done.wait(0.5 if self.terminal else SECONDS):
            words = self.words() if callable(self.words) else self.words
            text = f"{self.name}: {words} ({time.monotonic() - self._began:.0f} s)"
            if self.terminal:
                text = "\r\x1b[K" + text[:shutil.get_terminal_size().columns - 1]
            else:
                text += "\n"
            self.stream.write(text)
            self.stream.flush()
