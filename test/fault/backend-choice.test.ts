/** Who decides on a ring's backend beside its options: the operator, by the environment, and the runtime. */
import { expect } from 'chai';
import { fs, Ring } from 'ringlet';
import { needsIoUring } from '../support/backends.js';
import { type ChildOptions, expectCleanExit, runScript } from '../support/child.js';
import { needsSeccomp, refusing } from '../support/refuser.js';
import { skip } from '../support/skip.js';

/** What each kind of ring has come to: [backend, reason], or the error's code and message. */
const SCRIPT = `
  import { DatagramSocket, Ring, fs } from 'ringlet';
  const made = (options) => {
    try {
      const { backend, backendReason } = new Ring(options);
      return [backend, backendReason];
    } catch ({ code, message }) {
      return [code, message];
    }
  };
  await fs.stat('.').catch(() => {});
  const { backend, backendReason } = (() => {
    try {
      return Ring.default;
    } catch ({ code, message }) {
      return { backend: code, backendReason: message };
    }
  })();
  console.log(JSON.stringify({
    default: [backend, backendReason],
    open: made(),
    auto: made({ backend: 'auto', sqPoll: true }),
    uring: made({ backend: 'io_uring' }),
    epoll: made({ backend: 'epoll' }),
    node: made({ backend: 'node' }),
  }));
`;

type Made = readonly [string, string | null];

async function madeWith(
  value: string,
  options: ChildOptions = {},
): Promise<Record<'default' | 'open' | 'auto' | 'uring' | 'epoll' | 'node', Made>> {
  const outcome = await runScript(SCRIPT, { ...options, env: { RINGLET_BACKEND: value, ...options.env } });
  expectCleanExit(outcome);
  return JSON.parse(outcome.stdout) as Awaited<ReturnType<typeof madeWith>>;
}

describe('RINGLET_BACKEND', () => {
  needsIoUring();
  for (const value of ['node', 'epoll']) {
    it(`'${value}': default rings and 'auto' ones run on that and say why; options that name a backend hold`, async () => {
      const ruled = [value, `RINGLET_BACKEND is '${value}' in the environment`];
      expect(await madeWith(value)).to.deep.equal({
        default: ruled,
        open: ruled,
        auto: ruled,
        uring: ['io_uring', null],
        epoll: ['epoll', null],
        node: ['node', null],
      });
    });
  }

  for (const value of ['auto', '']) {
    it(`'${value}': as without it`, async () => {
      const made = await madeWith(value);
      expect([made.default, made.open, made.auto]).to.deep.equal(Array(3).fill(['io_uring', null]));
    });
  }

  it("'io_uring': where it is refused, rings are errors instead of falling back", async function () {
    needsSeccomp(this);
    const made = await madeWith('io_uring', { launcher: refusing('EPERM') });
    for (const [code, message] of [made.default, made.open, made.auto]) {
      expect(code).to.equal('ERR_RINGLET_UNAVAILABLE');
      expect(message).to.contain('seccomp');
    }
    expect(made.node).to.deep.equal(['node', null]);
  });

  it('another word: ERR_INVALID_ARG_VALUE with the list, for those that it would rule', async () => {
    const made = await madeWith('off');
    const wanted = [
      'ERR_INVALID_ARG_VALUE',
      "The property 'process.env.RINGLET_BACKEND' must be one of: 'auto', 'io_uring', 'epoll', 'node'. Received 'off'",
    ];
    expect([made.default, made.open, made.auto]).to.deep.equal([wanted, wanted, wanted]);
    expect(made.uring).to.deep.equal(['io_uring', null]);
  });

  it("'node' and 'epoll' make no call that a filter would kill the process for", async function () {
    needsSeccomp(this);
    const launcher = refusing('KILL');
    const bare = await runScript('', { launcher });
    if (bare.signal !== null)
      skip(this, `libuv makes a ring of its own: Node ends with ${bare.signal} by itself`);
    const script =
      "import { fs, Ring } from 'ringlet'; await fs.stat('.'); void Ring.default.profile.degraded; console.log('alive');";
    const killed = await runScript(script, { launcher });
    expect(killed.signal).to.equal('SIGSYS');
    for (const RINGLET_BACKEND of ['node', 'epoll']) {
      const spared = await runScript(script, { launcher, env: { RINGLET_BACKEND } });
      expectCleanExit(spared);
      expect(spared.stdout).to.equal('alive\n');
    }
  });
});

describe('NODE_DEBUG=ringlet', () => {
  needsIoUring();

  it('a line for each ring: which backend, and why', async () => {
    const script = `
      import { Ring, fs } from 'ringlet';
      await fs.stat('.');
      for (const options of [{ backend: 'node' }, { sqPoll: { group: 'g' } }, { registerRingFd: false }]) {
        await new Ring(options).close();
      }
      process.env.RINGLET_BACKEND = 'node';
      await new Ring().close();
    `;
    const outcome = await runScript(script, { env: { NODE_DEBUG: 'ringlet', RINGLET_BACKEND: '' } });
    expectCleanExit(outcome);
    const lines = outcome.stderr.trim().split('\n');
    const made = lines
      .filter((line) => !line.includes(': without '))
      .map((line) => line.replace(/^RINGLET \d+: /, ''));
    expect(made).to.deep.equal([
      'default: io_uring, loop, 256 and 4096 entries',
      'ring 2: node, as its options say',
      'ring 3: io_uring, sqPoll on thread 0 of group g, 256 and 4096 entries',
      'ring 4: io_uring, loop, 256 and 4096 entries',
      "ring 5: node, because RINGLET_BACKEND is 'node' in the environment",
    ]);
  });

  it('without it nothing is printed', async () => {
    const outcome = await runScript("import { fs } from 'ringlet'; await fs.stat('.');");
    expectCleanExit(outcome);
    expect(outcome.stderr).to.equal('');
  });
});

describe('Ring.default', () => {
  it('is the ring behind fs: its counters count what fs does', async () => {
    const ring = Ring.default;
    expect(Ring.default).to.equal(ring);
    const before = ring.stats();
    await Promise.all(Array.from({ length: 8 }, () => fs.readFile('/proc/self/stat')));
    const { submitted, inlinePaths } = ring.stats();
    expect(submitted + inlinePaths).to.be.above(before.submitted + before.inlinePaths);
  });

  it('closed, it is made again at the next use', async () => {
    const ring = Ring.default;
    await ring.close();
    expect(ring.isClosed).to.equal(true);
    await fs.stat('/');
    expect(Ring.default).not.to.equal(ring);
    expect(Ring.default.isClosed).to.equal(false);
  });
});

describe('Another runtime', () => {
  for (const [property, name] of [
    ['bun', 'Bun'],
    ['deno', 'Deno'],
  ] as const) {
    it(`${name} never gets the addon: the reason names it, and what only the addon has says so`, async () => {
      const script = `
        Object.defineProperty(process, 'versions', { value: { ...process.versions, ${property}: '1.2.3' } });
        process.dlopen = () => { console.log('loaded'); throw new Error('loaded'); };
        const { Ring, fs, probe } = await import('ringlet');
        const { backend, backendReason } = Ring.default;
        console.log(backend, backendReason);
        console.log(probe().isAvailable, probe().reason);
        await fs.stat('.');
        await fs.getxattr('.', 'user.x').catch(({ code }) => console.log(code));
        try { new Ring({ backend: 'io_uring' }); } catch ({ code }) { console.log(code); }
        console.log(Ring.groups().length);
      `;
      const outcome = await runScript(script);
      expectCleanExit(outcome);
      const reason = `the addon is made for Node.js, and this is ${name} 1.2.3`;
      expect(outcome.stdout.trim().split('\n')).to.deep.equal([
        `node ${reason}`,
        `false ${reason}`,
        'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM',
        'ERR_RINGLET_UNAVAILABLE',
        '0',
      ]);
    });
  }
});
