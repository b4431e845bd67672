#!/usr/bin/env python3
"""A wire between two network namespaces that does harm on purpose, and counts it.

    wire.py NAMESPACE NAMESPACE MTU

Makes a TUN device called 'wire0' in each of the two and carries packets between them. What `tc netem` does,
in user space: a kernel need not have it, the dice are seeded, and every packet that is lost, doubled or
spoiled is counted by protocol. Reads settings as lines of JSON from its standard input, and answers each
with the counts of both directions. Ends with its input, and the devices end with it.
"""
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PROTOCOLS = {1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp'}
# Of a packet: probabilities. `delayMs` and up to `jitterMs` more, which puts packets out of order.
SETTINGS = {'loss': 0, 'duplicate': 0, 'corrupt': 0, 'delayMs': 0, 'jitterMs': 0, 'isCut': False}


def enter(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f'/run/netns/{namespace}') as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def open_end(namespace):
    enter(namespace)
    fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', b'wire0', IFF_TUN | IFF_NO_PI))
    return fd


def describe(packet):
    """The protocol of an IP packet, and where a flipped bit leaves its headers whole."""
    if packet[0] >> 4 == 4:
        protocol, offset = packet[9], (packet[0] & 15) * 4
        is_later_fragment = (struct.unpack_from('!H', packet, 6)[0] & 0x1FFF) != 0
    else:
        protocol, offset, is_later_fragment = packet[6], 40, False
    name = PROTOCOLS.get(protocol, 'other')
    if is_later_fragment:
        return name, offset
    return name, offset + {'udp': 8, 'tcp': 20}.get(name, 0)


class Direction:
    def __init__(self, source, goal, seed):
        self.source, self.goal, self.dice, self.counts = source, goal, random.Random(seed), {}

    def count(self, protocol, what):
        of = self.counts.setdefault(
            protocol, {'taken': 0, 'lost': 0, 'duplicated': 0, 'corrupted': 0, 'delivered': 0})
        of[what] += 1

    def take(self, packet, now, settings, waiting):
        protocol, payload = describe(packet)
        self.count(protocol, 'taken')
        # As many throws for each packet, whatever becomes of it: so the n-th packet always meets the same fate.
        loss, double, spoil, place, jitter, second_jitter = (self.dice.random() for _ in range(6))
        if settings['isCut'] or loss < settings['loss']:
            self.count(protocol, 'lost')
            return
        if spoil < settings['corrupt'] and payload < len(packet):
            self.count(protocol, 'corrupted')
            spoiled = bytearray(packet)
            spoiled[payload + int(place * (len(packet) - payload))] ^= 1 << int(place * 8)
            packet = bytes(spoiled)
        delays = [jitter]
        if double < settings['duplicate']:
            self.count(protocol, 'duplicated')
            delays.append(second_jitter)
        for part in delays:
            due = now + (settings['delayMs'] + part * settings['jitterMs']) / 1000
            heapq.heappush(waiting, (due, next(ORDER), self, protocol, packet))

    def deliver(self, protocol, packet):
        try:
            os.write(self.goal, packet)
            self.count(protocol, 'delivered')
        except OSError:
            # The device is down.
            self.count(protocol, 'lost')


def numbers():
    number = 0
    while True:
        yield number
        number += 1


ORDER = numbers()


def answer(ends):
    print(json.dumps({'aToB': ends[0].counts, 'bToA': ends[1].counts}), flush=True)


def main():
    first, second = open_end(sys.argv[1]), open_end(sys.argv[2])
    ends = [Direction(first, second, 1), Direction(second, first, 2)]
    settings, waiting, words = dict(SETTINGS), [], b''
    answer(ends)
    while True:
        now = time.monotonic()
        patience = max(0, waiting[0][0] - now) if waiting else None
        ready, _, _ = select.select([first, second, 0], [], [], patience)
        for end in ends:
            # A few at a time, so that the two directions take turns.
            for _ in range(32 if end.source in ready else 0):
                try:
                    packet = os.read(end.source, 65536)
                except OSError:
                    # No more of them, or the device is down.
                    break
                end.take(packet, time.monotonic(), settings, waiting)
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, end, protocol, packet = heapq.heappop(waiting)
            end.deliver(protocol, packet)
        if 0 in ready:
            piece = os.read(0, 65536)
            if not piece:
                return
            *lines, words = (words + piece).split(b'\n')
            for line in lines:
                settings.update(json.loads(line))
                # What has come by now was sent under the settings before.
                answer(ends)


main()
