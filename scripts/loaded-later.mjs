/**
 * What the package's bundle loads with the first ring, or when it is called before there is one: an import alone
 * compiles what the exported classes need, and all else is one file more.
 *
 * In the modules that are loaded at once each import of one of these leads to a stand-in: functions, and classes of
 * which instances are made, that load the file and pass on. Once a ring is made nothing is left to be loaded, so that
 * a process may give up its rights, run out of descriptors or have its package exchanged.
 *
 * A stand-in costs a call, so none of these is on the way of each transfer.
 */
import { dirname, isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

const MODULES = [
  'ring/concrete',
  'contract/ring-settings',
  'events/interval',
  'events/signals',
  'events/watch',
  'fs/chain',
  'fs/copy-file',
  'fs/handle-writer',
  'fs/make-directories',
  'fs/mkdtemp',
  'fs/pull',
  'fs/read-files',
  'fs/read-large',
  'fs/web-stream',
  'fs/write-file-atomic',
  'native/sq-poll-groups',
  'net/datagrams/datagram-binding',
  'net/datagrams/datagram-iterators',
  'net/streams/connect',
  'net/streams/connect-stream',
  'net/streams/send-file',
  'net/streams/serve-on',
  'net/streams/stream-duplex',
  'net/streams/stream-iterators',
  'net/streams/web-streams',
  'observe/probe',
];
const PACKAGES = ['p-queue'];

/** The file that has all of them, each as a namespace of its own. */
const FILE = 'ringlet:loaded-later';
/**
 * How stand-ins come by it: each entry says so (`TELL_LATER`), for the file needs what is loaded at once, and some
 * tools take it amiss when two files need each other.
 */
const LOADER = 'ringlet:later';
const LOADER_TEXT = `let load;
export const tellLater = (given) => { load ??= given; };
export const later = () => load();`;
export const IMPORT_LATER = `import { later } from '${LOADER}';`;
export const TELL_LATER = `import { tellLater } from '${LOADER}';\ntellLater(() => import('${FILE}'));`;
const nameOf = (index) => `module${index}`;
/** What stands for the namespace of a module, by its name above, where there is `IMPORT_LATER`. */
export const later = (name) => `later().${nameOf(MODULES.indexOf(name))}`;

const isClass = (value) => /^class\b/.test(Function.prototype.toString.call(value));

function constant(name, value) {
  const text = JSON.stringify(value);
  if (!isDeepStrictEqual(JSON.parse(text), value)) throw new Error(`nothing can stand in for ${name}`);
  return `export const ${name} = ${text};`;
}

/** One that makes instances of the other, knows them, and has its static methods. */
function standInClass(local, value, real) {
  const methods = Object.getOwnPropertyNames(value).filter((key) => typeof value[key] === 'function');
  const delegating = methods.map((key) => `static ${key}(...args) { return ${real}.${key}(...args); }`);
  return `class {
  constructor(...args) {
    if (new.target !== ${local}) throw new TypeError('a stand-in has no subclasses');
    return new (${real})(...args);
  }
  static [Symbol.hasInstance](value) { return value instanceof ${real}; }
  ${delegating.join('\n  ')}
}`;
}

/** What an import of `name` finds in the place of `value`; a symbol is not there, so that esbuild complains. */
function standIn(name, value, real) {
  if (typeof value === 'symbol') return '';
  if (typeof value !== 'function') return constant(name, value);
  const local = `standIn_${name}`;
  const shape = `{ name: { value: '${value.name}' }, length: { value: ${value.length} } }`;
  const called = isClass(value)
    ? standInClass(local, value, `${real}.${name}`)
    : `function (...args) { return ${real}.${name}(...args); }`;
  return `const ${local} = /* @__PURE__ */ Object.defineProperties(${called}, ${shape});
export { ${local} as ${name} };`;
}

/** An esbuild plugin over what tsc has written into `dist`. */
export function loadedLater(dist) {
  const names = [...MODULES, ...PACKAGES];
  const pathOf = (name) => (PACKAGES.includes(name) ? name : join(dist, `${name}.js`));
  const nameAt = new Map(names.map((name) => [pathOf(name), name]));
  // These have what they extend at once.
  const compat = join(dist, 'compat/');
  return {
    name: 'loaded later',
    setup({ onResolve, onLoad }) {
      const toStandIn = (path, importer) => {
        const isLater = importer === FILE || nameAt.has(importer) || importer.startsWith(compat);
        const name = nameAt.get(path);
        return isLater || name === undefined ? undefined : { path: name, namespace: 'stand-in' };
      };
      onResolve({ filter: /^\./ }, ({ path, importer, kind }) => {
        if (kind !== 'import-statement') return undefined;
        return toStandIn(join(dirname(importer), path), importer);
      });
      onResolve({ filter: /^[a-z@]/ }, ({ path, importer }) => toStandIn(path, importer));
      onResolve({ filter: new RegExp(`^${FILE}$`) }, () => ({ path: FILE, namespace: 'later' }));
      onResolve({ filter: new RegExp(`^${LOADER}$`) }, () => ({ path: LOADER, namespace: 'loader' }));
      onLoad({ filter: /./, namespace: 'loader' }, () => ({ contents: LOADER_TEXT }));
      onLoad({ filter: /./, namespace: 'later' }, () => {
        const lines = names.map((name, index) => `export * as ${nameOf(index)} from '${pathOf(name)}';`);
        // As in all others, so that what is loaded at once is one file.
        lines.unshift(`import '${join(dist, 'index.js')}';`);
        return { contents: lines.join('\n'), resolveDir: dist };
      });
      onLoad({ filter: /./, namespace: 'stand-in' }, async ({ path: name }) => {
        const path = pathOf(name);
        const exported = await import(isAbsolute(path) ? pathToFileURL(path).href : path);
        const real = `later().${nameOf(names.indexOf(name))}`;
        const lines = Object.entries(exported).map(([each, value]) => standIn(each, value, real));
        return { contents: [IMPORT_LATER, ...lines].join('\n'), resolveDir: dist };
      });
    },
  };
}
