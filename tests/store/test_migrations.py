"""The migrations are one line: two that were made at the same time are found here, and not by who upgrades."""

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from coachwork.store import migrations


def test_the_migrations_are_one_line_with_a_name_each() -> None:
    folder = Path(migrations.__file__).parent
    config = Config()
    config.set_main_option("script_location", str(folder))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [migrations.HEAD]
    line = [each.revision for each in script.walk_revisions()][::-1]
    files = sorted(path.name for path in (folder / "versions").glob("[0-9]*.py"))
    assert [name.split("_")[0] for name in files] == line == [f"{number:04d}" for number in range(1, len(line) + 1)]
