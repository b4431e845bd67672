/** `ringlet doctor`: a probe's findings as a page of text. Makes the text; prints nothing. */
import type { Probe, ProbeTrial, ResourceLimit } from '../probe.js';
import { type Advice, advise } from './advice.js';

/** How parts of the page are set off; the plain one leaves them as they are. */
export interface Style {
  good(text: string): string;
  bad(text: string): string;
  title(text: string): string;
}

const LIST_COLUMNS = 100;

const PROFILE_LABELS: Readonly<Record<keyof Probe['profiles'], string>> = {
  defer: 'loop, defer',
  cooperative: 'loop, cooperative',
  interrupt: 'loop, interrupt',
  sqPoll: 'SQ polling',
  sqPollPinned: 'SQ polling, pinned',
  sqPollShared: 'SQ polling, shared thread',
};

const TRIAL_LABELS: Readonly<Record<keyof Probe['trials'], string>> = {
  multishotReceive: 'multishot receive',
  zeroCopySend: 'zero-copy send',
  bufferRing: 'buffer rings',
  incrementalBufferRing: 'incremental buffer rings',
  incrementalReceive: 'streams in incremental buffers',
  bundledReceive: 'receive bundles',
  sparseFileTable: 'registered files',
  emptiedFileTable: 'file table lets files go',
  registeredRingFd: 'registered ring descriptor',
  resizedRing: 'completion queue that grows',
  receivingRing: 'default ring that can receive',
};

/** Values of all sections stand under each other. */
const LABEL_COLUMNS = Math.max(
  ...[PROFILE_LABELS, TRIAL_LABELS].flatMap((labels) => Object.values(labels).map(({ length }) => length)),
);

function row(label: string, value: string): string {
  return `  ${label.padEnd(LABEL_COLUMNS)} ${value}`;
}

function limit(value: ResourceLimit | null, unit = ''): string {
  if (value === null) return 'unknown';
  const show = (amount: number | null): string => (amount === null ? 'unlimited' : `${amount}${unit}`);
  return `${show(value.soft)} (hard: ${show(value.hard)})`;
}

/** Names on as few lines as they need, the lines indented. */
function wrap(names: readonly string[]): string {
  const lines: string[] = [];
  let line = '';
  for (const name of names) {
    if (line !== '' && line.length + name.length + 1 > LIST_COLUMNS) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? name : `${line} ${name}`;
  }
  if (line !== '') lines.push(line);
  return lines.map((text) => `  ${text}`).join('\n');
}

function trialRow(label: string, { isSupported, answer }: ProbeTrial, style: Style, more = ''): string {
  const verdict = isSupported ? style.good('yes') : style.bad('no');
  const why = answer === 'ok' ? '' : ` (${answer})`;
  return row(label, `${verdict}${why}${more}`);
}

function headline(probe: Probe, style: Style): string {
  if (probe.isAvailable) return style.good('io_uring works here.');
  const instead = probe.fallback === 'epoll' ? 'in user space, on epoll,' : "on Node's own modules";
  return `${style.bad('io_uring does not work here:')} ${probe.reason}.\nRings run ${instead} instead.`;
}

function surroundings({ kernel, architecture, host, container, security }: Probe): string[] {
  const sysctl = security.ioUringDisabled;
  return [
    row('kernel', kernel),
    row('processor', `${architecture}, ${host.processor ?? 'unknown'}`),
    row('runtime', host.runtime),
    row('C library', host.libc ?? 'unknown'),
    row('started by', host.packageManager ?? 'no package manager'),
    row('container', container ?? 'none seen'),
    row(
      'kernel.io_uring_disabled',
      sysctl === null ? 'not to be read (there since Linux 6.6)' : String(sysctl),
    ),
    row('seccomp filter', security.hasSeccompFilter ? 'yes' : 'none'),
  ];
}

function limits({ limits: { openFiles, lockedMemoryBytes, cpus, cpuQuota }, busyCpus }: Probe): string[] {
  return [
    row('CPUs', cpus.length === 0 ? 'unknown' : `${cpus.length}: ${cpus.join(', ')}`),
    row('CPUs busy', `${busyCpus.toFixed(1)}, on the last minute's average`),
    row('CPU quota', cpuQuota === null ? 'none' : String(cpuQuota)),
    row('open files', limit(openFiles)),
    row('locked memory', limit(lockedMemoryBytes, ' bytes')),
  ];
}

function profiles(probe: Probe, style: Style): string[] {
  return Object.entries(PROFILE_LABELS).map(([name, label]) => {
    const profile = probe.profiles[name as keyof Probe['profiles']];
    const flags = profile.flags.length === 0 ? '' : `  ${profile.flags.join(' ')}`;
    return trialRow(label, profile, style, flags);
  });
}

function trials(probe: Probe, style: Style): string[] {
  return Object.entries(TRIAL_LABELS).map(([name, label]) =>
    trialRow(label, probe.trials[name as keyof Probe['trials']], style),
  );
}

function loss({ what, reason }: Probe['degraded'][number]): string {
  return `  ${what}\n${wrap(reason.split(' ')).replaceAll(/^/gm, '  ')}`;
}

function opcodes(probe: Probe): string[] {
  const names = Object.keys(probe.opcodes);
  const missing = names.filter((name) => probe.opcodes[name] === false);
  // No ring, no answers.
  if (missing.length === names.length) return [];
  const count = `  ${names.length - missing.length} of ${names.length} known here.`;
  return missing.length === 0 ? [count] : [`${count} Missing:`, wrap(missing)];
}

function adviceText({ kind, finding, remedy }: Advice, style: Style): string {
  const mark = kind === 'problem' ? style.bad('problem') : style.title('hint');
  const indented = (text: string): string => wrap(text.split(' ')).replaceAll(/^/gm, '  ');
  const [first = '', ...rest] = indented(`${kind}: ${finding}`).trimStart().slice(kind.length).split('\n');
  return [`  ${mark}${first}`, ...rest, ...remedy.split('\n').map(indented)].join('\n');
}

/** The page, with a newline at its end. */
export function renderDoctor(probe: Probe, style: Style): string {
  const section = (title: string, lines: readonly string[]): string =>
    lines.length === 0 ? '' : `\n${style.title(title)}\n${lines.join('\n')}\n`;
  const advice = advise(probe).map((each) => adviceText(each, style));
  return [
    `${headline(probe, style)}\n`,
    section('Surroundings', surroundings(probe)),
    section('Limits', limits(probe)),
    section('Kinds of ring', probe.isAddonLoaded ? profiles(probe, style) : []),
    section('By trial', probe.isAddonLoaded ? trials(probe, style) : []),
    section('Without, on this kernel', probe.degraded.map(loss)),
    section('Features', probe.features.length === 0 ? [] : [wrap(probe.features)]),
    section('Opcodes', opcodes(probe)),
    section('Advice', advice.length === 0 ? ['  None.'] : advice),
  ].join('');
}
