/**
 * Classes that can be called as Node's older ones can: without `new`, and on an object that inherits the old way,
 * as in `function Mine() { Socket.call(this); }` with `util.inherits(Mine, Socket)`.
 */

type Constructor = abstract new (...parameters: never[]) => object;

/** By the `new.target` of a call on it: the object that is to become an instance. */
const adoptees = new WeakMap<object, object>();

/** `Base`, one of Node's constructors that can be called, as the base class of one that `callable` is given. */
export function adopting<Base extends Constructor>(base: Base): Base {
  function Adopting(this: unknown, ...parameters: unknown[]): object {
    const target = new.target as unknown as object;
    const adoptee = adoptees.get(target);
    if (adoptee === undefined) return Reflect.construct(base, parameters, target as never);
    Reflect.apply(base as never, adoptee, parameters);
    // Returned, it gets the private fields of the classes that inherit from this.
    return adoptee;
  }
  Adopting.prototype = base.prototype;
  return Object.setPrototypeOf(Adopting, base) as Base;
}

/**
 * The class as a function that can be called. By name and number of parameters, its own and its methods', it is as
 * `nodes`.
 *
 * @param made a class whose base is `adopting`'s.
 * @param nodes the class of Node's that it stands in for.
 */
export function callable<Class extends Constructor>(made: Class, nodes: Constructor): Class {
  function Callable(this: unknown, ...parameters: unknown[]): unknown {
    if (new.target !== undefined) return Reflect.construct(made, parameters, new.target as never);
    if (!(this instanceof Callable)) return Reflect.construct(made, parameters);
    // A constructor that is no other call's.
    const target = Callable.bind(undefined);
    adoptees.set(target, this);
    return void Reflect.construct(made, parameters, target as never);
  }
  Callable.prototype = made.prototype;
  Object.setPrototypeOf(Callable, made);
  Object.defineProperties(Callable, { name: { value: nodes.name }, length: { value: nodes.length } });
  Object.defineProperty(made.prototype, 'constructor', { value: Callable });
  const shared = Object.getPrototypeOf(nodes.prototype);
  // Its own classes, and none of Node's.
  for (let at = made.prototype; at !== shared && at !== nodes.prototype; at = Object.getPrototypeOf(at)) {
    copyLengths(shared, at);
    copyLengths(nodes.prototype, at);
  }
  return Callable as unknown as Class;
}

function copyLengths(from: object, to: object): void {
  for (const [key, { value: theirs }] of Object.entries(Object.getOwnPropertyDescriptors(from))) {
    const ours = Object.getOwnPropertyDescriptor(to, key)?.value;
    if (key === 'constructor' || typeof theirs !== 'function' || typeof ours !== 'function') continue;
    Object.defineProperty(ours, 'length', { value: theirs.length });
  }
}
