#!/usr/bin/env python3
"""The other end of one TCP connection, which acknowledges only as far as it is told.

    deaf-peer.py DEVICE

Answers the first SYN that leaves by DEVICE, an 'ifb' that drops what it is given, and puts its own packets
into the loopback device. So the bytes of the connection are read by no one, and a send without a copy stays
without one. Reads lines: after 'ack BYTES' it acknowledges what is sent, up to so many in all; 'reset' ends the
connection. Writes 'ready' and 'connected'.
"""
import os
import re
import select
import socket
import struct
import subprocess
import sys

ETH_P_ALL = 0x0003
SYN, RST, ACK = 0x02, 0x04, 0x10
# The longest segment of an MTU of 60,000; a window of a gigabyte.
SEGMENT = 59_960
OPTIONS = struct.pack('!BBH', 2, 4, SEGMENT) + struct.pack('!BBBB', 1, 3, 3, 14)
WINDOW = 65_535
FIRST = 1_000


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def await_syn(device):
    # Closed again before there is data: the kernel copies what somebody looks at.
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as watch:
        watch.bind((device, ETH_P_ALL))
        print('ready', flush=True)
        while True:
            packet = watch.recv(65_536)
            tcp = (packet[0] & 15) * 4
            if packet[9] == socket.IPPROTO_TCP and packet[tcp + 13] & SYN:
                source, goal, sequence = struct.unpack_from('!HHI', packet, tcp)
                return packet[12:16], packet[16:20], source, goal, sequence


def progress(port):
    """How much of its data the socket at a port knows to have arrived, and has sent at least once."""
    told = subprocess.run(['ss', '-tinH', 'sport', '=', f':{port}'], capture_output=True, text=True).stdout
    if not told:
        return 0, 0
    queued = int(told.split()[2])
    counts = dict(re.findall(r'(bytes_acked|notsent):(\d+)', told))
    # The SYN counts as a byte.
    arrived = max(int(counts.get('bytes_acked', 0)) - 1, 0)
    return arrived, arrived + queued - int(counts.get('notsent', 0))


def main():
    here, there, port, own_port, sequence = await_syn(sys.argv[1])
    wire = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def send(flags, own, acknowledged, options=b''):
        words = (5 + len(options) // 4) << 4
        acknowledged = (sequence + acknowledged) & 0xFFFFFFFF
        head = struct.pack('!HHIIBBHHH', own_port, port, own, acknowledged, words, flags, WINDOW, 0, 0)
        pseudo = there + here + struct.pack('!BBH', 0, socket.IPPROTO_TCP, len(head) + len(options))
        total = checksum(pseudo + head + options)
        segment = head[:16] + struct.pack('!H', total) + head[18:] + options
        ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(segment), 0, 0, 64, socket.IPPROTO_TCP, 0)
        wire.sendto(ip + there + here + segment, (socket.inet_ntoa(here), 0))

    send(SYN | ACK, FIRST, 1, OPTIONS)
    # Only now does the window count as scaled, and segments may be as long as they can be.
    send(ACK, FIRST + 1, 1)
    print('connected', flush=True)
    arrived = limit = 0
    while True:
        if select.select([0], [], [], 0.002)[0]:
            commands = os.read(0, 4096).decode().splitlines()
            if not commands:
                return
            for command, *rest in map(str.split, commands):
                if command == 'reset':
                    send(RST | ACK, FIRST + 1, 1 + arrived)
                else:
                    limit = int(rest[0])
        if limit <= arrived:
            continue
        # What has not been sent must not be acknowledged: the kernel would take no notice.
        arrived, sent = progress(port)
        if min(sent, limit) > arrived:
            send(ACK, FIRST + 1, 1 + min(sent, limit))


main()
