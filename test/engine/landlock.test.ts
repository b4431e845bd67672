/**
 * A process that restricts itself by Landlock: its plain rings obey from then on, and an SQ-poll ring goes by the domain
 * in which it was made. Each test runs in a process of its own.
 */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import type { RingOptions } from 'ringlet';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

/** A library that forbids the thread that loads it to open any file for reading, where the kernel has Landlock. */
const RESTRICTS_ITSELF = `
  #include <stdint.h>
  #include <sys/prctl.h>
  #include <unistd.h>
  #define CREATE_RULESET 444
  #define RESTRICT_SELF 446
  #define ACCESS_FS_READ_FILE (1 << 2)
  __attribute__((constructor)) static void restrict_itself(void) {
    uint64_t handled = ACCESS_FS_READ_FILE;
    int rules = syscall(CREATE_RULESET, &handled, sizeof handled, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    syscall(RESTRICT_SELF, rules, 0);
  }
`;

const SCRIPT = `
  import { readFileSync } from 'node:fs';
  import { Ring } from 'ringlet';
  const [, options, library, path] = process.argv;
  const read = async (ring) => {
    try {
      const handle = await ring.fs.open(path);
      const { buffer } = await handle.read(Buffer.alloc(6));
      await handle.close();
      return String(buffer);
    } catch ({ code }) {
      return code;
    }
  };
  const before = new Ring(JSON.parse(options));
  const outcomes = { free: await read(before) };
  try {
    process.dlopen({ exports: {} }, library);
  } catch {
    // It is no addon, but it has run.
  }
  try {
    readFileSync(path);
  } catch ({ code }) {
    outcomes.own = code;
  }
  outcomes.before = await read(before);
  const after = new Ring(JSON.parse(options));
  outcomes.after = await read(after);
  await Promise.all([before.close(), after.close()]);
  console.log(JSON.stringify(outcomes));
`;

/** Of a read before the restriction; after it by the process, by the ring that was there, by another. */
const REFUSED = { free: 'secret', own: 'EACCES', before: 'EACCES', after: 'EACCES' };

const KINDS: readonly (readonly [title: string, options: RingOptions, wanted: object])[] = [
  ['a plain ring obeys', { backend: 'io_uring' }, REFUSED],
  ['so does a plain ring without inline reads', { backend: 'io_uring', inlineReads: false }, REFUSED],
  ['so does a ring on epoll', { backend: 'epoll' }, REFUSED],
  [
    'an SQ-poll ring stays outside, and one that is made afterwards does not',
    { backend: 'io_uring', sqPoll: true },
    { ...REFUSED, before: 'secret' },
  ],
  [
    'so it is with two that share a thread, each ring by its own time',
    { backend: 'io_uring', sqPoll: { group: 'landlock', threads: 1 } },
    { ...REFUSED, before: 'secret' },
  ],
];

describe('Landlock', () => {
  const directory = temporaryDirectory();

  for (const [title, options, wanted] of KINDS) {
    describe(title, () => {
      if (options.backend === 'io_uring') needsIoUring(options);

      it('opens what its domain allows', async function () {
        const library = directory.at('library.so');
        try {
          const source = directory.file('library.c', RESTRICTS_ITSELF);
          execFileSync('cc', ['-shared', '-fPIC', '-o', library, source], { stdio: 'ignore' });
        } catch {
          skip(this, 'there is no C compiler');
        }
        const args = [JSON.stringify(options), library, directory.file('file', 'secret')];
        const outcome = await runScript(SCRIPT, { args });
        expectCleanExit(outcome);
        const outcomes = JSON.parse(outcome.stdout) as { own?: string };
        if (outcomes.own === undefined) skip(this, 'the kernel has no Landlock, or it is turned off');
        expect(outcomes).to.deep.equal(wanted);
      });
    });
  }
});
