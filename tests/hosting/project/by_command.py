"""A program that speaks the protocol of hosted processes with the standard library alone: any language could."""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = f"Bearer {os.environ['COACHWORK_HOSTED_TOKEN']}"
admitted: dict[str, str] = {}
told = threading.Condition()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers["authorization"] != TOKEN:
            self.send_error(401)
            return
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.end_headers()
        if self.path != "/runs":
            with told:
                admitted[body["id"]] = body["refusal"]
                told.notify_all()
            return
        self.tell(kind="call", id="one", provider="openai", model="gpt-5-mini", sent=40, most=10, at_ns=1)
        with told:
            told.wait_for(lambda: "one" in admitted, timeout=20)
        self.tell(kind="text", text="by ", at_ns=1)
        usage = {"input_tokens": 7, "output_tokens": 3}
        self.tell(kind="call-end", id="one", usage=usage, model="", said=3, finish="stop", error="", at_ns=1)
        text = body["given"]["text"]
        said = str(os.getpid()) if text == "pid" else f"by command: {text}"
        self.tell(kind="outcome", value=said, questions=[], state=None)

    def tell(self, **event: object) -> None:
        self.wfile.write(json.dumps(event).encode() + b"\n")
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass


def end_with_input() -> None:
    """Whoever started us is gone, however it went."""
    while sys.stdin.read(4096):
        pass
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(json.dumps({"hosted": f"http://127.0.0.1:{server.server_port}"}), flush=True)
server.serve_forever()
