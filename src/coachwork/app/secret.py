"""The installation's own secret, by which it knows what it has signed itself. Knows where it lies; signs nothing."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from coachwork.errors import ProjectError
from coachwork.tracing.secrets import keep_secret

_VARIABLE = "COACHWORK_SECRET"
_FEWEST = 32  # characters


def installation_secret(folder: Path, environ: Mapping[str, str]) -> bytes:
    """The secret from `COACHWORK_SECRET`, else from `.coachwork/secret`, made once and for its owner's eyes only.

    Several machines need the same one from the environment. Raises ProjectError for one too short to be secret.
    """
    if given := environ.get(_VARIABLE, ""):
        return _long_enough(given, _VARIABLE)
    path = folder / ".coachwork" / "secret"
    try:
        return _long_enough(path.read_text("ascii").strip(), str(path))
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f"secret.{secrets.token_hex(4)}")
    with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        os.link(made, path)  # whole or not at all, and of two processes at once the first one's
    except FileExistsError:
        pass
    finally:
        made.unlink()
    return _long_enough(path.read_text("ascii").strip(), str(path))


def _long_enough(secret: str, where: str) -> bytes:
    if len(secret) < _FEWEST:
        raise ProjectError(
            f"the secret of {where} has {len(secret)} characters, and needs {_FEWEST}",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(48))'",
        )
    keep_secret([secret])
    return secret.encode()
