/** The declarations of an entry for `require`: the same types as for `import`, so that there is one of each. */

const AS_ES_MODULE = "with { 'resolution-mode': 'import' }";

/** What `export { … } from '…'` takes from other modules: name here, name there, where from, whether a type alone. */
function reexportsIn(types) {
  const lists = types.matchAll(/^export (type )?\{([^}]*)\} from '([^']*)'/gm);
  return [...lists].flatMap(([, ofTypes, list, from]) =>
    list
      .split(',')
      .map((each) => /^\s*(type )?(\w+)(?: as (\w+))?\s*$/.exec(each))
      .filter(Boolean)
      .map(([, ofType, original, name = original]) => ({
        name,
        original,
        from,
        isType: Boolean(ofTypes ?? ofType),
      })),
  );
}

/** What is written above a declaration, with the end of its line; '' where nothing is. */
function textAbove(declaration, types) {
  const text = new RegExp(`/\\*\\*(?:(?!\\*/)[^])*\\*/(?=\\n${declaration}\\b)`).exec(types)?.[0];
  return text === undefined ? '' : `${text}\n`;
}

/**
 * @param module its name, beside which the declarations lie.
 * @param types its declarations as an ES module.
 * @param values what `require` gets by name.
 * @param readTypes the declarations of another module, by its path from there.
 */
export function commonJsTypes(module, types, values, readTypes) {
  const entry = `from './${module}.js' ${AS_ES_MODULE};`;
  if (/^export \* from 'node:/m.test(types)) {
    return `import type entry ${entry}\ndeclare const required: typeof entry;\nexport = required;\n`;
  }
  const reexports = reexportsIn(types);
  const lines = values.map((name) => {
    if (name === 'default') {
      const [, given = '_default'] = /^export default (\w+);$/m.exec(types) ?? [];
      const text = textAbove(`declare const ${given}`, types);
      return `${text}declare const byDefault: typeof entry.default;\nexport default byDefault;`;
    }
    const [, alias = name] = new RegExp(`^export \\{ (\\w+) as ${name} \\};$`, 'm').exec(types) ?? [];
    const { from, original = alias } = reexports.find((each) => each.name === name) ?? {};
    if (from?.startsWith('node:')) return `export { ${name} } from '${from}';`;
    const declared = from === undefined ? types : readTypes(from.replace(/\.js$/, ''));
    const text = textAbove(`export declare (?:abstract )?(?:class|const|function) ${original}`, declared);
    const ofInstances = /^[A-Z]/.test(name) ? `\nexport type ${name} = entry.${name};` : '';
    return `${text}export declare const ${name}: typeof entry.${name};${ofInstances}`;
  });
  const names = reexports.filter(({ isType }) => isType).map(({ name }) => name);
  if (names.length > 0) lines.push(`export type { ${names.join(', ')} } ${entry}`);
  return lines.length === 0 ? 'export {};\n' : `import type * as entry ${entry}\n${lines.join('\n')}\n`;
}
