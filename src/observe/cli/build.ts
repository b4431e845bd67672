/** `ringlet build`: compiles the addon for this machine, by the script that the package brings. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Returns the script's exit status: 0 when the addon has been compiled; otherwise it has said why not. */
export function build(): number {
  const script = fileURLToPath(new URL('../../../scripts/build-native.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' });
  return status ?? 1;
}
