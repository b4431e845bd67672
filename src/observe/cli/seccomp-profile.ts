/** `ringlet seccomp-profile`: a container engine's seccomp profile with the three calls of io_uring allowed. No output here. */

const CALLS = ['io_uring_setup', 'io_uring_enter', 'io_uring_register'];
const ALLOW = 'SCMP_ACT_ALLOW';

/** What a rule is, as far as it matters here; everything else of a profile stays as it is. */
interface Rule {
  names: string[];
}

interface Profile {
  defaultAction: string;
  syscalls: Rule[];
}

function isProfile(value: unknown): value is Profile {
  if (typeof value !== 'object' || value === null) return false;
  const { defaultAction, syscalls } = value as Partial<Profile>;
  return (
    typeof defaultAction === 'string' &&
    Array.isArray(syscalls) &&
    syscalls.every((rule: unknown) => Array.isArray((rule as Partial<Rule> | null)?.names))
  );
}

/** The profile's other rules say nothing of the calls any more, so that none contradicts the one that is added. */
export function allowIoUring(profile: Profile): Profile {
  const others = profile.syscalls
    .map((rule) => ({ ...rule, names: rule.names.filter((name) => !CALLS.includes(name)) }))
    .filter(({ names }) => names.length > 0);
  return { ...profile, syscalls: [...others, { names: CALLS, action: ALLOW } as Rule] };
}

/**
 * @param text a profile as Docker, Podman, containerd and the kubelet read it.
 * @throws SyntaxError for what is none.
 */
export function makeProfile(text: string): string {
  const profile: unknown = JSON.parse(text);
  if (!isProfile(profile))
    throw new SyntaxError('this is no seccomp profile with a defaultAction and syscalls');
  return `${JSON.stringify(allowIoUring(profile), null, 2)}\n`;
}
