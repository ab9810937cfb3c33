"""Prints the versions of Python and, where it is installed, pytest."""

import json
import platform

versions = {"python": platform.python_version()}
try:
    import pytest

    versions["pytest"] = pytest.__version__
except ImportError:
    versions["pytest"] = None
print(json.dumps(versions))
