/** What can be done about what a probe has found: each finding in a sentence, and its remedy. No output here. */
import type { Probe } from '../probe.js';

export interface Advice {
  /** 'problem': no ring here at all. 'hint': it works, and could work better. */
  kind: 'problem' | 'hint';
  finding: string;
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
  if (hasSeccompFilter) return [adviseOnSeccomp(container)];
  return [
    problem(
      'A security module, such as SELinux, or a restriction on the process forbids io_uring.',
      "Look for the refusal in the audit log (ausearch -m avc), and allow it in that module's policy.",
    ),
  ];
}

function adviseOnSeccomp(container: Probe['container']): Advice {
  const finding =
    'A seccomp filter refuses the calls, as the default profiles of Docker (since 25.0) and containerd do.';
  const calls = 'io_uring_setup, io_uring_enter and io_uring_register';
  switch (container) {
    case 'kubernetes':
      return problem(
        finding,
        `Give the pod a profile that allows ${calls}: securityContext.seccompProfile of type Localhost.`,
      );
    case 'docker':
    case 'podman':
      return problem(
        finding,
        `${container} run --security-opt seccomp=profile.json, with a profile that also allows ${calls}.`,
      );
    default:
      return problem(finding, `Use a profile that allows ${calls}.`);
  }
}

function adviseOnRefusal({ refusal, limits, security }: Probe): Advice[] {
  switch (refusal) {
    case 'ENOSYS':
      return [
        security.hasSeccompFilter
          ? problem(
              'The kernel has no io_uring, or a seccomp filter hides it.',
              'Try it outside of the container; gVisor and some emulators have none.',
            )
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
      `A default ring and its receive buffers take more memory than may be locked (RLIMIT_MEMLOCK: ${limit} bytes for the user), so rings that leave the choice open run on Node's own modules.`,
      'Raise it: ulimit -l unlimited, LimitMEMLOCK=infinity of a systemd unit, docker run --ulimit memlock=-1.',
    ),
  ];
}

function adviseOnAddon({ platform, isAddonLoaded, reason }: Probe): Advice[] {
  if (platform !== 'linux') {
    return [
      problem(
        `io_uring is Linux only, and this is ${platform}.`,
        'Nothing needs doing: the API is the same here.',
      ),
    ];
  }
  if (isAddonLoaded) return [];
  return [
    problem(
      `The native addon is not usable: ${reason ?? 'for a reason unknown'}.`,
      'With g++ or clang++ (C++20) at hand: npx ringlet build. Under --permission, add --allow-addons.',
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

function adviseOnSqPoll({ isAvailable, sqPoll, profiles, limits }: Probe): Advice[] {
  if (!isAvailable || sqPoll.isAdvised) return [];
  if (!sqPoll.isAllowed) {
    return [
      hint(
        `SQ polling is refused with ${profiles.sqPoll.answer}; rings that ask for it run without.`,
        'Before Linux 5.13 it needs CAP_SYS_NICE.',
      ),
    ];
  }
  const few =
    limits.cpuQuota === null || limits.cpuQuota >= limits.cpus.length
      ? `${limits.cpus.length} CPU`
      : `a quota of ${limits.cpuQuota} CPUs`;
  return [
    hint(
      `With ${few}, an SQ thread takes the processor from the process that it serves.`,
      'Leave sqPoll off here, or grant two CPUs or more.',
    ),
  ];
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
    ...adviseOnAddon(probe),
    ...adviseOnPermission(probe),
    ...adviseOnRefusal(probe),
    ...adviseOnLockedMemory(probe),
    ...adviseOnKernel(probe),
    ...adviseOnSqPoll(probe),
    ...adviseOnLimits(probe),
  ];
}
