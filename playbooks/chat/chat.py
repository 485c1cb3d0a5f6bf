#!/usr/bin/python3
"""A chat over plain TCP: every line goes to everybody else. Try it with `nc HOST 7000`."""

import asyncio
import os

PORT = int(os.environ.get("CHAT_PORT", "7000"))
people = {}


def tell(text, but=None):
    print(text)
    for writer in people:
        if writer is not but:
            writer.write((text + "\n").encode())


async def talk(reader, writer):
    try:
        writer.write(b"Your name? ")
        name = (await reader.readline()).decode(errors="replace").strip()
        if not name:
            return
        people[writer] = name
        tell(f"{name} is here", but=writer)
        while line := await reader.readline():
            tell(f"{name}: {line.decode(errors='replace').rstrip()}", but=writer)
    except (ConnectionError, ValueError):
        pass
    finally:
        if name := people.pop(writer, None):
            tell(f"{name} has left")
        writer.close()


async def main():
    server = await asyncio.start_server(talk, port=PORT, limit=4096)
    print(f"chatting on port {PORT}")
    async with server:
        await server.serve_forever()


asyncio.run(main())
