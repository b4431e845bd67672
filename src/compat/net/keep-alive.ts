/** `setKeepAlive` in its forms. */
import { isNodeAtLeast } from '../../base/node-version.js';

/** As an object, which Node takes from 24 on. */
export interface KeepAliveOptions {
  /** Whether an idle connection is probed. Default false. */
  enable?: boolean | undefined;
  /** Milliseconds of silence before the first probe. */
  initialDelay?: number | undefined;
  /** Milliseconds between probes. */
  interval?: number | undefined;
  /** Probes until the peer is given up. */
  count?: number | undefined;
}

/** As a backend takes it. */
export interface KeepAlive {
  /** -1 for off. */
  keepAliveSeconds: number;
  keepAliveIntervalSeconds?: number;
  keepAliveProbes?: number;
}

const isInNode = isNodeAtLeast(24);

export function readKeepAlive(parameters: readonly unknown[]): KeepAlive {
  const [first] = parameters;
  const isObject = isInNode && typeof first === 'object' && first !== null;
  const { enable, initialDelay, interval, count } = (isObject ? first : {}) as KeepAliveOptions;
  const [isOn, delayMs, intervalMs, probes] = isObject ? [enable, initialDelay, interval, count] : parameters;
  return {
    keepAliveSeconds: isOn ? toCount(Number(delayMs) / 1000) : -1,
    ...(isInNode &&
      intervalMs !== undefined && { keepAliveIntervalSeconds: toCount(Number(intervalMs) / 1000) }),
    ...(isInNode && probes !== undefined && { keepAliveProbes: toCount(Number(probes)) }),
  };
}

/** Not less than 0, and 0 for what is no number. */
function toCount(value: number): number {
  return value > 0 ? Math.floor(Math.min(value, COUNT_MAX)) : 0;
}

const COUNT_MAX = 32_767;
