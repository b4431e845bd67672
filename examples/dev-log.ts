/**
 * Receives what syslog(3) and logger(1) write: a Unix datagram socket, as /dev/log is.
 *
 *   node build/examples/dev-log.js [path [count]]
 *
 * Prints `count` messages (default 3) with the process that sent each. Without a path it listens in the
 * temporary directory, and has logger(1) send it three.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DatagramSocket, Ring } from 'ringlet';

const SEVERITIES = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];

/** `<13>Nov 21 10:00:00 tag: text`, the local form of RFC 3164. */
function parse(line: string): { severity: string; text: string } {
  const [, priority = '13', text = line] =
    /^<(\d{1,3})>(?:\w{3} [ \d]\d \d\d:\d\d:\d\d )?(.*)$/s.exec(line) ?? [];
  return { severity: SEVERITIES[Number(priority) & 7] ?? 'notice', text };
}

const [givenPath, count = '3'] = process.argv.slice(2);
const directory = givenPath === undefined ? await mkdtemp(join(tmpdir(), 'ringlet-dev-log-')) : undefined;
const path = givenPath ?? join(directory ?? '', 'log');
try {
  await using ring = new Ring({ backend: 'io_uring' });
  await using socket = await DatagramSocket.bind({ path, ancillary: ['credentials'], ring });
  const log = promisify(execFile);
  const sending = (async () => {
    if (givenPath !== undefined) return;
    for (const text of ['one', 'two', 'three']) {
      await log('logger', ['--socket', path, '--tag', 'example', '--priority', 'user.info', text]);
    }
  })();

  let left = Number(count);
  for await (const { data, credentials } of socket) {
    const { severity, text } = parse(data.toString());
    console.log(`${severity}: ${text.trimEnd()} (${credentials ? `uid ${credentials.uid}` : 'unknown'})`);
    left -= 1;
    if (left === 0) break;
  }
  await sending;
} finally {
  if (directory !== undefined) await rm(directory, { recursive: true });
}
