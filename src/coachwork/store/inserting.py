"""Rows of which there may be only one, whoever comes first. Knows conflicts of keys; does not know what a row means."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa


def insert_if_new(connection: sa.Connection, table: sa.Table, values: Mapping[str, Any], key: Sequence[str]) -> bool:
    """Insert a row unless one with its `key` is there; False where one is, then visible to this transaction.

    Of two processes at once the second waits for the first's commit: looking first and inserting then
    would end with an error for it (https://www.postgresql.org/docs/current/sql-insert.html#SQL-ON-CONFLICT).
    """
    from sqlalchemy.dialects import postgresql, sqlite  # loaded by now; not with a project's mere names

    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[connection.dialect.name]
    statement = insert(table).values(**values)
    kept = statement.on_conflict_do_nothing(index_elements=list(key)).returning(table.c[key[0]])
    return connection.execute(kept).first() is not None
