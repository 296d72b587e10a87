"""The installation's secret: made once, for its owner alone, and the same ever after."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from coachwork.app.secret import installation_secret
from coachwork.errors import ProjectError


def test_it_is_made_once_and_only_its_owner_reads_it(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _n: installation_secret(tmp_path, {}), range(16)))
    assert made == {installation_secret(tmp_path, {})}
    [file] = (tmp_path / ".coachwork").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(made.pop()) >= 64


def test_the_environment_goes_over_the_file_and_a_short_one_is_refused(tmp_path):
    assert installation_secret(tmp_path, {"COACHWORK_SECRET": "s" * 40}) == b"s" * 40
    assert not (tmp_path / ".coachwork").exists()
    with pytest.raises(ProjectError, match="has 5 characters") as refused:
        installation_secret(tmp_path, {"COACHWORK_SECRET": "short"})
    assert "short" not in str(refused.value)
