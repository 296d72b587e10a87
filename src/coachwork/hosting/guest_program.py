"""`python guest_program.py module:object`: serve one object, in an environment where Coachwork need not be installed.

Run as a file. It loads the folder `guest` beside it under a name of its own, so that nothing here can hide a
framework's module, and the project's folder (where it is started) is where `module` is found.
"""

import importlib.util
import sys
from pathlib import Path


def load_guest():
    """The package `guest` beside this file as `coachwork_guest`."""
    folder = Path(__file__).resolve().parent / "guest"
    spec = importlib.util.spec_from_file_location(
        "coachwork_guest", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["coachwork_guest"] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())
    load_guest()
    from coachwork_guest.server import main

    main(sys.argv[1])
