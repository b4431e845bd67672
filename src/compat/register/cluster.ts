/** Whether the process is one of a cluster's, whose sockets pass from one to the other as Node's handles. */
import type cluster from 'node:cluster';
import { isLoaded } from './on-request.js';

/** A primary counts from its first worker on. */
export function isInCluster(): boolean {
  if (!isLoaded('cluster')) return false;
  const { isWorker, workers } = process.getBuiltinModule('node:cluster') as unknown as typeof cluster;
  return isWorker || Object.keys(workers ?? {}).length > 0;
}
