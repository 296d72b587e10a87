"""Who may decide an approval, when they are reminded, and what holds if nobody does. Pure: the clock is an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coachwork.errors import NotAllowed, ProjectError
from coachwork.messages import JsonValue

_ROLE = "role:"
Roles = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Terms:
    """`by`: names and `role:NAME`s, empty for anybody. `remind`: seconds before the end. `default`: None for none."""

    by: Sequence[str] = ()
    remind: Sequence[float] = ()
    default: JsonValue = None

    def columns(self, expires_at: int | None) -> dict[str, Any]:
        """The fields of a row of `approvals`; times in milliseconds since 1970 UTC."""
        times = [] if expires_at is None else sorted(expires_at - int(seconds * 1000) for seconds in self.remind)
        return {
            "deciders": list(self.by),
            "reminders": times,
            "remind_at": times[0] if times else None,
            "fallback": self.default,
        }


@dataclass(frozen=True)
class House:
    """What a project says about all its approvals: who has which role, and whether a receiver is told."""

    roles: Roles = field(default_factory=dict)
    notify: bool = False


def checked(by: Sequence[str] | str | None, remind: Sequence[float], seconds: float | None) -> tuple[str, ...]:
    """The deciders as they are kept. Raises ValueError for none that could be, or a reminder that never comes."""
    names = (by,) if isinstance(by, str) else tuple(by or ())
    if any(not name.strip() or name == _ROLE for name in names) or (by is not None and not names):
        raise ValueError(f"by={by!r} names nobody: write names and roles, for example by=['role:lead', 'alice']")
    if remind and seconds is None:
        raise ValueError("a reminder is a time before the end: say when the approval expires")
    if seconds is not None and any(before >= seconds for before in remind):
        raise ValueError("a reminder lies before the approval is asked: it has to be shorter than `expires`")
    return names


def may_decide(deciders: Sequence[str], name: str, roles: Roles) -> bool:
    """Whether a person may decide, by name or by a role."""
    return not deciders or (bool(name) and name in people(deciders, roles))


def require_roles(title: str, deciders: Sequence[str], roles: Roles) -> None:
    """Raise ProjectError for a role that nobody has: the run would wait for ever."""
    for name in (decider.removeprefix(_ROLE) for decider in deciders if decider.startswith(_ROLE)):
        if name not in roles:
            raise ProjectError(
                f"{title!r} is for the role {name!r}, which coachwork.toml does not have",
                hint=f'Put it there with who has it: [roles] {name} = ["alice"]. Known: {", ".join(roles) or "none"}.',
            )


def refused(approval_id: str, deciders: Sequence[str], name: str) -> NotAllowed:
    """What is said to somebody who may not decide."""
    return NotAllowed(
        f"{name or 'somebody without a name'!r} may not decide approval {approval_id!r}: it is for "
        + " or ".join(deciders),
        hint="Say who decides (--by, --for of a link); roles are lists of names under [roles] in coachwork.toml.",
        reader="This is for somebody else to decide.",
    )


def people(deciders: Sequence[str], roles: Roles) -> list[str]:
    """Everybody who may decide, by name, in the order of the list; [] where anybody may."""
    names: dict[str, None] = {}
    for decider in deciders:
        if decider.startswith(_ROLE):
            names.update(dict.fromkeys(roles.get(decider.removeprefix(_ROLE), ())))
        else:
            names[decider] = None
    return list(names)
