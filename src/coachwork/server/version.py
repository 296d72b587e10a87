"""The version that is running. Knows the installed package; a source tree that is not installed has none."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("coachwork")
except PackageNotFoundError:
    VERSION = "0"
