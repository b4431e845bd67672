/** Finds the addon's file, in the package or where a bundler has put it, and loads it. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { backendUnavailableError } from '../errors/index.js';
import { type ModulePlaces, ownPlaces, type Place } from './addon-places.js';
import { addonTarget } from './addon-target.js';

/** As the bundle's own module tells them, and each ES module in front of it. */
export const modulePlaces = new Set<ModulePlaces>([ownPlaces]);

const BUNDLED =
  "this is a bundle, and the addon did not come along: leave 'ringlet' out of it as an external package, and install it beside it (the package's docs/bundlers.md has the line for each bundler)";

/** Undefined where a bundler has left nothing that would tell. */
function pathOf(place: Place | undefined): string | undefined {
  try {
    const found = place?.();
    return typeof found === 'string' && !found.startsWith('file:') ? found : fileURLToPath(found ?? '');
  } catch {
    return undefined;
  }
}

function pathsOf(places: readonly (Place | undefined)[]): string[] {
  return places.map(pathOf).filter((path) => path !== undefined);
}

/** The package as a file there would import it: from one of the package's own, that package. */
function packageSeenFrom(file: string): string | undefined {
  try {
    return dirname(createRequire(file).resolve('ringlet/package.json'));
  } catch {
    return undefined;
  }
}

/** One that was compiled here is for this system; the published package brings one for most. */
function addonsOf(root: string, target: string): string[] {
  return [join(root, 'build/Release/ringlet.node'), join(root, 'prebuilds', `${target}.node`)];
}

/** Where it may be, likeliest first, and whether this is the package as it was installed. */
function candidates(target: string): { paths: string[]; isInPackage: boolean } {
  const modules = [...modulePlaces];
  const files = pathsOf(modules.map(({ self }) => self));
  const roots = new Set(files.map(packageSeenFrom).filter((root) => root !== undefined));
  const isInPackage = [...roots].some((root) => files.some((file) => file.startsWith(root + sep)));
  const installed = [...roots].flatMap((root) => addonsOf(root, target));
  if (isInPackage) return { paths: installed, isInPackage };
  // Those that the bundler took along come first: beside the bundle there may be another version than in it.
  return { paths: [...pathsOf(modules.map(({ addons }) => addons[target])), ...installed], isInPackage };
}

/** @throws ERR_RINGLET_UNAVAILABLE where Node's permission model keeps the path from the process. */
function isThere(path: string): boolean {
  try {
    return existsSync(path);
  } catch (error) {
    throw backendUnavailableError(`the native addon may not be looked for: ${(error as Error).message}`);
  }
}

function addonPath(): string {
  if (process.env.RINGLET_ADDON) return process.env.RINGLET_ADDON;
  const target = addonTarget();
  const { paths, isInPackage } = candidates(target);
  const path = paths.find(isThere);
  if (path !== undefined) return path;
  throw backendUnavailableError(
    isInPackage ? `no prebuilt addon for ${target}; compile it with: npx ringlet build` : BUNDLED,
  );
}

/** @throws ERR_RINGLET_UNAVAILABLE, with the reason. */
export function loadAddon(): unknown {
  const path = addonPath();
  try {
    // From anywhere: the path is absolute. By Node's own loader, which has one of each file in a thread.
    return createRequire('/')(path);
  } catch (error) {
    const [line] = String((error as Error).message).split('\n', 1);
    throw backendUnavailableError(`the native addon could not be loaded: ${line}`);
  }
}
