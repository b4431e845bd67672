/**
 * Two network namespaces and a link between them, which tests may cut, delay, narrow and spoil.
 *
 * Their names carry this process's id, and they are removed after the suite, whether its tests pass or not.
 * Where none can be made, the suite is skipped with the reason.
 */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { type ChildOptions, type ChildOutcome, expectCleanExit, PACKAGE_ROOT, runProgram } from './child.js';
import { within } from './eventually.js';
import { ENVIRONMENT } from './programs.js';
import { skip } from './skip.js';
import { python } from './python.js';

const WIRE = join(PACKAGE_ROOT, 'test/support/wire.py');

/** What the wire does to a packet: see wire.py. */
export interface WireSettings {
  loss?: number;
  duplicate?: number;
  corrupt?: number;
  delayMs?: number;
  jitterMs?: number;
  isCut?: boolean;
}

/** Packets of one protocol in one direction. */
export interface WireCounts {
  taken: number;
  lost: number;
  duplicated: number;
  corrupted: number;
  delivered: number;
}

type Protocol = 'udp' | 'tcp' | 'icmp' | 'other';

const NONE: WireCounts = { taken: 0, lost: 0, duplicated: 0, corrupted: 0, delivered: 0 };

/** A wire in user space, in place of `tc netem`, which many kernels are built without. */
export class Wire {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(a: Host, b: Host) {
    this.#child = spawn(python(), [WIRE, a.name, b.name], {
      env: ENVIRONMENT,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  static async open(a: Host, b: Host): Promise<Wire> {
    const wire = new Wire(a, b);
    await wire.#answer();
    return wire;
  }

  async #answer(): Promise<{ aToB: Record<string, WireCounts>; bToA: Record<string, WireCounts> }> {
    const { value, done } = await within('an answer of the wire', this.#lines.next());
    if (done) throw new Error('the wire has ended');
    return JSON.parse(value as string);
  }

  /** From now on; what is not named stays. */
  async set(settings: WireSettings): Promise<void> {
    this.#child.stdin.write(`${JSON.stringify(settings)}\n`);
    await this.#answer();
  }

  /** Since it was made. */
  async counts(direction: 'aToB' | 'bToA', protocol: Protocol): Promise<WireCounts> {
    this.#child.stdin.write('{}\n');
    return (await this.#answer())[direction][protocol] ?? NONE;
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    await within('the end of the wire', ended);
  }
}

/** One of the namespaces. */
export class Host {
  readonly name: string;
  /** IPv4 and IPv6, /24 and /64. */
  readonly address: string;
  readonly address6: string;

  constructor(name: string, number: number) {
    this.name = name;
    this.address = `10.77.0.${number}`;
    this.address6 = `fd77::${number}`;
  }

  /** What to put before a program so that it runs here. */
  get launcher(): string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  /** Runs a program here to its end. */
  exec(argv: readonly string[], options: ChildOptions = {}): Promise<ChildOutcome> {
    return runProgram(argv, { ...options, launcher: this.launcher });
  }

  /** Runs lines of shell here, each of which has to succeed; their output. */
  async shell(...lines: string[]): Promise<string> {
    const outcome = await this.exec(['sh', '-ec', lines.join('\n')]);
    expectCleanExit(outcome);
    return outcome.stdout;
  }

  /** The kernel's counters of a protocol here, such as `Udp`, by their names in /proc/net/snmp. */
  async counters(protocol: 'Ip' | 'Udp' | 'Tcp'): Promise<Record<string, number>> {
    const lines = (await this.shell('cat /proc/net/snmp')).split('\n');
    const [names = [], values = []] = lines
      .filter((line) => line.startsWith(`${protocol}: `))
      .map((line) => line.split(' ').slice(1));
    return Object.fromEntries(names.map((name, index) => [name, Number(values[index])]));
  }
}

export interface Network {
  readonly a: Host;
  readonly b: Host;
  /** The device of both, by its name. */
  readonly device: string;
  readonly wire: Wire;
}

/** Why no network can be made here; null when it can. */
function refusal(link: 'wire' | 'veth'): string | null {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const name = `ringlet-${process.pid}-probe`;
  try {
    execFileSync('ip', ['netns', 'add', name], { env: ENVIRONMENT, stdio: 'pipe' });
    execFileSync('ip', ['netns', 'del', name], { env: ENVIRONMENT, stdio: 'pipe' });
    if (link === 'wire') {
      execFileSync(python(), ['-c', "open('/dev/net/tun', 'rb')"], { env: ENVIRONMENT, stdio: 'pipe' });
    }
  } catch (error) {
    return `no network namespaces with a link can be made: ${(error as Error).message.trim()}`;
  }
  return null;
}

let networkCount = 0;

/** Call inside `describe`: one network for all tests of the suite. */
export function networkForSuite(link: 'wire' | 'veth'): Network {
  networkCount += 1;
  const name = `ringlet-${process.pid}-${networkCount}`;
  const a = new Host(`${name}a`, 1);
  const b = new Host(`${name}b`, 2);
  const device = link === 'wire' ? 'wire0' : 'veth0';
  let wire: Wire | undefined;

  before('making two network namespaces', async function () {
    const reason = refusal(link);
    if (reason) skip(this, reason);
    for (const host of [a, b]) execFileSync('ip', ['netns', 'add', host.name], { env: ENVIRONMENT });
    if (link === 'wire') wire = await Wire.open(a, b);
    else await a.shell(`ip link add ${device} type veth peer name ${device} netns ${b.name}`);
    for (const host of [a, b]) {
      await host.shell(
        'ip link set lo up',
        `ip address add ${host.address}/24 dev ${device}`,
        `ip address add ${host.address6}/64 dev ${device} nodad`,
        // The wire loses packets, not the device before it.
        `ip link set ${device} txqueuelen 20000 up`,
      );
    }
  });

  after('removing the network namespaces', async () => {
    await wire?.close();
    for (const host of [a, b]) {
      await runProgram(['ip', 'netns', 'del', host.name]);
    }
  });

  return {
    a,
    b,
    device,
    get wire() {
      if (!wire) throw new Error('this link has no wire');
      return wire;
    },
  };
}
