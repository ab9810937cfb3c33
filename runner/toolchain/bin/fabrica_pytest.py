"""Runs or lists tests with pytest through a plugin, with pytest's own node ids relative to the workspace."""

import os
import re
import sys

CONFIGS = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


class Plugin:
    def __init__(self, report, prefix, collect_only):
        self._report = report
        self._prefix = prefix
        self._collect_only = collect_only
        self._phases = {}

    def pytest_collection_finish(self, session):
        if self._collect_only:
            for item in session.items:
                self._report.found(self._prefix + item.nodeid)

    def pytest_collectreport(self, report):
        if not report.failed:
            return
        name = self._prefix + report.nodeid
        if self._collect_only:
            self._report.error(f"{name} cannot be collected:\n{report.longreprtext}")
        else:
            self._report.result(name, "error", 0.0, report.longreprtext)

    def pytest_runtest_logstart(self, nodeid, location):
        self._phases[nodeid] = []
        self._report.started(self._prefix + nodeid)

    def pytest_runtest_logreport(self, report):
        self._phases.setdefault(report.nodeid, []).append(report)

    def pytest_runtest_logfinish(self, nodeid, location):
        phases = self._phases.pop(nodeid, [])
        outcome, message = "passed", ""
        for phase in phases:
            if phase.failed:
                outcome = "failed" if phase.when == "call" else "error"
                message = f"{message}\n{phase.longreprtext}".strip()
            elif phase.skipped and not hasattr(phase, "wasxfail") and outcome == "passed":
                outcome = "skipped"
                reason = phase.longrepr
                message = str(reason[2] if isinstance(reason, tuple) else reason)
        if not phases:
            outcome, message = "error", "pytest gave no result for this test."
        seconds = sum(phase.duration for phase in phases)
        self._report.result(self._prefix + nodeid, outcome, seconds, message)


def import_mode(folder):
    """The project's import mode. Its other standing options are dropped: they can deselect tests or name plugins
    that are not installed."""
    for name in CONFIGS:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as text:
                found = re.search(r"--import-mode[= ](prepend|append|importlib)", text.read())
            if found:
                return [f"--import-mode={found.group(1)}"]
    return []


def run(report, folder, files, prefix, collect_only):
    import pytest

    sys.path.insert(0, folder)
    if os.path.isdir(os.path.join(folder, "src")):
        sys.path.insert(1, os.path.join(folder, "src"))
    options = ["-p", "no:cacheprovider", "-o", "addopts=", "--rootdir", folder, *import_mode(folder)]
    options += ["--collect-only", "-q"] if collect_only else ["--continue-on-collection-errors", "-ra"]
    code = pytest.main([*options, *files], plugins=[Plugin(report, prefix, collect_only)])
    if int(code) not in (0, 1, 2, 5):
        report.error(f"pytest could not run (exit code {int(code)}); its output says why.")
