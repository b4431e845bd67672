/** Small things that the datagram suites share: numbered payloads, and reading a given count of messages. */
import type { DatagramMessage, DatagramSocket } from 'ringlet';
import { execFileSync } from 'node:child_process';
import { within } from './eventually.js';
import { python } from './python.js';
import { pattern } from './temporary.js';

/** A payload that says its number and is filled with bytes that follow from it. */
export function numbered(index: number, bytes = 64): Buffer {
  const payload = pattern(bytes, index + 1);
  payload.writeUInt32LE(index, 0);
  return payload;
}

/** The payloads of `numbered`, from `first` on. */
export function numberedRange(first: number, count: number, bytes = 64): Buffer[] {
  return Array.from({ length: count }, (_unused, index) => numbered(first + index, bytes));
}

/** Copies of the next `count` payloads; the iterator is left by `break`. */
export async function take(
  source: AsyncIterable<DatagramMessage>,
  count: number,
  what = `${count} messages`,
): Promise<Buffer[]> {
  const payloads: Buffer[] = [];
  const reading = (async () => {
    for await (const message of source) {
      payloads.push(Buffer.from(message.data));
      message.release();
      if (payloads.length === count) break;
    }
  })();
  await within(what, reading).catch((cause: unknown) => {
    throw new Error(`${what}: ${payloads.length} came`, { cause });
  });
  return payloads;
}

/** The next message of a socket. */
export async function takeMessage(source: AsyncIterable<DatagramMessage>): Promise<DatagramMessage> {
  const reading = (async () => {
    for await (const message of source) return message;
    throw new Error('the socket ended without a message');
  })();
  return within('a message', reading);
}

/** Where to send so that it reaches the socket, which may be bound to every address. */
export function addressOf(socket: DatagramSocket): { address: string; port: number } {
  const { address, port, family } = socket.address;
  if (address === '0.0.0.0' || address === '::')
    return { address: family === 'IPv4' ? '127.0.0.1' : '::1', port };
  return { address, port };
}

/** Sends three datagrams of 100 bytes in one piece (UDP_SEGMENT) to a socket that takes merged ones (UDP_GRO). */
const MERGING = `
import socket
UDP_SEGMENT, UDP_GRO = 103, 104
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
receiver.settimeout(5)
receiver.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 100)
sender.sendto(bytes(300), receiver.getsockname())
print(len(receiver.recv(1000)))
`;

let mergesDatagrams: boolean | undefined;

/** Whether datagrams that were sent in one piece come over loopback in one piece. */
export function doDatagramsMerge(): boolean {
  mergesDatagrams ??= execFileSync(python(), ['-c', MERGING], { encoding: 'utf8' }).trim() === '300';
  return mergesDatagrams;
}
