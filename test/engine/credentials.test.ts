/**
 * A process that changes its user or groups: an SQ-poll ring, whose kernel thread would go on with the old
 * ones, refuses paths; any other ring leaves it to the kernel. Each test runs in a process of its own.
 */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RingOptions } from 'ringlet';
import { CONFIGURATIONS, needsIoUring } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

const NOBODY = 65534;

/** A library that gives up what lets root read any file, as soon as it is loaded. */
const GIVES_UP_CAP_DAC_OVERRIDE = `
  #include <linux/capability.h>
  #include <sys/syscall.h>
  #include <unistd.h>
  __attribute__((constructor)) static void give_up(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    syscall(SYS_capget, &header, data);
    data[0].effective &= ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
    syscall(SYS_capset, &header, data);
  }
`;

/** What became of each attempt: 'ok', or its error. */
type Outcomes = Record<string, 'ok' | { code: string; message: string }>;

/** Common to all scripts: `attempt` notes outcomes, `paths` tries every call of a ring's `fs` that takes one. */
const PRELUDE = `
  import { readFileSync } from 'node:fs';
  import nodePromises from 'node:fs/promises';
  import { Ring } from 'ringlet';
  const [, options, secret, open, directory] = process.argv;
  const makeRing = () => new Ring(JSON.parse(options));
  const outcomes = {};
  async function attempt(name, call) {
    try {
      const value = await call();
      if (typeof value?.close === 'function') await value.close();
      // Of a call for many: what became of its first.
      if (value?.[0]?.status === 'rejected') throw value[0].reason;
      outcomes[name] = 'ok';
    } catch ({ code, message }) {
      outcomes[name] = { code, message };
    }
  }
  function becomeNobody() {
    process.setgroups([]);
    process.setegid(${NOBODY});
    process.seteuid(${NOBODY});
  }
  // Names of methods, with arguments that only root can have succeed. What has no operation of a ring is
  // Node's own, which acts for the process as it is.
  const SAMPLES = {
    open: [secret],
    readFile: [secret],
    writeFile: [secret, 'x'],
    appendFile: [secret, 'x'],
    writeFileAtomic: [secret, 'x'],
    stat: [secret],
    statMany: [[secret]],
    lstat: [secret],
    link: [secret, directory + '/linked'],
    symlink: ['anything', directory + '/symbolic'],
    rename: [secret, directory + '/renamed'],
    unlink: [secret],
    rmdir: [directory],
    mkdir: [directory + '/made'],
    getxattr: [secret, 'user.sample'],
    setxattr: [secret, 'user.sample', 'x'],
  };
  async function paths(ring, names = Object.keys(ring.fs)) {
    for (const name of names) {
      // readFiles reads by readFile, and the two others go to the pool.
      const others = ['readFiles', 'listxattr', 'removexattr'];
      if (SAMPLES[name] === undefined && (name in nodePromises || others.includes(name))) continue;
      if (SAMPLES[name] === undefined) throw new Error('no sample for fs.' + name);
      await attempt(name, () => ring.fs[name](...SAMPLES[name]));
    }
  }
  const finish = (more) => console.log(JSON.stringify({ outcomes, ...more }));
`;

for (const { title, options } of CONFIGURATIONS) {
  describe(`Credentials [${title}]`, () => {
    if (options.backend === 'io_uring') needsIoUring(options);
    const directory = temporaryDirectory();
    let args: string[];

    before(function () {
      if (process.getuid?.() !== 0) skip(this, 'only root can give its identity up and take it back');
    });

    beforeEach(() => {
      chmodSync(directory.path, 0o755);
      mkdirSync(directory.at('private'), { mode: 0o700 });
      const secret = directory.file(join('private', 'secret'), 'secret');
      const open = directory.file('open', 'open');
      directory.fifo(join('private', 'fifo'));
      args = [JSON.stringify(options), secret, open, directory.at('private')];
    });

    async function run<Report extends object = object>(
      script: string,
    ): Promise<{ outcomes: Outcomes } & Report> {
      const outcome = await runScript(PRELUDE + script, { args });
      expectCleanExit(outcome);
      return JSON.parse(outcome.stdout) as { outcomes: Outcomes } & Report;
    }

    const isSqPoll = options.sqPoll !== undefined;

    if (isSqPoll) {
      it('every fs call on a path rejects with ERR_RINGLET_CREDENTIALS after setgroups, setegid and seteuid', async () => {
        const { outcomes } = await run(`
          const ring = makeRing();
          await ring.fs.readFile(secret);
          becomeNobody();
          await paths(ring);
          await ring.close();
          finish();
        `);
        for (const [name, outcome] of Object.entries(outcomes)) {
          expect(outcome, name).to.have.property('code', 'ERR_RINGLET_CREDENTIALS');
        }
        expect(Object.keys(outcomes)).to.include.members(['open', 'stat', 'rename', 'unlink', 'mkdir']);
      });

      it('ERR_RINGLET_CREDENTIALS says what has changed, and that a new ring is needed', async () => {
        const { outcomes } = await run(`
          process.setgroups([4, 5]);
          const ring = makeRing();
          process.seteuid(${NOBODY});
          await attempt('user', () => ring.fs.stat('/'));
          process.seteuid(0);
          process.setegid(7);
          await attempt('group', () => ring.fs.stat('/'));
          process.setegid(0);
          process.setgroups([4]);
          await attempt('fewer groups', () => ring.fs.stat('/'));
          process.setgroups([4, 5, 6]);
          await attempt('more groups', () => ring.fs.stat('/'));
          process.setgroups([4, 6]);
          await attempt('other groups', () => ring.fs.stat('/'));
          process.setgroups([]);
          await attempt('no groups', () => ring.fs.stat('/'));
          await ring.close();
          finish();
        `);
        const messages = Object.fromEntries(
          Object.entries(outcomes).map(([name, outcome]) => [
            name,
            outcome === 'ok' ? 'ok' : outcome.message,
          ]),
        );
        expect(messages.user).to.contain(`the effective user id was 0 and is ${NOBODY}`);
        expect(messages.group).to.contain('the effective group id was 0 and is 7');
        expect(messages['fewer groups']).to.contain('the list of supplementary groups was 4, 5 and is 4');
        expect(messages['more groups']).to.contain('was 4, 5 and is 4, 5, 6');
        expect(messages['other groups']).to.contain('was 4, 5 and is 4, 6');
        expect(messages['no groups']).to.contain('was 4, 5 and is none');
        for (const message of Object.values(messages)) expect(message).to.contain('make a new Ring');
      });

      it('the old identity taken back: paths work again', async () => {
        const { outcomes } = await run(`
          const ring = makeRing();
          process.seteuid(${NOBODY});
          await attempt('as nobody', () => ring.fs.readFile(secret));
          process.seteuid(0);
          await attempt('as root', () => ring.fs.readFile(secret));
          await ring.close();
          finish();
        `);
        expect(outcomes['as nobody']).to.have.property('code', 'ERR_RINGLET_CREDENTIALS');
        expect(outcomes['as root']).to.equal('ok');
      });

      it('a capability given up, all numbers staying: refused, and a new ring fares as the process does', async function () {
        // Node has no capset(2), but it does load libraries, and runs what they do at that.
        const library = directory.at('library.so');
        try {
          const source = directory.file('library.c', GIVES_UP_CAP_DAC_OVERRIDE);
          execFileSync('cc', ['-shared', '-fPIC', '-o', library, source], { stdio: 'ignore' });
        } catch {
          skip(this, 'there is no C compiler');
        }
        chmodSync(args[1] as string, 0);
        chownSync(args[1] as string, NOBODY, NOBODY);
        const { outcomes } = await run(`
          const ring = makeRing();
          await attempt('before', () => ring.fs.readFile(secret));
          try {
            process.dlopen({ exports: {} }, ${JSON.stringify(library)});
          } catch {
            // It is no addon, but it has run.
          }
          await attempt('after', () => ring.fs.readFile(secret));
          await ring.close();
          const another = makeRing();
          await attempt('another', () => another.fs.readFile(secret));
          await another.close();
          finish();
        `);
        expect(outcomes.before).to.equal('ok');
        expect(outcomes.after).to.have.property('code', 'ERR_RINGLET_CREDENTIALS');
        expect((outcomes.after as { message: string }).message).to.match(
          /the set of effective capabilities was [0-9a-f]{16} and is [0-9a-f]{16}/,
        );
        expect(outcomes.another).to.have.property('code', 'EACCES');
      });

      it('a change between two calls of one stretch of code is noticed', async () => {
        const { outcomes } = await run(`
          const ring = makeRing();
          const before = ring.fs.open(secret);
          process.seteuid(${NOBODY});
          const after = ring.fs.open(secret);
          await Promise.all([attempt('before', () => before), attempt('after', () => after)]);
          await ring.close();
          finish();
        `);
        expect(outcomes.before).to.equal('ok');
        expect(outcomes.after).to.have.property('code', 'ERR_RINGLET_CREDENTIALS');
      });

      it('a chain whose second half waits for the first when the identity changes: the second is refused', async () => {
        const { parts } = await run<{ parts: string[] }>(`
          const ring = makeRing();
          const fifo = await ring.fs.open(directory + '/fifo', 'r+');
          const { submitted } = ring.stats();
          const running = ring.chain((chain) => [
            chain.read(fifo, Buffer.alloc(1)),
            chain.stat(open),
            chain.stat(secret),
          ]);
          while (ring.stats().submitted === submitted) await new Promise(setImmediate);
          becomeNobody();
          await fifo.write(Buffer.alloc(1));
          const parts = (await running).map(({ status, reason }) => reason?.code ?? status);
          await fifo.close();
          await ring.close();
          finish({ parts });
        `);
        expect(parts).to.deep.equal(['fulfilled', 'fulfilled', 'ERR_RINGLET_CREDENTIALS']);
      });

      it('a chain: the first part by path is refused and cancels the rest', async () => {
        const { outcomes, parts } = await run<{ parts: Record<string, string[]> }>(`
          const ring = makeRing();
          const parts = {};
          const run = async (name, build) => {
            const results = await ring.chain(build);
            parts[name] = results.map(({ status, reason }) => reason?.code ?? status);
          };
          await run('as root', (chain) => [chain.stat(open), chain.stat(secret)]);
          becomeNobody();
          await run('as nobody', (chain) => [chain.stat(open), chain.stat(secret)]);
          await ring.close();
          finish({ parts });
        `);
        expect(outcomes).to.deep.equal({});
        expect(parts['as root']).to.deep.equal(['fulfilled', 'fulfilled']);
        expect(parts['as nobody']).to.deep.equal(['ERR_RINGLET_CREDENTIALS', 'ECANCELED']);
      });
    } else {
      it('after setgroups, setegid and seteuid the kernel decides: EACCES or EPERM for what is root’s', async () => {
        const { outcomes } = await run(`
          const ring = makeRing();
          await ring.fs.readFile(secret);
          becomeNobody();
          await paths(ring);
          await attempt('the open file', () => ring.fs.readFile(open));
          await ring.close();
          finish();
        `);
        expect(outcomes['the open file']).to.equal('ok');
        delete outcomes['the open file'];
        for (const [name, outcome] of Object.entries(outcomes)) {
          expect(outcome, name).to.have.property('code').that.is.oneOf(['EACCES', 'EPERM']);
        }
      });
    }

    it('what was open before stays usable, and is closed', async () => {
      const { outcomes } = await run(`
        const ring = makeRing();
        const file = await ring.fs.open(secret, 'r+');
        becomeNobody();
        const buffer = Buffer.alloc(6);
        await attempt('read', () => file.read(buffer, 0, 6, 0));
        await attempt('write', () => file.write(buffer, 0, 6, 0));
        await attempt('stat', () => file.stat());
        await attempt('sync', () => file.sync());
        await attempt('truncate', () => file.truncate(3));
        await attempt('close', () => file.close());
        await attempt('sleep', () => ring.sleep(1));
        await ring.close();
        finish();
      `);
      expect(new Set(Object.values(outcomes))).to.deep.equal(new Set(['ok']));
    });

    it('a new ring, of the same group too, works as the new identity', async () => {
      const { outcomes } = await run(`
        const old = makeRing();
        await old.fs.stat('/');
        becomeNobody();
        const ring = makeRing();
        await attempt('the open file', () => ring.fs.readFile(open));
        await attempt('the secret', () => ring.fs.readFile(secret));
        await ring.close();
        await old.close();
        finish();
      `);
      expect(outcomes['the open file']).to.equal('ok');
      expect(outcomes['the secret']).to.have.property('code', 'EACCES');
    });
  });
}

describe('Credentials: why an SQ-poll ring must refuse', () => {
  const options: RingOptions = { backend: 'io_uring', sqPoll: true };
  needsIoUring(options);
  const directory = temporaryDirectory();

  it('a ring that did not look would open what only root may, on this kernel', async function () {
    if (process.getuid?.() !== 0) skip(this, 'only root can give its identity up');
    chmodSync(directory.path, 0o755);
    const secret = directory.file('secret', 'secret');
    chmodSync(secret, 0o600);
    // The check is made blind, to see what the kernel does without it.
    const outcome = await runScript(
      `
        import { binding } from '#ringlet/native/binding.js';
        import { promises as nodeFs } from 'node:fs';
        import { Ring } from 'ringlet';
        const { hasIdentity } = binding();
        const [, secret] = process.argv;
        const ring = new Ring({ backend: 'io_uring', sqPoll: true });
        process.setgroups([]);
        process.setegid(${NOBODY});
        process.seteuid(${NOBODY});
        const code = async (call) => { try { await call(); return 'ok'; } catch (error) { return error.code; } };
        const node = await code(() => nodeFs.readFile(secret));
        const guarded = await code(() => ring.fs.readFile(secret));
        binding().hasIdentity = () => true;
        const blind = await code(() => ring.fs.readFile(secret));
        binding().hasIdentity = hasIdentity;
        await ring.close();
        console.log(JSON.stringify({ node, guarded, blind }));
      `,
      { args: [secret] },
    );
    expectCleanExit(outcome);
    const { node, guarded, blind } = JSON.parse(outcome.stdout) as Record<string, string>;
    expect([node, guarded]).to.deep.equal(['EACCES', 'ERR_RINGLET_CREDENTIALS']);
    if (blind !== 'ok')
      skip(this, `this kernel says ${blind}: it has come to look at the process's own identity`);
  });
});
