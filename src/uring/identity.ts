/**
 * Whom a ring acts for.
 *
 * An SQ-poll ring keeps the identity of its creation: the kernel thread opens files with the credentials
 * that the process had then, also after process.setuid() (Linux 6.18 and before). So such a ring remembers
 * them, and refuses what the kernel would check against them once the process has others.
 */
import { binding } from '../native/binding.js';

const EUID = 0;
const EGID = 1;
/** Effective capabilities, the low word first; supplementary groups follow. */
const CAPABILITIES = 2;
const GROUPS = 4;

function groupsText(groups: Uint32Array): string {
  return groups.length === 0 ? 'none' : groups.join(', ');
}

/** As /proc/self/status has it in CapEff. */
function capabilitiesText(words: Uint32Array): string {
  return [...words]
    .reverse()
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('');
}

export class Identity {
  /** Effective user and group, effective capabilities, the supplementary groups in the kernel's order. */
  readonly #creation = binding().processIdentity();

  /** A few system calls, without an allocation. */
  get hasChanged(): boolean {
    return !binding().hasIdentity(this.#creation);
  }

  /** What is different now, in words. */
  describeChange(): string {
    const [then, now] = [this.#creation, binding().processIdentity()];
    const changes: string[] = [];
    const note = (what: string, before: unknown, after: unknown): void => {
      if (before !== after) changes.push(`the ${what} was ${before} and is ${after}`);
    };
    note('effective user id', then[EUID], now[EUID]);
    note('effective group id', then[EGID], now[EGID]);
    // A change of user changes these too.
    const [capable, capableNow] = [then, now].map((all) =>
      capabilitiesText(all.subarray(CAPABILITIES, GROUPS)),
    );
    if (changes.length === 0) note('set of effective capabilities', capable, capableNow);
    note('list of supplementary groups', groupsText(then.subarray(GROUPS)), groupsText(now.subarray(GROUPS)));
    return changes.join(', ');
  }
}
