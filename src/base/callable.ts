/**
 * Classes that can be called as Node's older ones can: without `new`, and on an object that inherits the old way,
 * as in `function Mine() { Socket.call(this); }` with `util.inherits(Mine, Socket)`.
 */

type Constructor = abstract new (...parameters: never[]) => object;

/** By the `new.target` of a call on it: the object that is to become an instance. */
const adoptees = new WeakMap<object, object>();

/*
 * Both are proxies, and no functions: a function that constructs is given an object first, by the `new.target` that
 * Node's constructor makes another of. V8 then gives each instance a hidden class of its own, and all that looks at
 * sockets becomes slow.
 */

/** `Base`, one of Node's constructors that can be called, as the base class of one that `callable` is given. */
export function adopting<Base extends Constructor>(base: Base): Base {
  return new Proxy(base, {
    construct(_base, parameters, target) {
      const adoptee = adoptees.get(target);
      if (adoptee === undefined) return Reflect.construct(base, parameters, target as never) as object;
      Reflect.apply(base as never, adoptee, parameters);
      // Returned, it gets the private fields of the classes that inherit from this.
      return adoptee;
    },
  });
}

/**
 * The class as one that can be called. By name and number of parameters, its own and its methods', it is as `nodes`.
 *
 * @param made a class whose base is `adopting`'s.
 * @param nodes the class of Node's that it stands in for.
 */
export function callable<Class extends Constructor>(made: Class, nodes: Constructor): Class {
  const proxy: Class = new Proxy(made, {
    construct: (_made, parameters, target) =>
      Reflect.construct(made, parameters, (target === proxy ? made : target) as never) as object,
    apply(_made, adoptee: unknown, parameters) {
      if (!(adoptee instanceof made)) return Reflect.construct(made, parameters) as object;
      // A constructor that is no other call's.
      const target = made.bind(undefined);
      adoptees.set(target, adoptee);
      return void Reflect.construct(made, parameters, target as never);
    },
  });
  Object.defineProperties(made, { name: { value: nodes.name }, length: { value: nodes.length } });
  Object.defineProperty(made.prototype, 'constructor', { value: proxy });
  const shared = Object.getPrototypeOf(nodes.prototype);
  // Its own classes, and none of Node's.
  for (let at = made.prototype; at !== shared && at !== nodes.prototype; at = Object.getPrototypeOf(at)) {
    copyLengths(shared, at);
    copyLengths(nodes.prototype, at);
  }
  return proxy;
}

function copyLengths(from: object, to: object): void {
  for (const [key, { value: theirs }] of Object.entries(Object.getOwnPropertyDescriptors(from))) {
    const ours = Object.getOwnPropertyDescriptor(to, key)?.value;
    if (key === 'constructor' || typeof theirs !== 'function' || typeof ours !== 'function') continue;
    Object.defineProperty(ours, 'length', { value: theirs.length });
  }
}
