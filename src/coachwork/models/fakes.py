"""The door for a fake model in a whole served application. Shut unless two variables say so together.

`COACHWORK_FAKE_MODEL=module:attribute` (or `file.py:attribute`) names a Provider that then answers every
chat call; it is honoured only with `COACHWORK_ALLOW_FAKE=1`, and its answers are labelled `fake:…`.
"""

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from coachwork.errors import Finding, ProjectError
from coachwork.providers.wire import Provider

FAKED = Finding(
    "models.W004",
    "warning",
    "Every chat answer comes from a fake model.",
    "This is for tests. Unset COACHWORK_FAKE_MODEL to ask real models.",
    "COACHWORK_FAKE_MODEL",
)


def fake_from(environ: Mapping[str, str]) -> Provider | None:
    """The fake that the environment asks for, None where it does not. Raises ProjectError where it half does."""
    name = environ.get("COACHWORK_FAKE_MODEL", "")
    if not name:
        return None
    if environ.get("COACHWORK_ALLOW_FAKE") != "1":
        raise ProjectError(
            f"COACHWORK_FAKE_MODEL is set ({name!r}), but fake models are not allowed here",
            hint="Unset it. Only in a test: set COACHWORK_ALLOW_FAKE=1 as well.",
        )
    module_name, _, attribute = name.rpartition(":")
    try:
        module = _from_file(Path(module_name)) if module_name.endswith(".py") else importlib.import_module(module_name)
        fake = getattr(module, attribute)
    except (ImportError, AttributeError, ValueError, OSError) as error:
        raise ProjectError(
            f"COACHWORK_FAKE_MODEL={name!r} can't be read: {error}",
            hint="Write it as module:attribute or file.py:attribute.",
        ) from error
    if not isinstance(fake, Provider):
        raise ProjectError(
            f"COACHWORK_FAKE_MODEL={name!r} is {type(fake).__name__}, not a model",
            hint="Name a coachwork.testing.FakeModel.",
        )
    return fake


def _from_file(path: Path) -> object:
    spec = importlib.util.spec_from_file_location("coachwork_fake_model", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
