/** What can be done about what a probe has found: each finding in a sentence, and its remedy. No output here. */
import type { Probe } from '../probe.js';

export interface Advice {
  /** 'problem': no ring here at all. 'hint': it works, and could work better. */
  kind: 'problem' | 'hint';
  finding: string;
  /** Steps, a line each; what is to be typed stands on lines of its own. */
  remedy: string;
}

const OPEN_FILES_FEW = 1024;

function problem(finding: string, remedy: string): Advice {
  return { kind: 'problem', finding, remedy };
}

function hint(finding: string, remedy: string): Advice {
  return { kind: 'hint', finding, remedy };
}

/** EPERM has several causes, and the kernel does not say which. */
function adviseOnPermission({ refusal, security, container }: Probe): Advice[] {
  if (refusal !== 'EPERM' && refusal !== 'EACCES') return [];
  const { ioUringDisabled, ioUringGroup, isAdministrator, hasSeccompFilter } = security;
  if (ioUringDisabled === 2) {
    return [
      problem(
        'The administrator has switched io_uring off for everybody (kernel.io_uring_disabled is 2).',
        'On the host: sysctl -w kernel.io_uring_disabled=0, and the same line in /etc/sysctl.d to keep it.',
      ),
    ];
  }
  if (ioUringDisabled === 1 && !isAdministrator) {
    const group = (ioUringGroup ?? -1) < 0 ? 'which names no group yet' : `which is ${ioUringGroup}`;
    return [
      problem(
        'io_uring is for the privileged here (kernel.io_uring_disabled is 1).',
        `Put the process in the group kernel.io_uring_group, ${group}; or, on the host: sysctl -w kernel.io_uring_disabled=0.`,
      ),
    ];
  }
  if (hasSeccompFilter) return [adviseOnSeccomp(REFUSING, container)];
  return [
    problem(
      'A security module, such as SELinux, or a restriction on the process forbids io_uring.',
      "Look for the refusal in the audit log (ausearch -m avc), and allow it in that module's policy.",
    ),
  ];
}

/** Where each engine's own profile is, to be added to. */
const DEFAULT_PROFILES = {
  docker: "Docker's own profile is default.json in the repository moby/profiles. With io_uring:",
  podman: "Podman's own profile is /usr/share/containers/seccomp.json, default.json here. With io_uring:",
};

const REFUSING =
  'A seccomp filter refuses the calls, as the default profiles of Docker (since 25.0) and containerd do.';
const HIDING = "A seccomp filter hides io_uring, as Podman's default profile does, or the kernel has none.";

function adviseOnSeccomp(finding: string, container: Probe['container']): Advice {
  return problem(finding, remedyForSeccomp(container).join('\n'));
}

function remedyForSeccomp(container: Probe['container']): string[] {
  switch (container) {
    case 'kubernetes':
      return [
        "With the engine's own profile at hand, on each node:",
        'npx ringlet seccomp-profile default.json > /var/lib/kubelet/seccomp/ringlet.json',
        "And in the pod's securityContext (docs/containers.md has all of it):",
        'seccompProfile: { type: Localhost, localhostProfile: ringlet.json }',
      ];
    case 'docker':
    case 'podman':
      return [
        DEFAULT_PROFILES[container],
        'npx ringlet seccomp-profile default.json > ringlet.json',
        `${container} run --security-opt seccomp=ringlet.json …`,
      ];
    default:
      return [
        'In a systemd unit, whose lists have the three calls in @aio and @system-service:',
        'SystemCallFilter=@aio',
        'In a container, see docs/containers.md:',
        'npx ringlet seccomp-profile default.json > ringlet.json',
      ];
  }
}

function adviseOnRefusal({ refusal, limits, security, container }: Probe): Advice[] {
  switch (refusal) {
    case 'ENOSYS':
      return [
        security.hasSeccompFilter
          ? adviseOnSeccomp(HIDING, container)
          : problem(
              'The kernel was built without io_uring, or a sandbox hides it.',
              'Run on a kernel of 6.0 or newer with CONFIG_IO_URING.',
            ),
      ];
    case 'ENOMEM':
      return [
        problem(
          'Memory was refused even for a ring of a few entries.',
          limits.lockedMemoryBytes?.soft === null
            ? "Raise the memory limit of the container's control group."
            : "Raise the limit of locked memory (ulimit -l, LimitMEMLOCK=), or the control group's memory limit.",
        ),
      ];
    case 'EMFILE':
    case 'ENFILE':
      return [
        problem('There is no descriptor left for a ring.', 'Raise the limit of open files (ulimit -n).'),
      ];
    default:
      return [];
  }
}

function adviseOnLockedMemory({ isAvailable, trials, limits }: Probe): Advice[] {
  if (!isAvailable || trials.receivingRing.answer !== 'ENOMEM') return [];
  const limit = limits.lockedMemoryBytes?.soft;
  return [
    hint(
      `A default ring and its receive buffers take more memory than may be locked (RLIMIT_MEMLOCK: ${limit} bytes for the user), so rings that leave the choice open run in user space, on epoll.`,
      'Raise it: ulimit -l unlimited, LimitMEMLOCK=infinity of a systemd unit, docker run --ulimit memlock=-1.',
    ),
  ];
}

function adviseOnRuling({ ruledOutBy, reason, host }: Probe): Advice[] {
  switch (ruledOutBy) {
    case 'runtime':
      return [
        problem(
          `Rings need Node.js, whose event loop the addon lives in, and this is ${host.runtime}.`,
          'Run the program with node for a ring. Here the API is the same, on Node’s modules as the runtime has them.',
        ),
      ];
    case 'environment':
      return [
        problem(
          `The environment decides: ${reason}.`,
          'To see what could be had:\nenv -u RINGLET_BACKEND npx ringlet doctor',
        ),
      ];
    case 'permission':
      return [
        problem(
          'Node’s permission model is on, which a ring does not heed, so rings run on Node’s own modules, which do.',
          'If files may be reached past it:\nRINGLET_BACKEND=io_uring node --permission --allow-addons …',
        ),
      ];
    default:
      return [];
  }
}

/** How each package manager runs a package's command; npx for those that are not here. */
const RUNNERS: Readonly<Record<string, string>> = { pnpm: 'pnpm exec', yarn: 'yarn run', bun: 'bunx' };

function typed(command: string, { packageManager }: Probe['host']): string {
  const [name = ''] = packageManager?.split(' ') ?? [];
  return `${RUNNERS[name] ?? 'npx'} ringlet ${command}`;
}

function adviseOnAddon({ platform, isAddonLoaded, ruledOutBy, reason, host }: Probe): Advice[] {
  if (platform !== 'linux') {
    return [
      problem(
        `io_uring is Linux only, and this is ${platform}.`,
        'Nothing needs doing: the API is the same here.',
      ),
    ];
  }
  if (isAddonLoaded || ruledOutBy !== null) return [];
  return [
    problem(
      `The native addon is not usable: ${reason ?? 'for a reason unknown'}.`,
      [
        'With g++ or clang++ (C++20), make and Python 3 at hand:',
        typed('build', host),
        'No install script is missed where a package manager has blocked them: there is none. Under --permission, add --allow-addons.',
      ].join('\n'),
    ),
  ];
}

function adviseOnKernel({ isAvailable, isAddonLoaded, refusal, kernel, profiles }: Probe): Advice[] {
  if (!isAddonLoaded || refusal !== null) return [];
  if (!isAvailable) {
    return [problem(`The kernel is too old: ${kernel}, and ringlet needs 6.0.`, 'Run on a newer kernel.')];
  }
  if (profiles.defer.isSupported) return [];
  return [
    hint(
      `The kernel (${kernel}) has no DEFER_TASKRUN, so completions cost more.`,
      'Linux 6.1 or newer has it.',
    ),
  ];
}

function adviseOnSqPoll({ isAvailable, sqPoll, profiles, limits, busyCpus }: Probe): Advice[] {
  if (!isAvailable || sqPoll.isAdvised) return [];
  if (!sqPoll.isAllowed) {
    return [
      hint(
        `SQ polling is refused with ${profiles.sqPoll.answer}; rings that ask for it run without.`,
        'Before Linux 5.13 it needs CAP_SYS_NICE.',
      ),
    ];
  }
  return [
    hint(whyNoSpareCpu(limits, busyCpus), 'Leave sqPoll off here, or measure: docs/sq-poll.md has figures.'),
  ];
}

function whyNoSpareCpu({ cpus, cpuQuota }: Probe['limits'], busyCpus: number): string {
  if (cpuQuota !== null && cpuQuota < cpus.length) {
    return `With a quota of ${cpuQuota} CPUs, the time that an SQ thread spins is taken from the process that it serves.`;
  }
  if (cpus.length - busyCpus < 1 && cpus.length > 2) {
    return `Of ${cpus.length} CPUs ${busyCpus.toFixed(1)} are busy, and an SQ thread needs one that is idle.`;
  }
  const count = cpus.length === 1 ? 'one CPU' : `${cpus.length} CPUs`;
  return `With ${count}, an SQ thread takes the processor from the process that it serves, or from what that waits for.`;
}

function adviseOnLimits({ isAvailable, limits, trials }: Probe): Advice[] {
  const advice: Advice[] = [];
  const openFiles = limits.openFiles?.soft ?? Number.POSITIVE_INFINITY;
  if (openFiles < OPEN_FILES_FEW) {
    advice.push(
      hint(
        `Only ${openFiles} files may be open, table slots of rings included.`,
        'Raise it: ulimit -n, LimitNOFILE=, or --ulimit nofile= of a container.',
      ),
    );
  }
  if (isAvailable && !trials.registeredRingFd.isSupported) {
    advice.push(
      hint(
        `The kernel does not register ring descriptors (${trials.registeredRingFd.answer}).`,
        'Each system call costs a little more; nothing else.',
      ),
    );
  }
  return advice;
}

/** Problems first. Empty when everything is as it should be. */
export function advise(probe: Probe): Advice[] {
  return [
    ...adviseOnRuling(probe),
    ...adviseOnAddon(probe),
    ...adviseOnPermission(probe),
    ...adviseOnRefusal(probe),
    ...adviseOnLockedMemory(probe),
    ...adviseOnKernel(probe),
    ...adviseOnSqPoll(probe),
    ...adviseOnLimits(probe),
  ];
}
