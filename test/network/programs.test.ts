/** Programs that nobody here wrote, in one network namespace, and servers on ringlet's sockets in another. */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { makeCertificate } from '../support/certificate.js';
import { iperf, IperfServer, receivedBytes } from '../support/iperf.js';
import { networkForSuite } from '../support/network.js';
import { needs } from '../support/programs.js';
import { skip } from '../support/skip.js';
import { stationsForSuite } from '../support/station.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';
import type { roles } from './program-roles.js';

const ROLES = fileURLToPath(new URL('program-roles.js', import.meta.url));
const MIB = 1024 * 1024;

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

describe('Programs between network namespaces', () => {
  const network = networkForSuite('veth');
  const { a, b } = network;
  const host = a.address;
  let port = 8000;

  beforeEach(() => {
    port += 10;
  });

  describeOnEachBackend('Servers for other programs', (_makeRing, configuration) => {
    const temporary = temporaryDirectory();
    const stations = stationsForSuite<typeof roles>(network, configuration, ROLES);

    /** A line of shell at the other end, which has to succeed. */
    const there = (line: string): Promise<string> => b.shell(line);

    it('curl: gets and posts, over IPv4 and IPv6', async function () {
      needs(this, 'curl');
      const [sent, got] = [temporary.file('sent', pattern(MIB, 3)), temporary.at('got')];
      for (const place of [host, a.address6]) {
        const serving = stations.near.start('http', { host: place, port, bytes: MIB });
        await serving.told();
        const url = `http://${place.includes(':') ? `[${place}]` : place}:${port}`;
        const sums = await there(
          `curl -sS ${url} -o ${got}; sha256sum < ${got}; curl -sS --data-binary @${sent} ${url} | sha256sum`,
        );
        expect(sums.match(/\w{64}/g)).to.deep.equal([sha256(pattern(MIB)), sha256(pattern(MIB, 3))]);
        serving.say('enough');
        await serving.result();
      }
    });

    // A second of full load on each backend is enough.
    if (['node', 'loop'].includes(configuration.title)) {
      it('wrk: many requests on 20 connections, none of which fails', async function () {
        needs(this, 'wrk');
        if (!['node', 'loop'].includes(configuration.title))
          skip(this, 'a second of full load is enough twice');
        const serving = stations.near.start('http', { host, port, bytes: 5 });
        await serving.told();
        const told = await there(`wrk -t1 -c20 -d1s http://${host}:${port}/`);
        expect(told).to.match(/[1-9]\d* requests in/);
        expect(told).not.to.match(/Socket errors|Non-2xx/);
        serving.say('enough');
        await serving.result();
      });
    }

    it('openssl s_client: TLS', async function () {
      needs(this, 'openssl');
      const certificate = await makeCertificate(temporary.path);
      if (typeof certificate === 'string') skip(this, certificate);
      const { key, cert, certPath } = certificate;
      const serving = stations.near.start('tls', { host, port, key, cert });
      await serving.told();
      const client = `openssl s_client -quiet -no_ign_eof -verify_return_error -CAfile ${certPath} -servername localhost`;
      // It leaves at the end of its input: that has to wait for the answer.
      const answer = temporary.at('answer');
      await there(
        `{ echo through openssl; until grep -q OPENSSL ${answer}; do sleep 0.01; done; } |
          ${client} -connect ${host}:${port} > ${answer} 2> ${temporary.at('said')}`,
      );
      expect(await there(`cat ${answer}`)).to.equal('THROUGH OPENSSL\n');
      await serving.result();
    });

    it('socat: a copy both ways at once', async function () {
      needs(this, 'socat');
      const path = temporary.file('sent', pattern(2 * MIB, 7));
      const serving = stations.near.start('copy', { host, port, bytes: 2 * MIB });
      await serving.told();
      const back = await there(`socat -t10 - TCP:${host}:${port} < ${path} | sha256sum`);
      expect(back.slice(0, 64)).to.equal(sha256(pattern(2 * MIB, 9)));
      expect(await serving.result()).to.equal(sha256(pattern(2 * MIB, 7)));
    });

    it('logger: syslog by UDP and by TCP', async function () {
      needs(this, 'logger');
      const serving = stations.near.start('syslog', { host, port, count: 3 });
      await serving.told();
      const logger = `logger --rfc3164 -t test -n ${host} -P ${port}`;
      await there(`for text in one two three; do ${logger} -d $text; done`);
      await serving.told();
      await there(`${logger} -T four`);
      const messages = await serving.result();
      expect(messages.map((line) => line.replace(/^.* test: /s, ''))).to.deep.equal([
        'one',
        'two',
        'three',
        'four',
      ]);
    });

    it('iperf3: TCP both ways through a relay', async function () {
      needs(this, 'iperf3');
      await using _server = await IperfServer.start(host, port + 1, a.launcher);
      const relaying = stations.near.start('relay', { host, port, goal: port + 1 });
      await relaying.told();
      const report = await iperf(host, port, ['-n', '32M', '--bidir'], b.launcher);
      // The end of either direction ends both.
      expect(receivedBytes(report)).to.be.at.least(MIB);
      relaying.say('enough');
      await relaying.result();
    });

    it('iperf3: UDP through a relay; what it misses, the kernel has dropped', async function () {
      needs(this, 'iperf3');
      await using _server = await IperfServer.start(host, port + 1, a.launcher);
      const relaying = stations.near.start('relay', { host, port, goal: port + 1 });
      await relaying.told();
      const before = await a.counters('Udp');
      const { end } = await iperf(host, port, ['-u', '-b', '50M', '-l', '1000', '-n', '1M'], b.launcher);
      const after = await a.counters('Udp');
      const { packets = 0, lost_packets: lost = 0 } = end.sum ?? {};
      expect(packets).to.be.at.least(1000);
      expect(lost).to.be.at.most((after.RcvbufErrors ?? 0) - (before.RcvbufErrors ?? 0));
      relaying.say('enough');
      const { forwardedCount, droppedCount } = await relaying.result();
      expect(forwardedCount + droppedCount).to.be.at.most(packets + 1);
    });
  });
});
