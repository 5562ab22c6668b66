"""Import this first: what tests and benchmarks do depends on no setting of their user.

Copier reads the environment when it is imported.
"""

import os

os.environ["COPIER_SETTINGS_PATH"] = os.devnull
os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_SYSTEM"] = os.devnull
# What make was told is not for the make that a test runs.
for variable in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(variable, None)
for variable in ("AUTHOR", "COMMITTER"):
    os.environ[f"GIT_{variable}_NAME"] = "Test"
    os.environ[f"GIT_{variable}_EMAIL"] = "test@goldpath.invalid"
