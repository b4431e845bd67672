/**
 * Node's modules as ringlet itself calls them. `ringlet/register` puts calls of ringlet's into Node's own modules and
 * classes; here their place is still taken by Node's, so that nothing of ringlet's comes back to itself.
 */

interface Modules {
  'node:dgram': typeof import('node:dgram');
  'node:fs': typeof import('node:fs');
  'node:fs/promises': typeof import('node:fs/promises');
  'node:net': typeof import('node:net');
}

// As it is before `register` watches over it.
const { getBuiltinModule } = process;
/** Each inherits from an object of Node's, and has of its own what has been exchanged there. */
const views = new WeakMap<object, object>();

/** A module or a prototype with Node's own calls, whatever has been exchanged there, before or afterwards. */
export function nodesOwn<Exchanged extends object>(exchanged: Exchanged): Exchanged {
  let view = views.get(exchanged);
  if (view === undefined) {
    view = Object.create(exchanged) as object;
    views.set(exchanged, view);
  }
  return view as Exchanged;
}

/** The same of a module, by its name. */
export function nodeModule<Name extends keyof Modules>(name: Name): Modules[Name] {
  return nodesOwn(getBuiltinModule(name) as Modules[Name]);
}

/** Puts ringlet's calls in the place of Node's, under the same name and with as many parameters. */
export function exchange(target: object, calls: Readonly<Record<string, unknown>>): void {
  const view = nodesOwn(target);
  for (const [call, ours] of Object.entries(calls)) {
    const nodes: unknown = Reflect.get(target, call);
    if (typeof nodes !== 'function' || typeof ours !== 'function') continue;
    Object.defineProperty(view, call, {
      value: nodes,
      enumerable: true,
      writable: true,
      configurable: true,
    });
    const { name, length } = nodes;
    Object.defineProperties(ours, {
      name: { value: name, configurable: true },
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
    Reflect.set(target, call, ours);
  }
}

/** The same for a module, by its name. */
export function exchangeIn(name: keyof Modules, calls: Readonly<Record<string, unknown>>): void {
  exchange(getBuiltinModule(name), calls);
}
