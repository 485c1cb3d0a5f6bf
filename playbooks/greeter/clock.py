#!/usr/bin/env python3
"""Answers every connection with the time. systemd has opened the socket: it is descriptor 3."""

import socket
import time

listener = socket.socket(fileno=3)
while True:
    visitor, _ = listener.accept()
    with visitor:
        visitor.sendall(time.strftime("%H:%M:%S\n").encode())
