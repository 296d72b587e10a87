"""`make demo`: sets everything up, then serves examples/support-desk. Knows the order; each step knows its own work.

Every step leaves a mark when it is done, so a second `make demo` starts in seconds.
"""

import argparse
import base64
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import environment

EXAMPLE = os.path.join(environment.ROOT, "examples", "support-desk")
SECRET = os.path.join(EXAMPLE, ".coachwork", "replies.secret")
RECEIVER_PORT = 8021
TO_TRY = """
Three things to try:
  1. {address}
     Open “Answer a ticket”, click “A cost estimate”, press Run: its small number opens the handbook there.
  2. Choose “Urgent: a swollen battery”: the run waits in the Inbox for you. Stop this with Ctrl-C (or kill -9),
     start it again, and accept: the run goes on, and the signed reply arrives on http://127.0.0.1:{receiver}
  3. In a second terminal, all 60 tickets at once:
     cd examples/support-desk && ../../.venv/bin/coachwork run answer_ticket --batch inbox/tickets.jsonl
Ctrl-C stops everything. What was accepted is kept.
"""


def main():
    parser = argparse.ArgumentParser(description="Serve the example application, with all set-up.")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    require_free(options.port, f"make demo PORT={options.port + 1}")
    require_free(RECEIVER_PORT, "the demo's webhook receiver needs it: stop what uses it")
    environment.ensure_venv(say=say)
    run_step([environment.venv_program("python"), os.path.join(environment.ROOT, "scripts", "build_web.py")])
    make_secret()
    sys.exit(serve(options.port))


def say(line):
    print(line, flush=True)


def require_free(port, hint):
    """Stop with a clear message where another program listens."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            print(f"Port {port} is used by another program.\n  → {hint}", file=sys.stderr)
            sys.exit(2)


def run_step(command):
    done = subprocess.run(command, cwd=environment.ROOT)
    if done.returncode:
        sys.exit(done.returncode)


def make_secret():
    """The key that signs the replies: made once, readable by this user alone."""
    os.makedirs(os.path.dirname(SECRET), exist_ok=True)
    try:
        file = os.open(SECRET, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(file, "w") as opened:
        opened.write("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode() + "\n")


def serve(port):
    """Run the receiver and the server until Ctrl-C or until the server ends; gives the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a kill ends both children too, as Ctrl-C does
    receiver = subprocess.Popen(
        [environment.venv_program("python"), os.path.join(EXAMPLE, "receiver.py"), "--port", str(RECEIVER_PORT)],
        cwd=EXAMPLE,
    )
    server = subprocess.Popen(
        [environment.venv_program("coachwork"), "serve", "--project", EXAMPLE, "--port", str(port), "--yes"]
    )
    try:
        if wait_until_ready(server, port):
            say(TO_TRY.format(address=f"http://127.0.0.1:{port}", receiver=RECEIVER_PORT))
        code = server.wait()
    except KeyboardInterrupt:
        code = 0  # both children got the same Ctrl-C
    finally:
        stop(server)
        stop(receiver)
    return code


def wait_until_ready(server, port):
    """Whether the server answers; it may pull models and index documents first, which has no limit in time."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False


def stop(process):
    """End a child, politely first."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    environment.ensure_python()
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
