/** Where the headers of the running Node are: Node-API's and libuv's. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folders of an installation, or of Node's sources, or null. */
function headersOf(prefix) {
  const layouts = [
    [join(prefix, 'include', 'node')],
    [join(prefix, 'src'), join(prefix, 'deps', 'uv', 'include')],
  ];
  return layouts.find(([first]) => existsSync(join(first, 'node_api.h'))) ?? null;
}

/** Downloads them, where npm or another package manager has put node-gyp on the PATH. */
function download(folder) {
  const { status } = spawnSync('node-gyp', ['install', '--ensure', `--devdir=${folder}`], {
    stdio: 'ignore',
  });
  return status === 0 ? headersOf(join(folder, process.versions.node)) : null;
}

/** Folders to look for headers in; `cache` is one to download them to. Throws where there are none to be had. */
export function findHeaders(cache) {
  const prefix = process.env.npm_config_nodedir ?? dirname(dirname(process.execPath));
  const found = headersOf(prefix) ?? download(cache);
  if (found) return found;
  throw new Error(
    `Node's headers are neither under ${prefix}, nor could node-gyp download them: install those of ${process.version} ` +
      '(libnode-dev on Debian, nodejs-dev on Alpine), or name their folder by npm_config_nodedir',
  );
}
