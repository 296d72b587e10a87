"""Puts the built page into wheels and source releases. Knows when to build; scripts/build_web.py knows how.

An editable install never needs Node: `make web` builds the page there, and without it the server
says how to get it. A source release carries the page built, so nobody who installs one needs Node.
"""

import os
import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent / "scripts"))
import build_web


class PageHook(BuildHookInterface):
    """Hatchling calls this around every build."""

    def dependencies(self):
        """Node as a package, where it will be needed and is not there."""
        root = Path(self.root)
        if self._skipped() or build_web.is_current(root) or build_web.node_on_path():
            return []
        return [build_web.NODE_PACKAGE]

    def initialize(self, version, build_data):
        root = Path(self.root)
        if version == "editable" or self._skipped():
            if not build_web.is_current(root):
                self.app.display_warning("coachwork: the page is not built here; `make web` builds it")
            return
        build_web.build(root, say=self.app.display_info)

    @staticmethod
    def _skipped():
        """COACHWORK_SKIP_PAGE=1 leaves the page out, for installs that serve only the API."""
        return os.environ.get("COACHWORK_SKIP_PAGE", "") not in ("", "0")
