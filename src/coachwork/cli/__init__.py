"""The command line: `coachwork`. Knows commands and how results are printed; has no rules of its own."""


def main() -> None:
    """The program. Everything heavy is imported by the command that needs it."""
    from coachwork.cli.commands import app

    app(prog_name="coachwork")
