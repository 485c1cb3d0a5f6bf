#!/usr/bin/env python3
"""A page, served from the socket that systemd has opened (descriptor 3)."""

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"nothing new\n")


server = HTTPServer(("", 0), Page, bind_and_activate=False)
server.socket = socket.socket(fileno=3)
server.serve_forever()
