"""Holds each packet that the kernel puts into a queue for a while, then lets it go on: QUEUE LOW_MS HIGH_MS PID_FILE."""

import heapq
import os
import random
import select
import signal
import socket
import struct
import sys
import time

# linux/netlink.h and linux/netfilter/nfnetlink_queue.h
NETLINK_NETFILTER, SOL_NETLINK, NO_ENOBUFS, SO_RCVBUFFORCE = 12, 270, 5, 33
PACKET, VERDICT, CONFIG = 0x300, 0x301, 0x302
REQUEST, WITH_ANSWER = 1, 5
COMMAND, PARAMS, MAX_LENGTH, MASK, FLAGS = 1, 2, 3, 4, 5
BIND, COPY_NO_PAYLOAD, WHOLE_SEGMENTS, ACCEPT = 1, 1, 4, 1

# As many as netem is told to hold.
MAX_PACKETS = 10_000
PACKETS_A_TURN = 256
BUFFER_BYTES = 8 * 1024 * 1024

queue, pid_file = int(sys.argv[1]), sys.argv[4]
low_s, high_s = float(sys.argv[2]) / 1000, float(sys.argv[3]) / 1000


def send(kind, flags, *attributes):
    body = struct.pack("!BBH", 0, 0, queue)
    for name, value in attributes:
        body += struct.pack("=HH", 4 + len(value), name) + value + b"\0" * (-len(value) % 4)
    kernel.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 0, 0) + body)


def configure(*attributes):
    send(CONFIG, WITH_ANSWER, *attributes)
    error = -struct.unpack_from("=i", kernel.recv(4096), 16)[0]
    if error:
        sys.exit(f"this kernel has neither netem nor a queue for packets: {os.strerror(error)}")


def let_go(packet):
    send(VERDICT, REQUEST, (2, struct.pack("!II", ACCEPT, packet)))


def hold():
    """Takes what has come, as (when it is due, its number), and leaves some for the next turn rather than be late."""
    for _ in range(PACKETS_A_TURN):
        try:
            message = kernel.recv(4096, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if struct.unpack_from("=H", message, 4)[0] == PACKET:
            due = time.monotonic() + random.uniform(low_s, high_s)
            heapq.heappush(held, (due, struct.unpack_from("!I", message, 24)[0]))


kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
kernel.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
kernel.setsockopt(SOL_NETLINK, NO_ENOBUFS, 1)
kernel.bind((0, 0))
configure((COMMAND, struct.pack("!BxH", BIND, 0)))
configure((PARAMS, struct.pack("!IB", 0, COPY_NO_PAYLOAD)), (MAX_LENGTH, struct.pack("!I", MAX_PACKETS)))
configure((FLAGS, struct.pack("!I", WHOLE_SEGMENTS)), (MASK, struct.pack("!I", WHOLE_SEGMENTS)))

# Whoever has started this goes on as soon as the queue is there.
if child := os.fork():
    with open(pid_file, "w") as file:
        file.write(str(child))
    os._exit(0)
os.setsid()
nowhere = os.open(os.devnull, os.O_RDWR)
for descriptor in range(3):
    os.dup2(nowhere, descriptor)

held = []
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
try:
    while True:
        now = time.monotonic()
        while held and held[0][0] <= now:
            let_go(heapq.heappop(held)[1])
        if select.select([kernel], [], [], max(0, held[0][0] - now) if held else None)[0]:
            hold()
finally:
    hold()
    for _, packet in held:
        let_go(packet)
