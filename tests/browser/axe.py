"""axe-core on the page that is open (https://github.com/dequelabs/axe-core)."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

SCRIPT = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, as `rule: target`, by every rule it has for WCAG A and AA and best practice."""
    if not SCRIPT.exists():
        pytest.skip("needs web/node_modules: run `make web`")
    page.evaluate(SCRIPT.read_text())  # evaluated by the driver, so the page's own policy stays in force
    found = page.evaluate("() => axe.run().then(result => result.violations)")
    return [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]
