"""Import this first: tests and benchmarks do not depend on settings of their user.

Copier reads the environment when it is imported.
"""

import os
import signal

from goldpath.runtime.process import without_make

os.environ["COPIER_SETTINGS_PATH"] = os.devnull
os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_SYSTEM"] = os.devnull
# Flags and variables of the make that runs the tests must not reach the make that a test runs.
environment = without_make(os.environ)
for variable in os.environ.keys() - environment.keys():
    del os.environ[variable]
for variable in ("AUTHOR", "COMMITTER"):
    os.environ[f"GIT_{variable}_NAME"] = "Test"
    os.environ[f"GIT_{variable}_EMAIL"] = "test@goldpath.invalid"

# A shell that starts `make test &` lets its programs ignore SIGINT, and they would pass that on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
