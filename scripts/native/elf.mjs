/** What a shared object asks of the process that loads it, by readelf, which reads those of all processors. */
import { execFileSync } from 'node:child_process';

function readelf(...args) {
  return execFileSync('readelf', ['-W', ...args], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).split(
    '\n',
  );
}

/** Its dynamic symbols: name, the version that is asked for or '', and whether another object must have it. */
export function symbolsOf(path) {
  return readelf('--dyn-syms', path).flatMap((line) => {
    const [, binding, section, symbol] =
      /^\s*\d+: \S+\s+\d+ \S+\s+(\S+)\s+\S+\s+(\S+) (\S+)/.exec(line) ?? [];
    if (!symbol) return [];
    const [name, version = ''] = symbol.split(/@+/);
    return [
      { name, version, isNeeded: section === 'UND' && binding !== 'WEAK', isDefined: section !== 'UND' },
    ];
  });
}

/** Its dynamic section: the libraries that it loads, and whether all symbols are bound when it is loaded. */
export function dynamicSectionOf(path) {
  const lines = readelf('--dynamic', path);
  const libraries = lines.flatMap((line) => /\(NEEDED\).*\[(.+)\]/.exec(line)?.[1] ?? []);
  return { libraries, isBoundAtOnce: lines.some((line) => /\(FLAGS(_1)?\).*NOW/.test(line)) };
}
