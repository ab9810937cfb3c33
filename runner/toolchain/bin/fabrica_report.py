"""Writes a test report as JSON lines: a header, what was found or ran, and a closing line.

A report without its closing line was cut off; the reader treats it as unreadable.
Everything that the writer needs is imported here, before any code of the project can shadow a module.
"""

import json
import os

MAX_MESSAGE = 4000


def cut(text):
    """Keeps the beginning and, mostly, the end of a long failure text: the error stands last."""
    if len(text) <= MAX_MESSAGE:
        return text
    return text[:900] + "\n...\n" + text[-(MAX_MESSAGE - 905) :]


class Report:
    """One report file; `folder` is put in front of every id that names a file."""

    def __init__(self, path, tool, append=False):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if append else os.O_TRUNC)
        self._out = os.open(path, flags, 0o644)
        self.failures = 0
        self._write({"tool": tool} if append else {"v": 1, "tool": tool})

    def found(self, test_id):
        self._write({"test": test_id})

    def started(self, test_id):
        self._write({"start": test_id})

    def result(self, test_id, outcome, seconds=0.0, message=""):
        if outcome in ("failed", "error"):
            self.failures += 1
        ms = round(seconds * 1000, 2)
        self._write({"result": {"id": test_id, "outcome": outcome, "ms": ms, "message": cut(message)}})

    def error(self, message):
        """The run as a whole cannot be judged, for example because nothing could be collected."""
        self.failures += 1
        self._write({"error": cut(message)})

    def end(self):
        self._write({"end": True})

    def _write(self, line):
        os.write(self._out, (json.dumps(line) + "\n").encode("utf-8", "replace"))
