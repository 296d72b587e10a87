"""The exit codes scripts may rely on. Knows which error means which code; does not know how errors are shown."""

from coachwork import errors

OK = 0
FAILED = 1
USAGE = 2
PROJECT = 3
WAITING = 4
UNAVAILABLE = 5
BLOCKED = 6
INTERRUPTED = 130

MEANING = {
    OK: "done",
    FAILED: "a run failed, a check found errors, or something unforeseen happened",
    USAGE: "the command or its input does not fit",
    PROJECT: "the project, its settings or its installation is wrong",
    WAITING: "the run is kept and waits for a person",
    UNAVAILABLE: "a model, its file or its provider can't be reached",
    BLOCKED: "a server or worker ended itself: a run held it up and could not be stopped; start it again",
    INTERRUPTED: "stopped by Ctrl-C; what was accepted is kept",
}

# The first class that fits decides, so the special stand before the general.
_BY_ERROR: tuple[tuple[type[errors.CoachworkError], int], ...] = (
    (errors.ProjectError, PROJECT),
    (errors.NotInstalled, PROJECT),
    (errors.MissingKey, PROJECT),
    (errors.UnknownModel, PROJECT),
    (errors.InputError, USAGE),
    (errors.TooLarge, USAGE),
    (errors.NotFound, USAGE),
    (errors.Conflict, USAGE),
    (errors.PortInUse, USAGE),
    (errors.ModelError, UNAVAILABLE),
    (errors.DownloadError, UNAVAILABLE),
)


def exit_code(error: errors.CoachworkError) -> int:
    """The exit code for an error that ended a command."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), FAILED)


def table() -> str:
    """The codes as text for `coachwork --help`."""
    return "Exit codes\n\n" + "\n\n".join(f"{code}  {meaning}" for code, meaning in MEANING.items())
