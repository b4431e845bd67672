/**
 * Makes the addons of the published package, on Debian and x64: `prebuilds/TARGET.node`, for glibc 2.28 and newer and
 * for musl, each for x64 and arm64. Plain JavaScript on Node's own modules.
 *
 *   node scripts/prebuild.mjs                  all four
 *   node scripts/prebuild.mjs linux-x64 ...    these
 *
 * The compilers are Debian's (g++ and g++-aarch64-linux-gnu), and so is the musl that is linked against, unpacked into
 * build/prebuild. What is used of libstdc++ is linked in (cpp/cxx_runtime.cc).
 * Each addon is looked at in the end: what it asks of its C library must be there in the oldest.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Suite } from './debian/suite.mjs';
import { dynamicSectionOf, symbolsOf } from './native/elf.mjs';
import { compileAddon, objectsFolder, ROOT } from './native/gyp.mjs';

/** Has musl 1.2.3, which is older than that of any Alpine with a Node of today. */
const SUITE = 'bookworm';
const GLIBC_OLDEST = [2, 28];
const WORK = join(ROOT, 'build', 'prebuild');
const STRUCTURES = join(ROOT, 'scripts', 'native', 'libc-structures.cc');
/**
 * Functions of threads, with the versions that libpthread gave them before glibc 2.34 took them into libc under new
 * ones. Both have the old ones, and so an addon that is linked against these loads with either.
 */
const THREADS = {
  'GLIBC_2.2.5': ['create', 'join', 'kill', 'once', 'sigmask', 'attr_setstacksize'],
  'GLIBC_2.3.3': ['condattr_setclock'],
  'GLIBC_2.12': ['setname_np'],
};

const PROCESSORS = {
  x64: {
    cpu: 'x86_64',
    debian: 'amd64',
    compiler: 'x86_64-linux-gnu-g++',
    loader: 'ld-linux-x86-64.so.2',
    threads: THREADS,
  },
  arm64: {
    cpu: 'aarch64',
    debian: 'arm64',
    compiler: 'aarch64-linux-gnu-g++',
    loader: 'ld-linux-aarch64.so.1',
    // Its first version has all that is older.
    threads: { 'GLIBC_2.17': Object.values(THREADS).flat() },
  },
};
export const TARGETS = ['linux-x64', 'linux-arm64', 'linuxmusl-x64', 'linuxmusl-arm64'];

export function prebuiltPath(target) {
  return join(ROOT, 'prebuilds', `${target}.node`);
}

function partsOf(target) {
  const [system, name] = target.split('-');
  return { processor: PROCESSORS[name], isMusl: system === 'linuxmusl' };
}

/** A root folder with musl and the kernel's headers, and nothing of glibc. */
function muslRoot({ debian }) {
  const folder = join(WORK, `musl-${debian}`);
  if (existsSync(folder)) return folder;
  const part = `${folder}.part`;
  rmSync(part, { recursive: true, force: true });
  new Suite(SUITE, WORK, debian).unpack(['musl', 'musl-dev', 'linux-libc-dev'], part);
  renameSync(part, folder);
  return folder;
}

/** Where musl's library is, which is its loader as well. */
function muslLibrary(processor) {
  return join(muslRoot(processor), 'lib', `${processor.cpu}-linux-musl`, 'libc.so');
}

/**
 * What is linked before and after the objects for musl, which are the same as for glibc: on 64-bit processors both take
 * the structures and numbers that the kernel has (native/libc-structures.cc says which the addon shares with them).
 */
function muslLinking(processor) {
  const { cpu, compiler } = processor;
  const file = (name) => execFileSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
  const crt = (name) => join(muslRoot(processor), 'usr', 'lib', `${cpu}-linux-musl`, name);
  const libraries = [
    file('libstdc++.a'),
    file('libgcc.a'),
    `-L${dirname(muslLibrary(processor))}`,
    '-l:libc.so',
  ];
  return {
    before: ['-nostdlib', crt('crti.o'), file('crtbeginS.o')],
    after: [...libraries, file('crtendS.o'), crt('crtn.o')],
  };
}

/**
 * For tests: makes a program for musl of a source and those of the addon's objects that know neither Node-API nor
 * libuv. Returns the command that runs it.
 */
export function linkForMusl(target, { source, defines, output }) {
  const { processor } = partsOf(target);
  const { cpu, compiler, debian } = processor;
  const objects = objectsFolder(debian);
  const names = readdirSync(objects, { recursive: true }).filter((name) => name.endsWith('.o'));
  const paths = names.map((name) => join(objects, name));
  const archive = `${output}.a`;
  execFileSync('ar', ['rcs', archive, ...paths.filter((path) => !/ U (napi|uv)_/.test(undefinedIn(path)))]);
  const start = join(muslRoot(processor), 'usr', 'lib', `${cpu}-linux-musl`, 'Scrt1.o');
  const compiling = [
    '-std=c++20',
    '-fno-exceptions',
    '-fno-rtti',
    '-fPIE',
    '-I',
    join(ROOT, 'cpp'),
    ...defines,
  ];
  const files = ['-pie', '-rdynamic', start, source, archive];
  const { before, after } = muslLinking(processor);
  execFileSync(compiler, [...compiling, ...files, ...before, ...after, '-o', output]);
  return [muslLibrary(processor), output];
}

/** An empty libpthread.so.0 to link against, with the names and versions alone. */
function oldThreads({ compiler, debian, threads }) {
  const versions = Object.entries(threads);
  const names = versions.flatMap(([version, own]) => own.map((name) => [`pthread_${name}`, version]));
  const library = join(WORK, `threads-${debian}`, 'libpthread.so.0');
  mkdirSync(dirname(library), { recursive: true });
  const [source, script] = ['source.c', 'versions.map'].map((name) => join(dirname(library), name));
  writeFileSync(source, names.map(([name]) => `void ${name}(void) {}\n`).join(''));
  const nodes = versions.map(([version]) => {
    const own = names.filter((name) => name[1] === version).map(([name]) => `${name};`);
    return `${version} { global: ${own.join(' ')} };\n`;
  });
  writeFileSync(script, nodes.join(''));
  const shared = ['-shared', '-nostdlib', '-fno-builtin', '-Wl,-soname,libpthread.so.0'];
  const c = compiler.replace(/g\+\+$/, 'gcc');
  execFileSync(c, [...shared, `-Wl,--version-script=${script}`, source, '-o', library]);
  return library;
}

function undefinedIn(object) {
  return execFileSync('nm', ['--undefined-only', object], { encoding: 'utf8' });
}

function isNewerThan(version, oldest) {
  const numbers = version
    .replace(/^GLIBC_/, '')
    .split('.')
    .map(Number);
  const index = numbers.findIndex((number, place) => number !== (oldest[place] ?? 0));
  return index >= 0 && numbers[index] > (oldest[index] ?? 0);
}

/** What would keep the addon from loading where it is for; empty when nothing does. */
export function faultsOf(target, path = prebuiltPath(target)) {
  const { processor, isMusl } = partsOf(target);
  const { libraries, isBoundAtOnce } = dynamicSectionOf(path);
  const known = isMusl ? ['libc.so'] : ['libc.so.6', 'libpthread.so.0', processor.loader];
  // Node itself has these.
  const needed = symbolsOf(path).filter(({ name, isNeeded }) => isNeeded && !/^(napi|uv)_/.test(name));
  const faults = libraries.filter((name) => !known.includes(name)).map((name) => `loads ${name}`);
  if (!isBoundAtOnce) faults.push('binds its symbols late');
  if (isMusl) {
    const musl = symbolsOf(muslLibrary(processor));
    const there = new Set(musl.filter(({ isDefined }) => isDefined).map(({ name }) => name));
    return [
      ...faults,
      ...needed.filter(({ name }) => !there.has(name)).map(({ name }) => `musl has no ${name}`),
    ];
  }
  const wrong = needed.filter(
    ({ version }) => !version.startsWith('GLIBC_') || isNewerThan(version, GLIBC_OLDEST),
  );
  return [...faults, ...wrong.map(({ name, version }) => `${name} is of ${version || 'no version'}`)];
}

/** Fails when the two libraries disagree on a structure that the addon shares with them. */
function compareStructures(processor) {
  const { cpu, compiler } = processor;
  const root = muslRoot(processor);
  const folders = [`${cpu}-linux-musl`, '.', `${cpu}-linux-gnu`].map((name) =>
    join(root, 'usr', 'include', name),
  );
  const musl = ['-nostdinc', ...folders.flatMap((folder) => ['-isystem', folder])];
  for (const headers of [[], musl]) {
    const check = ['-x', 'c++', '-std=c++20', '-fsyntax-only', ...headers, STRUCTURES];
    execFileSync(compiler, check, { stdio: ['ignore', 'inherit', 'inherit'] });
  }
}

function prebuild(target) {
  const { processor, isMusl } = partsOf(target);
  const { compiler, debian } = processor;
  compareStructures(processor);
  const linking = isMusl
    ? muslLinking(processor)
    : { before: ['-static-libstdc++', '-static-libgcc'], after: [oldThreads(processor)] };
  // In the same folder for both libraries: their objects are the same.
  compileAddon(debian, {
    output: prebuiltPath(target),
    variables: {
      self_contained: 1,
      link_before: linking.before.join(' '),
      link_after: linking.after.join(' '),
    },
    environment: { CC: compiler.replace(/g\+\+$/, 'gcc'), CXX: compiler, LINK: compiler },
    processor: target.split('-')[1],
  });
  const faults = faultsOf(target);
  if (faults.length > 0) throw new Error(`would not load everywhere:\n  ${faults.join('\n  ')}`);
  console.log(`prebuilds/${target}.node`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2);
  for (const target of wanted.length > 0 ? wanted : TARGETS) {
    try {
      prebuild(target);
    } catch (error) {
      if (error.output) console.error(error.output);
      console.error(`${target}: ${error.message}`);
      process.exitCode = 1;
    }
  }
}
