"""A filter in PostgreSQL's SQL. Knows conditions and their values as parameters; runs nothing."""

from typing import Any

from coachwork.knowledge.filters import DOCUMENT, Condition, Filter, facet


def sql_of(filter: Filter) -> tuple[str, dict[str, Any]]:
    """The filter as a condition with its values; `true` where it lets everything through."""
    parts: list[str] = [] if filter.hidden else ["not hidden"]
    values: dict[str, Any] = {}
    if filter.readers is not None:
        parts.append("readers && cast(:readers as text[])")
        values["readers"] = [stored(reader) for reader in sorted(filter.readers)]
    for number, condition in enumerate(filter.conditions):
        sql, more = _range(condition, number) if condition.range is not None else _values(condition, number)
        parts.append(sql)
        values |= more
    return " and ".join(parts) or "true", values


def stored(text: str) -> str:
    """`text` without the one character that PostgreSQL takes in no text."""
    return text.replace("\x00", "\ufffd")


def _values(condition: Condition, number: int) -> tuple[str, dict[str, Any]]:
    if condition.field == DOCUMENT:
        names = [stored(str(value)) for value in condition.values]
        return f"document = any(cast(:names{number} as text[]))", {f"names{number}": names}
    wanted = [stored(facet(condition.field, value)) for value in condition.values]
    return f"facets && cast(:facets{number} as text[])", {f"facets{number}": wanted}


def _range(condition: Condition, number: int) -> tuple[str, dict[str, Any]]:
    assert condition.range is not None
    ends = {"least": condition.range.least, "most": condition.range.most}
    given = {f"{end}{number}": stored(at) if isinstance(at, str) else at for end, at in ends.items() if at is not None}
    is_text = any(isinstance(at, str) for at in given.values())
    value = f"(metadata ->> :field{number})"
    value = f'{value} collate "C"' if is_text else f"cast({value} as float8)"
    signs = {"least": ">=", "most": "<="}
    tests = " and ".join(f"{value} {signs[name.removesuffix(str(number))]} :{name}" for name in given)
    # CASE is what PostgreSQL promises to work off in order, so that no text is cast to a number.
    kind = "string" if is_text else "number"
    sql = f"case when jsonb_typeof(metadata -> :field{number}) = '{kind}' then {tests} else false end"
    return sql, given | {f"field{number}": condition.field}
