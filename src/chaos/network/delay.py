"""Holds back what a node sends over TCP, where the kernel cannot: python3 delay.py PORT MARK DELAY_MS JITTER_MS

Connections of the node and to it are redirected to PORT. What the node sends goes on DELAY_MS, give or take JITTER_MS, after it came, in
its order; what it is sent goes on at once, but for the first bytes of a connection to it, which the delayed handshake would have held back.
Own connections carry MARK, so that they are not redirected again.
"""

import asyncio
import random
import socket
import struct
import sys

PORT, MARK, DELAY_MS, JITTER_MS = (int(word) for word in sys.argv[1:5])
SO_MARK, SO_ORIGINAL_DST = 36, 80
CHUNK_BYTES = 64 * 1024
# Of one direction of one connection; the sender waits beyond that, as it would for a full window.
HELD_CHUNKS = 16
CONNECT_TIMEOUT_S = 10


def hold_s():
    return max(0.0, random.uniform(DELAY_MS - JITTER_MS, DELAY_MS + JITTER_MS)) / 1000


async def pass_on(reader, writer, delayed, first_at):
    """Passes bytes on until the end, each chunk when it is due, never before the one in front of it."""
    loop = asyncio.get_running_loop()
    held = asyncio.Queue(HELD_CHUNKS)

    async def read():
        while True:
            chunk = await reader.read(CHUNK_BYTES)
            now = loop.time()
            await held.put((now + hold_s() if delayed else max(now, first_at), chunk))
            if not chunk:
                return

    async def write():
        while True:
            due, chunk = await held.get()
            await asyncio.sleep(due - loop.time())
            if not chunk:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            writer.write(chunk)
            await writer.drain()

    await asyncio.gather(read(), write())


async def relay(reader, writer):
    near = writer.get_extra_info("socket")
    far_writer = None
    try:
        port, packed = struct.unpack("!2xH4s8x", near.getsockopt(socket.IPPROTO_IP, SO_ORIGINAL_DST, 16))
        host = socket.inet_ntoa(packed)
        inbound = host == near.getsockname()[0] and near.getpeername()[0] != host
        loop = asyncio.get_running_loop()
        opened_at = loop.time()
        far = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        far.setblocking(False)
        far.setsockopt(socket.SOL_SOCKET, SO_MARK, MARK)
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.wait_for(loop.sock_connect(far, (host, port)), CONNECT_TIMEOUT_S)
        far_reader, far_writer = await asyncio.open_connection(sock=far)
        first_at = opened_at + hold_s()
        await asyncio.gather(
            pass_on(reader, far_writer, not inbound, first_at),
            pass_on(far_reader, writer, inbound, first_at),
        )
    except (OSError, asyncio.TimeoutError, ConnectionError):
        # Whoever is at the other end sees it break, as it would without us.
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    finally:
        for each in (writer, far_writer):
            if each is not None:
                each.close()


async def main():
    server = await asyncio.start_server(relay, "0.0.0.0", PORT, backlog=512)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
