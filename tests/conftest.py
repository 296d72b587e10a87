"""What every test shares. In CI (CI_REQUIRE_ALL=1) a test that is skipped for something missing has failed.

Only what lies beside the repository may be absent there: a reason that names `shared/data` is let through.
"""

import os
from collections.abc import Generator

import pytest

_ALLOWED = "shared/data"


def _forbidden(report: pytest.TestReport | pytest.CollectReport) -> bool:
    strict = os.environ.get("CI_REQUIRE_ALL", "") not in ("", "0")
    return strict and report.skipped and not hasattr(report, "wasxfail") and _ALLOWED not in _reason(report)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test was skipped, as its author wrote it."""
    told = report.longrepr
    return str(told[2] if isinstance(told, tuple) else told)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _forbidden(report):
        report.outcome, report.longrepr = "failed", f"{item.nodeid} may not be skipped in CI: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if _forbidden(report):
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} may not be skipped in CI: {_reason(report)}"
    return report
