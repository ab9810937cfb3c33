"""Runs or lists the Python tests of a workspace and writes one report.

python_tests.py run|collect --report FILE GROUP...   with GROUP = {"runner", "dir", "files"} as JSON, where runner
is "unittest", "pytest", or "either" (pytest where it is installed). The current folder is the workspace.
"""

import importlib.util
import json
import os
import platform
import subprocess
import sys
import threading
import time

# The project must not find our programs, nor we modules of the project before all of ours are loaded.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [place for place in sys.path if place and os.path.abspath(place) != HERE]
sys.path.insert(0, HERE)
import fabrica_pytest  # noqa: E402
import fabrica_report  # noqa: E402
import fabrica_unittest  # noqa: E402

sys.path.remove(HERE)

LEFTOVER_SECONDS = 5


def merge(groups):
    """Long file lists arrive in several arguments; groups of the same folder and runner become one."""
    merged = {}
    for group in groups:
        key = (group["dir"], group["runner"])
        merged.setdefault(key, []).extend(group["files"])
    return [{"dir": place, "runner": runner, "files": files} for (place, runner), files in merged.items()]


def run_group(mode, report_path, group, append):
    has_pytest = importlib.util.find_spec("pytest") is not None
    runner = group["runner"]
    if runner == "either":
        runner = "pytest" if has_pytest else "unittest"
    version = f"python {platform.python_version()}"
    report = fabrica_report.Report(report_path, f"{runner}, {version}", append)
    if runner == "pytest" and not has_pytest:
        report.error(
            "These tests are written for pytest, but pytest is not installed in this sandbox. "
            "Use unittest.TestCase classes, or run on a host whose sandbox has pytest."
        )
    else:
        place = group["dir"]
        prefix = "" if place == "." else place + "/"
        files = [file[len(prefix) :] for file in group["files"]]
        os.chdir(place)
        module = fabrica_pytest if runner == "pytest" else fabrica_unittest
        module.run(report, os.getcwd(), files, prefix, mode == "collect")
        name_leftovers(report)
    return report


def name_leftovers(report):
    """Python would wait for these threads for ever at its end, here and wherever else the tests are run."""
    deadline = time.monotonic() + LEFTOVER_SECONDS
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                report.error(f"The tests left a thread running ({thread.name}), for example a server not shut down.")


def main(argv):
    mode, flag, report_path = argv[0], argv[1], argv[2]
    if mode not in ("run", "collect") or flag != "--report":
        raise SystemExit("usage: python_tests.py run|collect --report FILE GROUP...")
    append = "--append" in argv
    groups = merge([json.loads(word) for word in argv[3:] if word.startswith("{")])
    if len(groups) == 1:
        report = run_group(mode, report_path, groups[0], append)
        if not append:
            report.end()
        sys.stdout.flush()
        sys.stderr.flush()
        # Not sys.exit: the threads just reported would keep the process alive.
        os._exit(1 if report.failures else 0)
    # Several projects in one workspace: modules of the same name must not meet, so each has its own process.
    report = fabrica_report.Report(report_path, "python")
    worst = 0
    for group in groups:
        command = [sys.executable, os.path.abspath(__file__), mode, "--report", report_path, "--append"]
        chunks = [group["files"][at : at + 500] for at in range(0, len(group["files"]), 500)]
        code = subprocess.call([*command, *(json.dumps({**group, "files": chunk}) for chunk in chunks)])
        worst = max(worst, 1 if code else 0)
        if code not in (0, 1):
            report.error(f"The tests of {group['dir']} ended the run with code {code}.")
    report.end()
    raise SystemExit(worst)


main(sys.argv[1:])
