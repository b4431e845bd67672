/** The programs of docs/recipes/, with the clients that their pages name. */
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectCleanExit, PACKAGE_ROOT, runProgram } from './support/child.js';
import { DnsResponder } from './support/dns-responder.js';
import { eventually } from './support/eventually.js';
import { freePort } from './support/ports.js';
import { needs } from './support/programs.js';
import { Recipe, WAYS } from './support/recipe.js';
import { pattern, temporaryDirectory } from './support/temporary.js';

/** Each waits for the disk. */
const SET_COUNT = 50;

/** What a program of the system prints, if it ends well. */
async function outputOf(program: string, ...args: string[]): Promise<string> {
  const outcome = await runProgram([program, ...args]);
  expectCleanExit(outcome);
  return outcome.stdout;
}

function contentOf(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined;
}

describe('Recipes', function () {
  // Each starts several processes, one after the other.
  this.timeout(60_000);
  const directory = temporaryDirectory();

  it('the index names each page', () => {
    const folder = join(PACKAGE_ROOT, 'docs/recipes');
    const pages = readdirSync(folder).filter((name) => name !== 'README.md');
    const rows = [...readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/^\| \[.*?\]\((.*?)\) \|/gm)];
    expect(rows.map(([, page]) => page).toSorted()).to.deep.equal(pages.toSorted());
  });

  for (const way of WAYS) {
    describe(way.title, () => {
      it('statsd: counters, gauges and timers, from bash', async function () {
        needs(this, 'bash');
        await using statsd = await Recipe.start('statsd', ['0', '0.05'], way);
        const metrics =
          'hits:1|c\\nhits:1|c|@0.1\\nnonsense\\nload:4|g\\nload:-1.5|g\\nwait:12|ms\\nwait:30|ms\\n';
        const script = `printf '${metrics}' > /dev/udp/127.0.0.1/${statsd.port}; printf 'hits:2|c' > /dev/udp/127.0.0.1/${statsd.port}`;
        await outputOf('bash', '-c', script);
        const total = { hits: 0, waits: 0, longest: 0, load: 0 };
        await eventually('all that was sent to be reported', () => {
          Object.assign(total, { hits: 0, waits: 0, longest: 0 });
          for (const line of statsd.stdout.split('\n').slice(1, -1)) {
            const { counters, gauges, timers } = JSON.parse(line);
            total.hits += counters.hits ?? 0;
            total.waits += timers.wait?.sum ?? 0;
            total.longest = Math.max(total.longest, timers.wait?.max ?? 0);
            total.load = gauges.load ?? 0;
          }
          return total.hits === 13;
        });
        expect(total).to.deep.equal({ hits: 13, waits: 42, longest: 30, load: 2.5 });
        await statsd.end();
      });

      it('syslog: what logger sends by UDP and by TCP, a message a line', async function () {
        needs(this, 'logger');
        const path = directory.at('syslog.log');
        await using syslog = await Recipe.start('syslog', [path, String(await freePort())], way);
        const server = ['--server', '127.0.0.1', '--port', String(syslog.port)];
        await outputOf('logger', '--udp', ...server, 'by datagram');
        await outputOf('logger', '--tcp', ...server, 'by line');
        await outputOf('logger', '--tcp', '--octet-count', ...server, 'by count');
        await eventually(
          'three messages in the file',
          () => contentOf(path)?.toString().split('\n').length === 4,
        );
        const messages = readFileSync(path, 'utf8').split('\n').slice(0, -1);
        const ends = messages.map((message) => /^<13>.* (by \w+)$/.exec(message)?.[1]);
        expect(ends.toSorted()).to.deep.equal(['by count', 'by datagram', 'by line']);
        await syslog.end();
      });

      it('dns: answers of another server, and goes on when that one is gone', async function () {
        needs(this, 'dig');
        const port = await freePort();
        await using dns = await Recipe.start('dns', ['0', '127.0.0.1', String(port)], way);
        const question = [`-p`, String(dns.port), '@127.0.0.1', '+short'];
        {
          await using _responder = await DnsResponder.start('127.0.0.1', port, []);
          const names = Array.from({ length: 8 }, () => 'host.example');
          expect(await outputOf('dig', ...question, ...names)).to.equal('192.0.2.1\n'.repeat(8));
          expect(await outputOf('dig', ...question, 'none.example')).to.equal('');
        }
        const client = createSocket('udp4');
        try {
          client.send(Buffer.alloc(17), dns.port, '127.0.0.1');
          await eventually('the refusal to be reported', () => dns.stderr.includes('ECONNREFUSED'));
        } finally {
          client.close();
        }
        await using _responder = await DnsResponder.start('127.0.0.1', port, []);
        expect(await outputOf('dig', ...question, 'host.example')).to.equal('192.0.2.1\n');
        await dns.end(/^(ECONNREFUSED\n)+$/);
      });

      it('static-files: small and large ones, none above the root, and what is no path', async () => {
        directory.file('page.html', '<p>page</p>');
        const large = pattern(300_000);
        directory.file('large.bin', large);
        await using server = await Recipe.start('static-files', [directory.path, '0'], way);
        const get = async (name: string) => {
          const response = await fetch(`http://127.0.0.1:${server.port}/${name}`);
          return {
            status: response.status,
            type: response.headers.get('content-type'),
            body: Buffer.from(await response.arrayBuffer()),
          };
        };
        const page = await get('page.html');
        expect([page.status, page.type, String(page.body)]).to.deep.equal([200, 'text/html', '<p>page</p>']);
        const { body } = await get('large.bin');
        expect(large.equals(body)).to.equal(true);
        const statuses = [];
        for (const name of ['none', '..%2f..%2fetc/passwd', '%ff', '%00', ''])
          statuses.push((await get(name)).status);
        expect(statuses).to.deep.equal([404, 404, 400, 400, 404]);
        await server.end();
      });

      it('tcp-proxy: both ways to their ends, and a target that is not there', async function () {
        needs(this, 'socat');
        const target = createServer({ allowHalfOpen: true }, (socket) => {
          let byteCount = 0;
          socket.on('data', ({ length }: Buffer) => {
            byteCount += length;
          });
          socket.on('end', () => socket.end(`${byteCount} bytes`));
        }).listen(0, '127.0.0.1');
        await once(target, 'listening');
        const { port } = target.address() as AddressInfo;
        try {
          await using proxy = await Recipe.start('tcp-proxy', ['0', '127.0.0.1', String(port)], way);
          const script = `head -c 1000000 /dev/zero | socat -t 20 - TCP:127.0.0.1:${proxy.port}`;
          expect(await outputOf('sh', '-c', script)).to.equal('1000000 bytes');
          target.close();
          await once(target, 'close');
          await outputOf('sh', '-c', `echo | socat - TCP:127.0.0.1:${proxy.port} 2>&1 || true`);
          await eventually('the refusal to be reported', () => proxy.stderr.includes('ECONNREFUSED'));
          await proxy.end(/^ECONNREFUSED\n$/);
        } finally {
          target.close();
        }
      });

      it('log-shipper: the copy is the log, whichever side is killed meanwhile', async () => {
        const log = directory.file('app.log', 'line 0\n');
        const copy = directory.at('copy.log');
        const port = String(await freePort());
        const add = () => {
          for (let line = 1; line <= 100; line += 1)
            appendFileSync(log, `line ${line} ${'x'.repeat(line)}\n`);
        };
        const isCopied = () => contentOf(copy)?.equals(readFileSync(log)) ?? false;
        const collect = () => Recipe.start('log-shipper', [directory.path, port], way, 'collector');
        const ship = () => Recipe.start('log-shipper', [log, port, 'copy.log'], way, 'shipper');

        let collector = await collect();
        let shipper = await ship();
        try {
          add();
          await eventually('the log to be copied', isCopied);
          await collector.kill();
          add();
          collector = await collect();
          await eventually('the rest to be copied by another collector', isCopied);
          await shipper.kill();
          add();
          shipper = await ship();
          await eventually('the rest to be copied by another shipper', isCopied);
          const { length } = readFileSync(log);
          await eventually('all to be durable', () =>
            shipper.stdout.includes(`${length} bytes are durable\n`),
          );
          await shipper.end(/^(the collector has gone\n)*$/);
          await collector.end(/^(.*(?:ECONNRESET|EPIPE|is being shipped already)\n)*$/);
        } finally {
          await shipper.kill();
          await collector.kill();
        }
      });

      it('key-value: what redis-cli sets is there, after a crash too', async function () {
        needs(this, 'redis-cli');
        const path = directory.at('store.db');
        {
          await using store = await Recipe.start('key-value', [path, '0'], way);
          const ask = (...words: string[]) => outputOf('redis-cli', '-p', String(store.port), ...words);
          expect(await ask('ping')).to.equal('PONG\n');
          expect(await ask('set', 'greeting', 'hello')).to.equal('OK\n');
          const lines = Array.from(
            { length: SET_COUNT },
            (_, number) => `set key${number} ${'v'.repeat(number * 200)}x`,
          );
          const script = `printf '%s\\n' "$@" | redis-cli -p ${store.port}`;
          expect(await outputOf('sh', '-c', script, 'sh', ...lines)).to.equal('OK\n'.repeat(SET_COUNT));
          expect(await ask('set', 'greeting', 'hello again')).to.equal('OK\n');
          await store.kill();
        }
        // A record that was not written to its end.
        appendFileSync(path, Buffer.from([4, 0, 0, 0, 100, 0, 0, 0, 0x61]));
        await using store = await Recipe.start('key-value', [path, '0'], way);
        const ask = (...words: string[]) => outputOf('redis-cli', '-p', String(store.port), ...words);
        expect(await ask('dbsize')).to.equal(`${SET_COUNT + 1}\n`);
        expect(await ask('mget', 'greeting', 'none', 'key3')).to.equal(
          `hello again\n\n${'v'.repeat(600)}x\n`,
        );
        expect(await ask('get', 'key49')).to.equal(`${'v'.repeat(9800)}x\n`);
        expect(await ask('set', 'after', '')).to.equal('OK\n');
        expect(await ask('get', 'after')).to.equal('\n');
        expect(await ask('flushall')).to.equal('ERR not here, or too long\n\n');
        await store.end();
      });
    });
  }
});
