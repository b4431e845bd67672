/** What decides on a ring's backend before the kernel is asked: the runtime, the operator, Node's permission model. */

import { hasPermissionModel } from '../base/permission-model.js';
import { checkOneOf } from '../base/validate.js';
import type { RingSettings } from '../contract/ring-settings.js';

type Choice = RingSettings['backend'];

const VARIABLE = 'RINGLET_BACKEND';

/**
 * The runtime's name and version where it is not Node. Bun and Deno load addons too, but the process ends when one
 * asks for a place in the event loop, which is libuv's in Node alone.
 */
export function foreignRuntime(): string | null {
  const { bun, deno } = process.versions;
  if (bun !== undefined) return `Bun ${bun}`;
  if (deno !== undefined) return `Deno ${deno}`;
  return null;
}

/** What the environment says about rings that leave the choice open. @throws ERR_INVALID_ARG_VALUE for other words. */
function operatorChoice(): Choice {
  const value = process.env[VARIABLE];
  if (!value) return 'auto';
  return checkOneOf(value, `process.env.${VARIABLE}`, ['auto', 'io_uring', 'epoll', 'node']);
}

interface Ruling {
  /** 'auto': io_uring where it can be had, else epoll, else Node. */
  choice: Choice;
  /** What has made 'node' or 'epoll' of 'auto', and why in words; null where nothing has. */
  by: 'environment' | 'permission' | null;
  reason: string | null;
}

/** @param wanted what the ring's options say. Only 'auto' is open to others. */
export function ruleOn(wanted: Choice): Ruling {
  if (wanted !== 'auto') return { choice: wanted, by: null, reason: null };
  const choice = operatorChoice();
  if (choice === 'node' || choice === 'epoll') {
    return { choice, by: 'environment', reason: `${VARIABLE} is '${choice}' in the environment` };
  }
  if (choice === 'auto' && hasPermissionModel()) {
    const reason = 'the permission model is on (--permission), which a ring does not heed';
    return { choice: 'node', by: 'permission', reason };
  }
  return { choice, by: null, reason: null };
}
