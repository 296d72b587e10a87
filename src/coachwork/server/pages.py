"""The built page out of the package. Knows files and how long they may be kept; does not know what is on the page.

Every address that is no file and no part of the API is a place inside the page, so it gets the
page's index; the page reads the address itself.
"""

import mimetypes
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from coachwork.errors import NotFound

STATIC: Final = Path(__file__).parent / "static"
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))  # the better one first
_FOREVER = "public, max-age=31536000, immutable"  # names of built assets hold a hash of their content
_ASK_FIRST = "no-cache"
_NOT_BUILT = """The page is not built, so only the API is here: /api/openapi.json

In a source tree, build it with:    make web
An installed coachwork has it: pip install --force-reinstall coachwork
"""


class Pages:
    """An ASGI application over a folder with an `index.html` and an `assets` folder."""

    def __init__(self, folder: Path = STATIC) -> None:
        self.folder = folder.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == "/api" or path.startswith("/api/"):
            raise NotFound(f"there is nothing at {path!r}", hint="The API is described at /api/openapi.json.")
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"allow": "GET, HEAD"})
        await self._response(path, Headers(scope=scope))(scope, receive, send)

    def _response(self, path: str, headers: Headers) -> Response:
        file = self._file(path)
        is_asset = path.startswith("/assets/")
        if file is None:
            if is_asset:  # an index in place of a script would only hide that the page was rebuilt meanwhile
                raise NotFound(f"there is no file {path!r}", hint="Reload the page: it has been updated.")
            file = self.folder / "index.html"
        if not file.is_file():
            return PlainTextResponse(_NOT_BUILT, 404 if is_asset else 503, {"cache-control": _ASK_FIRST})
        stored, encoding = _smallest(file, headers.get("accept-encoding", ""))
        sent = {"cache-control": _FOREVER if is_asset else _ASK_FIRST, "vary": "accept-encoding"}
        if encoding:
            sent["content-encoding"] = encoding
        response = FileResponse(stored, headers=sent, media_type=_media_type(file), stat_result=stored.stat())
        if headers.get("if-none-match") == response.headers["etag"]:
            return Response(status_code=304, headers={**sent, "etag": response.headers["etag"]})
        return response

    def _file(self, path: str) -> Path | None:
        """The file an address names, None where it names none or one outside the folder."""
        try:
            file = (self.folder / path.lstrip("/")).resolve()
            return file if file.is_relative_to(self.folder) and file.is_file() else None
        except (OSError, ValueError):  # too long a name, or a zero byte in it
            return None


def _smallest(file: Path, accepted: str) -> tuple[Path, str]:
    """The precompressed twin that the caller takes, else the file itself."""
    names = {part.partition(";")[0].strip() for part in accepted.lower().split(",") if "q=0" not in part.split(";")[1:]}
    for encoding, ending in _ENCODINGS:
        twin = file.with_name(file.name + ending)
        if encoding in names and twin.is_file():
            return twin, encoding
    return file, ""


def _media_type(file: Path) -> str:
    if file.suffix in (".js", ".mjs"):  # a machine's own table may say text/plain, which nosniff would refuse
        return "text/javascript"
    return mimetypes.guess_type(file.name)[0] or "application/octet-stream"
