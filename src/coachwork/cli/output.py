"""What a command prints: results on stdout, everything else on stderr. Knows the look; does not know what is shown.

With --json stdout carries one JSON document and nothing else, whatever happens.
"""

import json
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from coachwork.cli import exits
from coachwork.errors import CoachworkError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


def out() -> "Console":
    """Where results go: stdout. Text is never read as markup or guessed at for colour."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty(), width=width)


def err() -> "Console":
    """Where progress, hints and errors go: stderr."""
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=not sys.stderr.isatty())


def print_json(value: Any) -> None:
    """The one JSON document of this command."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def plain(value: Any) -> Any:
    """Views, dataclasses and containers of them as JSON values; a view's own names are used."""
    from dataclasses import fields, is_dataclass
    from datetime import date
    from pathlib import PurePath

    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, PurePath) else value


def print_error(error: CoachworkError, *, as_json: bool = False) -> int:
    """Say what happened and what to type next; gives the exit code."""
    if debugging():
        traceback.print_exception(error, file=sys.stderr)
    console = err()
    fields = error.details.get("fields", [])
    said = [f"{'.'.join(field['path']) or 'input'}: {field['message']}" for field in fields]
    console.print(f"Error: {error.message.removesuffix('; '.join(said)).rstrip(': ')}", style="bold red")
    for line, field in zip(said, fields, strict=True):
        console.print(f"  {line}{_given(field.get('value'))}")
    if error.hint:
        console.print(f"  → {error.hint}")
    if as_json:
        print_json({"error": error.to_dict()})
    return exits.exit_code(error)


def print_bug(error: Exception, *, as_json: bool = False) -> int:
    """An error nobody foresaw: named without its stack, which COACHWORK_DEBUG=1 shows."""
    console = err()
    console.print(f"Error: {type(error).__name__}: {error}", style="bold red")
    if debugging():
        traceback.print_exception(error, file=sys.stderr)
    else:
        console.print("  → COACHWORK_DEBUG=1 in front of the command shows where it happened")
    if as_json:
        print_json({"error": {"code": "error", "message": f"{type(error).__name__}: {error}", "hint": ""}})
    return exits.FAILED


def debugging() -> bool:
    return os.environ.get("COACHWORK_DEBUG", "") not in ("", "0")


def progress(*, items: bool = True) -> "Progress":
    """A progress display on stderr that disappears when it is done; nothing moves where stderr is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    count = (MofNCompleteColumn(),) if items else ()
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *count,
        TextColumn("{task.fields[state]}", markup=False),
        TimeElapsedColumn(),
        console=err(),
        transient=True,
    )


def download_progress() -> "Progress":
    """A progress display in bytes, with speed and the time that is left."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=err(),
        transient=True,
    )


# ── Numbers in words ───────────────────────────────────────────────────────────────────────────


def money(usd: float | None) -> str:
    """US dollars with sensible digits: "free" for nothing, "?" where the price is unknown."""
    if usd is None:
        return "?"
    if usd == 0:
        return "free"
    return f"${usd:.2f}" if usd >= 1 else f"${usd:.4f}" if usd >= 0.0001 else f"${usd:.6f}"


def duration(seconds: float | None) -> str:
    """Seconds as a person says them: "0.8 s", "42 s", "3 min 5 s", "1 h 12 min"."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(count: int | None) -> str:
    """Bytes as a person says them, in powers of ten."""
    if count is None:
        return ""
    number = float(count)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"


def _given(value: Any) -> str:
    return "" if value is None else f" (given: {value!r})"
