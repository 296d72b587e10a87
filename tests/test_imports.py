"""`import coachwork` is cheap: no SDK, no web framework, no model runtime, and the command line starts at once."""

import json
import subprocess
import sys

HEAVY = frozenset(
    {
        *(
            "aiohttp",
            "alembic",
            "anthropic",
            "dbos",
            "fastapi",
            "faster_whisper",
            "google",
            "httpx",
            "lancedb",
            "numpy",
        ),
        *("onnxruntime", "openai", "pandas", "psycopg", "pyarrow", "pydantic_ai", "starlette", "tokenizers", "uvicorn"),
        "xllamacpp",
    }
)


def modules_after(code: str) -> set[str]:
    """The modules a fresh interpreter has loaded after running `code`."""
    script = (
        f"import sys, json; before = set(sys.modules)\n{code}\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_coachwork_is_cheap() -> None:
    loaded = modules_after("import coachwork")
    assert not HEAVY & loaded
    assert len(loaded) <= 350


def test_an_application_that_uses_every_public_name_loads_nothing_heavy() -> None:
    loaded = modules_after("import coachwork; [getattr(coachwork, name) for name in coachwork.__all__]")
    assert not HEAVY & loaded
    assert len(loaded) <= 520


def test_the_command_line_starts_without_anything_heavy() -> None:
    loaded = modules_after("import coachwork.cli.commands")
    assert not (HEAVY | {"sqlalchemy", "rich.progress"}) & loaded
