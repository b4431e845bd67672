/**
 * Node's modules as ringlet itself calls them. `ringlet/register` puts calls of ringlet's into Node's own modules;
 * here their place is still taken by Node's, so that nothing of ringlet's comes back to itself.
 */

interface Modules {
  'node:dgram': typeof import('node:dgram');
  'node:fs': typeof import('node:fs');
  'node:fs/promises': typeof import('node:fs/promises');
  'node:net': typeof import('node:net');
  'node:tls': typeof import('node:tls');
}

type Name = keyof Modules;

// As it is before `register` watches over it.
const { getBuiltinModule } = process;
/** Each inherits from Node's module, and has of its own what has been exchanged there. */
const views = new Map<Name, object>();

/** The module with Node's own calls, whatever has been exchanged, before or afterwards. */
export function nodeModule<Of extends Name>(name: Of): Modules[Of] {
  let view = views.get(name);
  if (view === undefined) {
    view = Object.create(getBuiltinModule(name)) as object;
    views.set(name, view);
  }
  return view as Modules[Of];
}

/** Puts ringlet's calls in the place of Node's, under the same name and with as many parameters. */
export function exchange(name: Name, calls: Readonly<Record<string, unknown>>): void {
  const module = getBuiltinModule(name) as object;
  const view = nodeModule(name);
  for (const [call, ours] of Object.entries(calls)) {
    const nodes: unknown = Reflect.get(module, call);
    if (typeof nodes !== 'function' || typeof ours !== 'function') continue;
    Object.defineProperty(view, call, { value: nodes, enumerable: true, writable: true, configurable: true });
    const { name: nodesName, length } = nodes;
    Object.defineProperties(ours, {
      name: { value: nodesName, configurable: true },
      length: { value: length, configurable: true },
    });
    // What util.promisify looks for.
    for (const symbol of Object.getOwnPropertySymbols(nodes)) {
      if (symbol in ours) continue;
      Object.defineProperty(
        ours,
        symbol,
        Object.getOwnPropertyDescriptor(nodes, symbol) as PropertyDescriptor,
      );
    }
    Reflect.set(module, call, ours);
  }
}
