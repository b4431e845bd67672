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
 * The class as a function that can be called, of so many parameters. It is what `constructor` says then, and the
 * members of its prototype can be enumerated, as Node's.
 *
 * @param made a class whose base is `adopting`'s.
 */
export function callable<Class extends Constructor>(made: Class, length: number): Class {
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
  Object.defineProperties(Callable, { name: { value: made.name }, length: { value: length } });
  Object.defineProperty(made.prototype, 'constructor', { value: Callable });
  return Callable as unknown as Class;
}

/** Has the members that a class declares be enumerable, as those of Node's own are. */
export function showMembers(prototype: object): void {
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (descriptor.configurable) Object.defineProperty(prototype, name, { ...descriptor, enumerable: true });
  }
}
