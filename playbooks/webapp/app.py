#!/usr/bin/python3
"""A page and a health endpoint, with nothing but the standard library."""

import http.server
import json
import os
import signal
import sys
import time

PORT = int(os.environ.get("PORT", "8000"))
TITLE = os.environ.get("TITLE", "It works")
STARTED = time.monotonic()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            uptime = round(time.monotonic() - STARTED, 1)
            self.answer(200, "application/json", json.dumps({"status": "ok", "uptime": uptime}) + "\n")
        elif self.path == "/":
            self.answer(200, "text/plain; charset=utf-8", TITLE + "\n")
        else:
            self.answer(404, "text/plain; charset=utf-8", "not found\n")

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = http.server.ThreadingHTTPServer(("", PORT), Handler)
    print(f"listening on port {PORT}", flush=True)
    server.serve_forever()
