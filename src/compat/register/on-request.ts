/**
 * When a program asks for one of Node's modules for the first time, by `import`, `require` or getBuiltinModule. What
 * is to be exchanged in it is exchanged then: a program that does without a module does not pay for loading it.
 *
 * That takes hooks of the loader that every thread has for itself (Node 22.15, 23.5). Without them it is done at once.
 */
import nodeModules from 'node:module';

type Exchange = () => void;
type Resolve = (
  specifier: string,
  context: object,
  next: (specifier: string, context: object) => unknown,
) => unknown;

/** The oldest Node, and so its types, do not have it. */
const { registerHooks } = nodeModules as unknown as {
  registerHooks?: (hooks: { resolve: Resolve }) => unknown;
};
const { moduleLoadList } = process as typeof process & { moduleLoadList?: readonly string[] };
const { getBuiltinModule } = process;

const awaited = new Map<string, Exchange>();

/** Whether Node has loaded one of its modules, for the program or for itself. */
export function isLoaded(name: string): boolean {
  return moduleLoadList?.includes(`NativeModule ${name}`) ?? true;
}

/** Runs `exchange` when the module is asked for, or at once where that can't be known or it is loaded already. */
export function onRequest(name: string, exchange: Exchange): void {
  if (registerHooks === undefined || isLoaded(name)) {
    exchange();
    return;
  }
  if (awaited.size === 0) watch(registerHooks);
  awaited.set(name, exchange);
}

function watch(hook: NonNullable<typeof registerHooks>): void {
  hook({
    resolve(specifier, context, next) {
      noteRequest(specifier);
      return next(specifier, context);
    },
  });
  // It asks no hook.
  process.getBuiltinModule = ((name: string) => {
    noteRequest(name);
    return getBuiltinModule(name);
  }) as typeof getBuiltinModule;
}

function noteRequest(specifier: unknown): void {
  if (awaited.size === 0 || typeof specifier !== 'string') return;
  const name = specifier.startsWith('node:') ? specifier.slice('node:'.length) : specifier;
  const exchange = awaited.get(name);
  if (exchange === undefined) return;
  awaited.delete(name);
  exchange();
}
