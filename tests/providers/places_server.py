"""A hub and a Python package index on loopback, with the faults that real ones have. Run by the tests of weights."""

import hashlib
import io
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Places:
    """What the two places hold and how they misbehave. `cut_after`: bytes of a hub answer before the line breaks."""

    hub: dict[str, bytes] = field(default_factory=dict)
    wheels: dict[str, bytes] = field(default_factory=dict)  # by file name
    cut_after: int | None = None
    cuts: int = 0
    ranges: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)  # wheels that the index lists but does not give
    address: str = ""

    def add_package(self, name: str, version: str, member: str, data: bytes) -> None:
        """A wheel whose import would fail the test: it may only be read."""
        folder = name.replace("-", "_")
        info = f"{folder}-{version}.dist-info"
        files = {
            f"{folder}/__init__.py": b"raise SystemExit('a weight package was imported')\n",
            member: data,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{path},sha256=,{len(content)}\n" for path, content in files.items())
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in files.items():
                archive.writestr(path, content)
            archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
        self.wheels[f"{folder}-{version}-py3-none-any.whl"] = target.getvalue()

    def environ(self) -> dict[str, str]:
        """The environment in which pip sees this index and no other."""
        return {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": f"{self.address}/simple", "PATH": "/usr/bin:/bin"}


@contextmanager
def serving(places: Places):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: object) -> None:
            pass

        def do_GET(self) -> None:
            path = self.path.strip("/")
            places.fetched.append(path)
            if path.startswith("simple/"):
                return self._listing(path.removeprefix("simple/").replace("-", "_"))
            if path.startswith("wheels/"):
                name = path.removeprefix("wheels/").partition("#")[0]
                return self._send(404, b"gone") if name in places.gone else self._send(200, places.wheels[name])
            if path in places.hub:
                return self._hub(places.hub[path])
            return self._send(404, b"no such file")

        def _listing(self, project: str) -> None:
            links = "".join(
                f'<a href="/wheels/{name}#sha256={hashlib.sha256(data).hexdigest()}">{name}</a>'
                for name, data in places.wheels.items()
                if name.split("-")[0] == project
            )
            self._send(200 if links else 404, f"<!DOCTYPE html><html><body>{links}</body></html>".encode())

        def _hub(self, data: bytes) -> None:
            start = 0
            if asked := self.headers.get("Range"):
                places.ranges.append(asked)
                start = int(asked.removeprefix("bytes=").rstrip("-"))
            body = data[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"one"')
            self.end_headers()
            if places.cut_after is not None and places.cuts > 0:
                places.cuts -= 1
                self.wfile.write(body[: places.cut_after])
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
                return
            self.wfile.write(body)

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    places.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield places
    finally:
        server.shutdown()
        server.server_close()
