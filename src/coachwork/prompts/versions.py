"""The versions of prompts as they were seen, the labels that point at them, and how they did on their cases.

Knows the database's tables; not what a version means: that is compiled from the files that are kept here.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from coachwork.errors import ProjectError, did_you_mean
from coachwork.messages import JsonValue
from coachwork.store import tables
from coachwork.store.database import Database


@dataclass(frozen=True)
class Version:
    """A version of a prompt. `files` are its texts by path, `first_seen` is in milliseconds since 1970 UTC."""

    prompt: str
    version: str
    files: Mapping[str, str]
    first_seen: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """A version on its cases, once. Money is 1e-9 US dollars, None where a price is unknown; `at` in milliseconds."""

    prompt: str
    version: str
    route: str
    at: int
    repeats: int
    passed: int
    tries: int
    cost_nano: int | None
    seconds: float
    cases: JsonValue


class Versions:
    """The versions of a project's prompts in its database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seen(self, prompt: str, version: str, files: Mapping[str, str]) -> None:
        """Keep a version, if it is new. Does not wait."""
        row = {"prompt": prompt, "version": version, "files": dict(files), "first_seen": _now()}
        self._database.write_soon(lambda connection: _insert_new(connection, tables.prompt_versions, row))

    def history(self, prompt: str) -> list[Version]:
        """Every version, the newest first."""
        v = tables.prompt_versions
        labels: dict[str, list[str]] = {}
        for label, version in self.labels(prompt).items():
            labels.setdefault(version, []).append(label)
        query = sa.select(v).where(v.c.prompt == prompt).order_by(v.c.first_seen.desc(), v.c.version)
        rows = self._database.read_now(lambda connection: connection.execute(query).all())
        return [
            Version(row.prompt, row.version, row.files, row.first_seen, tuple(sorted(labels.get(row.version, ()))))
            for row in rows
        ]

    def find(self, prompt: str, name: str) -> Version:
        """The version of a label, or whose hash begins with `name`. Raises ProjectError."""
        found = self.history(prompt)
        wanted = self.labels(prompt).get(name, name)
        fitting = [each for each in found if each.version.startswith(wanted)]
        if len(fitting) == 1 and len(wanted) >= 4:
            return fitting[0]
        if len(fitting) > 1:
            hint = "Write more of it: " + ", ".join(each.version for each in fitting[:5])
            raise ProjectError(f"{len(fitting)} versions of the prompt {prompt!r} begin with {name!r}", hint=hint)
        known = [*self.labels(prompt), *(each.version for each in found)]
        raise ProjectError(
            f"the prompt {prompt!r} has no version and no label {name!r}",
            hint=f"{did_you_mean(name, known)} `coachwork prompt history {prompt}` lists them.",
        )

    def labels(self, prompt: str) -> dict[str, str]:
        """The version that each label of a prompt points at."""
        t = tables.prompt_labels
        query = sa.select(t.c.label, t.c.version).where(t.c.prompt == prompt).order_by(t.c.label)
        return {row.label: row.version for row in self._database.read_now(lambda c: c.execute(query).all())}

    def put_label(self, prompt: str, label: str, version: str) -> None:
        """Let a label point at a version, from now on."""
        t = tables.prompt_labels

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(t).where(t.c.prompt == prompt, t.c.label == label))
            connection.execute(sa.insert(t).values(prompt=prompt, label=label, version=version, set_at=_now()))

        self._database.write_soon(work).result()

    def tried(self, trial: Trial) -> None:
        """Keep how a version did."""
        row: dict[str, Any] = {"id": uuid.uuid4().hex, **vars(trial)}
        self._database.write_soon(lambda connection: connection.execute(sa.insert(tables.prompt_trials), row)).result()

    def trials(self, prompt: str) -> list[Trial]:
        """How its versions did, the newest first."""
        t = tables.prompt_trials
        columns = [column for column in t.c if column.name != "id"]
        query = sa.select(*columns).where(t.c.prompt == prompt).order_by(t.c.at.desc(), t.c.id)
        rows: Sequence[Any] = self._database.read_now(lambda connection: connection.execute(query).all())
        return [Trial(**row._mapping) for row in rows]


def latest(trials: Sequence[Trial]) -> dict[str, Trial]:
    """The last trial of each version."""
    found: dict[str, Trial] = {}
    for each in trials:
        found.setdefault(each.version, each)
    return found


def _insert_new(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Insert a row unless one with its key is there, on SQLite and PostgreSQL."""
    key = [column.name for column in table.primary_key]
    there = sa.select(sa.literal(1)).where(*(table.c[name] == row[name] for name in key))
    if connection.execute(there).first() is None:
        if connection.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert
        else:
            from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
        connection.execute(insert(table).values(**row).on_conflict_do_nothing(index_elements=key))


def _now() -> int:
    return time.time_ns() // 1_000_000
