/** `ringlet seccomp-profile`: the three calls are allowed, once, and nothing else changes. */
import { expect } from 'chai';
import { join } from 'node:path';
import { allowIoUring } from '#ringlet/observe/cli/seccomp-profile.js';
import { PACKAGE_ROOT, runProgram } from '../support/child.js';
import { temporaryDirectory } from '../support/temporary.js';

const CALLS = ['io_uring_setup', 'io_uring_enter', 'io_uring_register'];
const ADDED = { names: CALLS, action: 'SCMP_ACT_ALLOW' };
const PROFILE = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 1,
  archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
  syscalls: [
    { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' },
    { names: ['bpf'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_BPF'] } },
  ],
};

describe('ringlet seccomp-profile', () => {
  const directory = temporaryDirectory();
  const run = (args: readonly string[]): ReturnType<typeof runProgram> => {
    return runProgram([
      process.execPath,
      join(PACKAGE_ROOT, 'dist/observe/cli/main.js'),
      'seccomp-profile',
      ...args,
    ]);
  };

  it('a profile of an engine: everything in it, and the three calls', async () => {
    const { code, stdout, stderr } = await run([directory.file('default.json', JSON.stringify(PROFILE))]);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(JSON.parse(stdout)).to.deep.equal({ ...PROFILE, syscalls: [...PROFILE.syscalls, ADDED] });
  });

  it('rules that refuse the calls, or allow them to some, give way; a second time changes nothing', () => {
    const refusing = { names: ['io_uring_setup', 'bdflush'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 };
    const conditional = { names: CALLS, action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } };
    const made = allowIoUring({ ...PROFILE, syscalls: [refusing, ...PROFILE.syscalls, conditional] });
    expect(made.syscalls).to.deep.equal([{ ...refusing, names: ['bdflush'] }, ...PROFILE.syscalls, ADDED]);
    expect(allowIoUring(made)).to.deep.equal(made);
  });

  for (const [title, content] of [
    ['no JSON', 'seccomp'],
    ['no profile', '{"syscalls": []}'],
    ['a rule without names', '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [null]}'],
  ] as const) {
    it(`${title}: status 1, a line about it, and no profile`, async () => {
      const { code, stdout, stderr } = await run([directory.file('default.json', content)]);
      expect([code, stdout]).to.deep.equal([1, '']);
      expect(stderr).to.match(/^ringlet: [^\n]+\n$/);
    });
  }

  it('a file that is not there: status 1, and its name', async () => {
    const { code, stderr } = await run([directory.at('absent.json')]);
    expect(code).to.equal(1);
    expect(stderr).to.match(/^ringlet: ENOENT: [^\n]+absent\.json'\n$/);
  });
});
