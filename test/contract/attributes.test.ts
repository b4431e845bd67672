/** Extended attributes of paths, links and handles, beside Python's own calls. */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { pathToFileURL } from 'node:url';
import type { FileHandle, Ring, SetAttributeOptions } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { type CallError, rejection } from '../support/eventually.js';
import { findProgram } from '../support/programs.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

/** The system's own, where there is one: another in the path may be a slow wrapper. */
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : findProgram('python3');

const { ENODATA, EEXIST, ENOENT } = constants.errno;

/** A call of Python's os module: what it returns, as bytes in hexadecimal. */
function python(expression: string, ...args: string[]): string {
  const program = `import os, sys\nwith_args = sys.argv[1:]\nprint(${expression})`;
  return execFileSync(PYTHON, ['-c', program, ...args], { encoding: 'utf8' }).trim();
}

const pythonGets = (path: string, name: string, follow = 'True'): string =>
  python(`os.getxattr(with_args[0], with_args[1], follow_symlinks=${follow}).hex()`, path, name);
const pythonLists = (path: string): string[] => {
  const list = python('"|".join(sorted(os.listxattr(with_args[0])))', path);
  return list === '' ? [] : list.split('|');
};

function facts({ code, errno, syscall, path, message }: CallError): object {
  return { code, errno, syscall, path, message };
}

describeOnEachBackend('Extended attributes', (makeRing, { options }) => {
  const directory = temporaryDirectory();

  beforeEach(function () {
    if (PYTHON === '') skip(this, 'there is no python3 to compare with');
    const probe = directory.file('probe', '');
    try {
      python('os.setxattr(with_args[0], "user.probe", b"")', probe);
    } catch {
      skip(this, `the file system of ${directory.path} has no extended attributes`);
    }
  });

  /** The same four calls on a path and on a handle. */
  async function forms(
    ring: Ring,
    path: string,
    use: (calls: {
      get(name: string): Promise<Buffer>;
      set(name: string, value: string | Uint8Array, options?: SetAttributeOptions): Promise<void>;
      list(): Promise<string[]>;
      remove(name: string): Promise<void>;
      prefix: string;
      path: string | undefined;
    }) => Promise<void>,
  ): Promise<void> {
    const { fs } = ring;
    await use({
      get: (name) => fs.getxattr(path, name),
      set: (name, value, given) => fs.setxattr(path, name, value, given),
      list: () => fs.listxattr(path),
      remove: (name) => fs.removexattr(path, name),
      prefix: '',
      path,
    });
    await using handle: FileHandle = await fs.open(path);
    await use({
      get: (name) => handle.getxattr(name),
      set: (name, value, given) => handle.setxattr(name, value, given),
      list: () => handle.listxattr(),
      remove: (name) => handle.removexattr(name),
      prefix: 'f',
      path: undefined,
    });
  }

  it('set, get, list and remove: Python sees the same, of files and directories', async () => {
    const ring = makeRing();
    mkdirSync(directory.at('directory'));
    for (const path of [directory.file('file', ''), directory.at('directory')]) {
      await forms(ring, path, async ({ get, set, list, remove }) => {
        expect(await list()).to.deep.equal([]);
        await set('user.text', 'größer');
        await set('user.bytes', Uint8Array.of(0, 1, 255, 0));
        await set('user.empty', '');
        expect(pythonGets(path, 'user.text')).to.equal(Buffer.from('größer').toString('hex'));
        expect(pythonGets(path, 'user.bytes')).to.equal('0001ff00');
        expect(String(await get('user.text'))).to.equal('größer');
        expect([...(await get('user.bytes'))]).to.deep.equal([0, 1, 255, 0]);
        expect(await get('user.empty')).to.have.length(0);
        expect((await list()).sort()).to.deep.equal(pythonLists(path));
        expect(await list()).to.have.members(['user.bytes', 'user.empty', 'user.text']);
        await set('user.text', 'other');
        expect(String(await get('user.text'))).to.equal('other');
        for (const name of await list()) await remove(name);
        expect(pythonLists(path)).to.deep.equal([]);
      });
    }
  });

  it('paths as Buffer and URL; views of any kind as values; long names', async () => {
    const { fs } = makeRing();
    const path = directory.file('file', '');
    const name = `user.${'n'.repeat(250)}`;
    await fs.setxattr(Buffer.from(path), name, new DataView(Uint8Array.of(1, 2, 3).buffer, 1));
    expect([...(await fs.getxattr(pathToFileURL(path), name))]).to.deep.equal([2, 3]);
    expect(await fs.listxattr(Buffer.from(path))).to.deep.equal([name]);
    await fs.removexattr(pathToFileURL(path), name);
    expect(await fs.listxattr(path)).to.deep.equal([]);
  });

  it('values of every length come whole, also beyond the first attempt, up to 64 KiB on a tmpfs', async function () {
    const ring = makeRing();
    const path = directory.file('file', '');
    await forms(ring, path, async ({ get, set }) => {
      for (const bytes of [1, 255, 1023, 1024, 1025, 2000, 3000]) {
        await set('user.long', pattern(bytes));
        expect((await get('user.long')).equals(pattern(bytes)), `${bytes} bytes`).to.equal(true);
      }
    });
    mkdirSync(directory.at('memory'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', directory.at('memory')], { stdio: 'pipe' });
    } catch (error) {
      skip(this, `no tmpfs can be mounted here: ${(error as Error).message}`);
    }
    try {
      const other = directory.file('memory/file', '');
      // Only root may; before Linux 6.6 a tmpfs has no attributes of users.
      await forms(ring, other, async ({ get, set }) => {
        await set('trusted.longest', pattern(65_536));
        expect((await get('trusted.longest')).equals(pattern(65_536))).to.equal(true);
        expect((await rejection(set('trusted.longer', pattern(65_537)))).code).to.equal('E2BIG');
      });
    } finally {
      execFileSync('umount', [directory.at('memory')]);
    }
  });

  it('create and replace: EEXIST and ENODATA, in the shape of Node’s errors', async () => {
    const path = directory.file('file', '');
    await forms(makeRing(), path, async ({ get, set, remove, prefix, path: named }) => {
      const of = named === undefined ? '' : ` '${named}'`;
      const lacking = (syscall: string): object => ({
        code: 'ENODATA',
        errno: -ENODATA,
        syscall: prefix + syscall,
        path: named,
        message: `ENODATA: no data available, ${prefix}${syscall}${of}`,
      });
      expect(facts(await rejection(get('user.a')))).to.deep.equal(lacking('getxattr'));
      expect(facts(await rejection(remove('user.a')))).to.deep.equal(lacking('removexattr'));
      expect(facts(await rejection(set('user.a', 'x', { mode: 'replace' })))).to.deep.equal(
        lacking('setxattr'),
      );
      await set('user.a', 'first', { mode: 'create' });
      expect(facts(await rejection(set('user.a', 'x', { mode: 'create' })))).to.deep.equal({
        code: 'EEXIST',
        errno: -EEXIST,
        syscall: `${prefix}setxattr`,
        path: named,
        message: `EEXIST: file already exists, ${prefix}setxattr${of}`,
      });
      await set('user.a', 'second', { mode: 'replace' });
      expect(String(await get('user.a'))).to.equal('second');
      await remove('user.a');
    });
  });

  it('ENOTSUP for an unknown namespace, ERANGE for a name too long, ENOSPC for too much, ENOENT', async () => {
    const { fs } = makeRing();
    const path = directory.file('file', '');
    const longName = `user.${'n'.repeat(251)}`;
    const codes = async (...calls: Promise<unknown>[]): Promise<(string | undefined)[]> =>
      (await Promise.all(calls.map((call) => rejection(call)))).map(({ code }) => code);
    expect(
      await codes(
        fs.getxattr(path, 'nowhere.a'),
        fs.setxattr(path, 'nowhere.a', ''),
        fs.removexattr(path, 'nowhere.a'),
        fs.setxattr(path, longName, ''),
        fs.removexattr(path, longName),
        fs.setxattr(path, 'user.a', pattern(65_537)),
      ),
    ).to.deep.equal(['ENOTSUP', 'ENOTSUP', 'ENOTSUP', 'ERANGE', 'ERANGE', 'E2BIG']);
    // procfs has none.
    expect((await rejection(fs.getxattr('/proc/self/comm', 'user.a'))).code).to.equal('ENOTSUP');
    const missing = directory.at('missing');
    for (const [syscall, call] of [
      ['getxattr', fs.getxattr(missing, 'user.a')],
      ['setxattr', fs.setxattr(missing, 'user.a', '')],
      ['listxattr', fs.listxattr(missing)],
      ['removexattr', fs.removexattr(missing, 'user.a')],
    ] as const) {
      expect(facts(await rejection(call))).to.deep.equal({
        code: 'ENOENT',
        errno: -ENOENT,
        syscall,
        path: missing,
        message: `ENOENT: no such file or directory, ${syscall} '${missing}'`,
      });
    }
  });

  it('followSymlinks: false is the link itself, whose syscalls are lgetxattr and its kind', async function () {
    const { fs } = makeRing();
    const path = directory.file('file', '');
    const link = directory.at('link');
    symlinkSync(path, link);
    const own = { followSymlinks: false };
    await fs.setxattr(link, 'user.a', 'of the file');
    expect(String(await fs.getxattr(path, 'user.a'))).to.equal('of the file');
    expect(String(await fs.getxattr(link, 'user.a'))).to.equal('of the file');
    expect(await fs.listxattr(link)).to.deep.equal(['user.a']);
    expect(await fs.listxattr(link, own)).to.deep.equal([]);
    // A link has none in the namespace 'user'.
    const refused = [
      await rejection(fs.getxattr(link, 'user.a', own)),
      await rejection(fs.setxattr(link, 'user.a', 'x', own)),
      await rejection(fs.removexattr(link, 'user.a', own)),
    ];
    expect(refused.map(({ syscall }) => syscall)).to.deep.equal(['lgetxattr', 'lsetxattr', 'lremovexattr']);
    expect(refused.map((error) => error.path)).to.deep.equal([link, link, link]);
    const failure = await fs
      .setxattr(link, 'trusted.a', 'of the link', own)
      .catch((error: CallError) => error);
    if (failure?.code === 'EPERM')
      skip(this, 'none may be set here in the namespace trusted (CAP_SYS_ADMIN)');
    expect(failure).to.equal(undefined);
    expect(pythonGets(link, 'trusted.a', 'False')).to.equal(Buffer.from('of the link').toString('hex'));
    expect(String(await fs.getxattr(link, 'trusted.a', own))).to.equal('of the link');
    expect((await rejection(fs.getxattr(path, 'trusted.a'))).code).to.equal('ENODATA');
    await fs.removexattr(link, 'trusted.a', own);
    expect(await fs.listxattr(link, own)).to.deep.equal([]);
  });

  it('arguments: each mistake is an error of Node’s', async () => {
    const { fs } = makeRing();
    const path = directory.file('file', '');
    await using handle = await fs.open(path);
    const calls: [string, Promise<unknown>][] = [
      ['ERR_INVALID_ARG_TYPE', fs.getxattr(1 as never, 'user.a')],
      ['ERR_INVALID_ARG_VALUE', fs.getxattr('a\0b', 'user.a')],
      ['ERR_INVALID_ARG_TYPE', fs.getxattr(path, 1 as never)],
      ['ERR_INVALID_ARG_VALUE', fs.getxattr(path, 'user.a\0b')],
      ['ERR_INVALID_ARG_TYPE', fs.getxattr(path, 'user.a', 1 as never)],
      ['ERR_INVALID_ARG_TYPE', fs.getxattr(path, 'user.a', { followSymlinks: 1 as never })],
      ['ERR_INVALID_ARG_TYPE', fs.setxattr(path, 'user.a', 1 as never)],
      ['ERR_INVALID_ARG_VALUE', fs.setxattr(path, 'user.a', '', { mode: 'wx' as never })],
      ['ERR_INVALID_ARG_VALUE', fs.removexattr(path, '\0')],
      ['ERR_INVALID_ARG_TYPE', handle.getxattr(undefined as never)],
      ['ERR_INVALID_ARG_TYPE', handle.setxattr('user.a', undefined as never)],
      ['ERR_INVALID_ARG_VALUE', handle.removexattr('user.\0')],
      ['ERANGE', fs.getxattr(path, '')],
    ];
    for (const [code, call] of calls) expect((await rejection(call)).code).to.equal(code);
    expect(pythonLists(path)).to.deep.equal([]);
  });

  it('a closed handle, a closed ring, and a signal before the call', async () => {
    const ring = makeRing();
    const path = directory.file('file', '');
    const handle = await ring.fs.open(path);
    const signal = AbortSignal.abort();
    for (const call of [
      ring.fs.getxattr(path, 'user.a', { signal }),
      ring.fs.setxattr(path, 'user.a', '', { signal }),
      ring.fs.listxattr(path, { signal }),
      ring.fs.removexattr(path, 'user.a', { signal }),
      handle.listxattr({ signal }),
      ring.fs.getxattr(path, 'user.a', { signal, followSymlinks: false }),
    ]) {
      expect((await rejection(call)).name).to.equal('AbortError');
    }
    const pending = [handle.getxattr('user.a'), handle.listxattr(), handle.setxattr('user.b', 'x')];
    await handle.close();
    const settled = await Promise.allSettled(pending);
    expect(settled.map(({ status }) => status)).to.deep.equal(['rejected', 'fulfilled', 'fulfilled']);
    for (const [syscall, call] of [
      ['fgetxattr', handle.getxattr('user.a')],
      ['fsetxattr', handle.setxattr('user.a', '')],
      ['flistxattr', handle.listxattr()],
      ['fremovexattr', handle.removexattr('user.a')],
    ] as const) {
      expect(await rejection(call)).to.include({ code: 'EBADF', syscall, message: 'file closed' });
    }
    await ring.close();
    for (const call of [
      ring.fs.getxattr(path, 'user.a'),
      ring.fs.setxattr(path, 'user.a', ''),
      ring.fs.listxattr(path),
      ring.fs.removexattr(path, 'user.a'),
    ]) {
      expect((await rejection(call)).code).to.equal('ERR_RINGLET_CLOSED');
    }
  });

  it('many at once, on many files', async () => {
    const ring = makeRing(options);
    const paths = Array.from({ length: 200 }, (_unused, index) => directory.file(`file${index}`, ''));
    await Promise.all(paths.map((path, index) => ring.fs.setxattr(path, 'user.number', String(index))));
    const values = await Promise.all(paths.map((path) => ring.fs.getxattr(path, 'user.number')));
    expect(values.map(String)).to.deep.equal(paths.map((_unused, index) => String(index)));
    const lists = await Promise.all(paths.map((path) => ring.fs.listxattr(path)));
    expect(lists.every(([name]) => name === 'user.number')).to.equal(true);
  });
});
