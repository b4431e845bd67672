/** The declarations of an entry for `require`: the same types as for `import`, so that there is one of each. */

const AS_ES_MODULE = "with { 'resolution-mode': 'import' }";

/** Names of the types alone that the declarations of an ES module export. */
function typeNames(types) {
  const names = [];
  for (const [, all, list] of types.matchAll(/^export (type )?\{([^}]*)\}/gm)) {
    for (const each of list
      .split(',')
      .map((text) => text.trim())
      .filter(Boolean)) {
      if (all || each.startsWith('type ')) names.push(each.replace(/^type /, ''));
    }
  }
  return names;
}

/**
 * @param module its name, beside which the declarations lie.
 * @param types its declarations as an ES module.
 * @param values what `require` gets by name.
 */
export function commonJsTypes(module, types, values) {
  const from = `'./${module}.js' ${AS_ES_MODULE}`;
  if (/^export \* from 'node:/m.test(types)) {
    return `import type entry from ${from};\ndeclare const required: typeof entry;\nexport = required;\n`;
  }
  const lines = values
    .filter((name) => name !== 'default')
    .map((name) => {
      const isClass = /^[A-Z]/.test(name);
      return `export declare const ${name}: typeof entry.${name};${isClass ? `\nexport type ${name} = entry.${name};` : ''}`;
    });
  if (values.includes('default')) {
    lines.push('declare const byDefault: typeof entry.default;', 'export default byDefault;');
  }
  const names = typeNames(types);
  if (names.length > 0) lines.push(`export type { ${names.join(', ')} } from ${from};`);
  return lines.length === 0 ? 'export {};\n' : `import type * as entry from ${from};\n${lines.join('\n')}\n`;
}
