/**
 * `node undocumented.mjs FOLDER`: what the package in a folder exports without a text that an editor would show, one name
 * a line, and last how many names there are. Members count, inherited ones too, unless they are Node's own.
 */
import { join, sep } from 'node:path';
import ts from 'typescript-6';

const folder = process.argv[2];
const dist = join(folder, 'dist') + sep;
const entries = ['index', 'compat/fs/promises', 'compat/dgram/index', 'compat/net/index'].flatMap((name) => [
  `${name}.d.ts`,
  `${name}.d.cts`,
]);
const program = ts.createProgram(
  entries.map((entry) => join(dist, entry)),
  {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    skipLibCheck: true,
    strict: true,
    types: ['node'],
  },
);
const checker = program.getTypeChecker();
const seen = new Set();
const undocumented = [];

function isOurs(symbol) {
  return symbol.declarations?.some((each) => each.getSourceFile().fileName.startsWith(dist)) ?? false;
}

/** What an editor shows beside the type: at the name, or where it is called. */
function textOf(symbol) {
  const parts = symbol.getDocumentationComment(checker);
  const tags = symbol.getJsDocTags(checker).map(({ name }) => (name === 'internal' ? '' : name));
  const calls = checker.getTypeOfSymbol(symbol).getCallSignatures();
  return [parts, ...calls.map((call) => call.getDocumentationComment(checker))]
    .map((each) => ts.displayPartsToString(each))
    .concat(tags)
    .join('');
}

function isPrivate(symbol) {
  const declaration = symbol.declarations?.[0];
  if (declaration === undefined) return false;
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  if (ts.getCombinedModifierFlags(declaration) & hidden) return true;
  if (declaration.name && ts.isPrivateIdentifier(declaration.name)) return true;
  return ts.getJSDocTags(declaration).some(({ tagName }) => tagName.text === 'internal');
}

function membersOf(symbol) {
  const hasMembers = ts.SymbolFlags.Class | ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias;
  if (!(symbol.flags & hasMembers)) return [];
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  const own = type.isUnion() ? [] : type.getProperties();
  const ofClass = symbol.flags & ts.SymbolFlags.Class ? checker.getTypeOfSymbol(symbol).getProperties() : [];
  return [...own, ...ofClass].filter((each) => each.name !== 'prototype');
}

function look(symbol, name) {
  if (seen.has(symbol) || !isOurs(symbol)) return;
  seen.add(symbol);
  if (textOf(symbol) === '') undocumented.push(name);
}

for (const entry of entries) {
  const file = checker.getSymbolAtLocation(program.getSourceFile(join(dist, entry)));
  for (const exported of checker.getExportsOfModule(file)) {
    const isAlias = exported.flags & ts.SymbolFlags.Alias;
    const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
    // The drop-in's names are Node's: their types say so, and with them go Node's texts.
    if (entry.startsWith('compat/fs/') && exported.name !== 'default') continue;
    look(symbol, `${entry}: ${exported.name}`);
    for (const member of membersOf(symbol).filter((each) => !isPrivate(each)))
      look(member, `${entry}: ${exported.name}.${member.name}`);
  }
}
console.log([...undocumented, seen.size].join('\n'));
