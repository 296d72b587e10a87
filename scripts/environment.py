"""Makes .venv with Coachwork installed, once. Knows interpreters and pip; does not know what runs in there.

`make` calls it with whatever `python3` is, so it must parse on old interpreters to be able to say that
they are too old.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
OLDEST = (3, 11)


def ensure_python():
    """Go on under Python 3.11 or later: this one, or a newer one found on PATH; else say what to do and stop."""
    if sys.version_info >= OLDEST:
        return
    for minor in (13, 12, 11, 14):
        other = shutil.which(f"python3.{minor}")
        if other:
            os.execv(other, [other, *sys.argv])
    print(
        f"Coachwork needs Python 3.11 or later; {sys.executable} is {sys.version_info[0]}.{sys.version_info[1]}.\n"
        "  → install a newer one, then for example: make demo PYTHON=python3.12",
        file=sys.stderr,
    )
    sys.exit(2)


def venv_program(name):
    """The path of a program in .venv."""
    return os.path.join(VENV, "bin", name)


def ensure_venv(dev=False, say=print):
    """Make .venv and install Coachwork with all its extras into it, unless that is done already.

    `dev` adds the tools of the tests. What was installed is remembered by a stamp of pyproject.toml.
    """
    extras = "all,dev" if dev else "all"
    stamps = [_stamp("all,dev")] if dev else [_stamp("all,dev"), _stamp("all")]
    wanted = _wanted()
    if any(_read(stamp) == wanted for stamp in stamps) and os.access(venv_program("coachwork"), os.X_OK):
        return False
    if not _works(venv_program("python")):
        say("making a virtual environment in .venv …")
        _make_venv()
    say("installing Coachwork with its extras into .venv (about 1 GB on disk; a few minutes the first time) …")
    environment = dict(os.environ, COACHWORK_SKIP_PAGE="1")  # the page is built by its own step, beside this one
    command = [venv_program("python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--editable", f"{ROOT}[{extras}]"], env=environment, cwd=ROOT)
    if done.returncode:
        print("pip could not install Coachwork; it says why above. Nothing else was changed.", file=sys.stderr)
        sys.exit(done.returncode)
    with open(_stamp(extras), "w") as file:
        file.write(wanted)
    return True


def look(say=print):
    """Say what the tests will have to leave out on this machine."""
    browsers = ("chromium", "chromium-browser", "google-chrome", "chrome")
    if not any(shutil.which(name) for name in browsers):
        say("no Chromium on PATH: tests that drive a browser are skipped (apt-get install chromium)")


def _make_venv():
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        print(
            f"{sys.executable} could not make a virtual environment.\n"
            "  → on Debian and Ubuntu: apt-get install python3-venv",
            file=sys.stderr,
        )
        sys.exit(1)


def _wanted():
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        return hashlib.sha256(file.read() + ROOT.encode()).hexdigest()


def _stamp(extras):
    return os.path.join(VENV, ".coachwork-" + extras.replace(",", "-"))


def _read(path):
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""


def _works(python):
    """Whether the environment's interpreter starts: it does not after the folder or its Python has moved."""
    try:
        probe = [python, "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
        return subprocess.run(probe, capture_output=True).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    ensure_python()
    parser = argparse.ArgumentParser(description="Make .venv with Coachwork installed, once.")
    parser.add_argument("--dev", action="store_true", help="with the tools of the tests")
    parser.add_argument("--look", action="store_true", help="only say what the tests will leave out here")
    options = parser.parse_args()
    if options.look:
        look()
    else:
        ensure_venv(dev=options.dev)
