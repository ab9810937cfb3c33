"""Runs or lists the unittest tests of given files, with ids `file::Class::method`.

Files are imported as pytest does it by default: a file outside a package by its own name with its folder on
the path, a file inside a package by its dotted name. The project's folder is on the path as well.
"""

import importlib
import importlib.util
import os
import re
import sys
import time
import traceback
import unittest
import unittest.util


def load(folder, file):
    """Imports one test file and returns its suite; raises whatever the file raises."""
    path = os.path.abspath(file)
    names = [os.path.splitext(os.path.basename(path))[0]]
    top = os.path.dirname(path)
    while os.path.exists(os.path.join(top, "__init__.py")) and os.path.basename(top).isidentifier():
        names.insert(0, os.path.basename(top))
        top = os.path.dirname(top)
    if top not in sys.path:
        sys.path.insert(0, top)
    name = ".".join(names)
    known = sys.modules.get(name)
    if known is not None and os.path.abspath(getattr(known, "__file__", "") or "") == path:
        module = known
    elif known is None and len(names) > 1:
        module = importlib.import_module(name)
    else:
        module = _load_file(path, name if known is None else f"{name}_{abs(hash(path))}")
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def _load_file(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def tests_of(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from tests_of(one)
        elif one is not None:
            yield one


def id_of(file, test):
    method = getattr(test, "_testMethodName", None)
    if method is None:
        return f"{file}::{test.id()}"
    return f"{file}::{type(test).__qualname__.replace('.', '::')}::{method}"


class ReportResult(unittest.TextTestResult):
    """Passes every outcome on to the report; one test's subtests count as that test."""

    report = None
    ids = {}
    owners = {}

    def startTest(self, test):
        super().startTest(test)
        self._outcome = None
        self._message = ""
        self._began = time.perf_counter()
        self.report.started(self._id(test))

    def stopTest(self, test):
        super().stopTest(test)
        seconds = time.perf_counter() - self._began
        self.report.result(self._id(test), self._outcome or "passed", seconds, self._message)
        self._outcome = None

    def addError(self, test, err):
        super().addError(test, err)
        self._note(test, "error", self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._note(test, "failed", self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is None:
            return
        failed = issubclass(err[0], test.failureException)
        listed = self.failures if failed else self.errors
        self._note(test, "failed" if failed else "error", f"{subtest}\n{listed[-1][1]}")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._note(test, "skipped", reason)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._note(test, "failed", "The test is marked as an expected failure but passed.")

    def _note(self, test, outcome, message):
        if not isinstance(test, unittest.TestCase):
            # A class or module fixture: unittest reports it under a name of its own, outside of any test.
            self.report.result(self._fixture_id(test), outcome, 0.0, message)
            return
        worse = {None: 0, "skipped": 1, "failed": 2, "error": 3}
        if worse[outcome] >= worse[self._outcome]:
            self._outcome = outcome
        self._message = f"{self._message}\n{message}".strip()

    def _id(self, test):
        return self.ids.get(id(test), test.id())

    def _fixture_id(self, holder):
        """`setUpClass (module.Class)` becomes `file::Class::setUpClass`; the module alone `file::setUpModule`."""
        found = re.fullmatch(r"(\w+) \((.+)\)", str(holder))
        if not found:
            return str(holder)
        fixture, owner = found.groups()
        return f"{self.owners.get(owner, owner)}::{fixture}"


def run(report, folder, files, prefix, collect_only):
    """Runs or lists the tests of `files` (relative to `folder`, the current folder)."""
    sys.path.insert(0, folder)
    if os.path.isdir(os.path.join(folder, "src")):
        sys.path.insert(1, os.path.join(folder, "src"))
    suite = unittest.TestSuite()
    ids = {}
    owners = {}
    for file in files:
        name = prefix + file
        try:
            loaded = load(folder, file)
        except BaseException as error:  # noqa: BLE001 - sys.exit at import is a failure of the file as well
            text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            if collect_only:
                report.error(f"{name} cannot be imported:\n{text}")
            else:
                sys.stderr.write(text)
                report.result(name, "error", 0.0, text)
            continue
        for test in tests_of(loaded):
            ids[id(test)] = id_of(name, test)
            owners[type(test).__module__] = name
            owners[unittest.util.strclass(type(test))] = id_of(name, test).rpartition("::")[0]
        suite.addTest(loaded)
    if collect_only:
        for test_id in ids.values():
            report.found(test_id)
        return
    ReportResult.report = report
    ReportResult.ids = ids
    ReportResult.owners = owners
    unittest.TextTestRunner(resultclass=ReportResult, verbosity=2).run(suite)
