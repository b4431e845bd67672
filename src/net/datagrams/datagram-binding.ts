/** What `DatagramSocket.bind` can be asked for, and the checks on it. */
import { EINVAL } from '../../base/errno.js';
import {
  checkBoolean,
  checkInteger,
  checkOneOf,
  checkOptions,
  checkString,
  mapArray,
  type OptionNames,
} from '../../base/validate.js';
import {
  type AddressFamily,
  anyAddress,
  checkPort,
  familyOf,
  readHost,
  resolveAddress,
} from '../../contract/address.js';
import { ANCILLARY_FIELDS, type AncillaryField } from '../../contract/ancillary.js';
import type { DatagramBinding } from '../../contract/backend.js';
import { checkUnixPath } from '../../contract/unix-path.js';
import { addressError, invalidArgValue, outOfRange } from '../../errors/index.js';
import type { Ring } from '../../ring/ring.js';
import { PATH_MTU_DISCOVERIES, type PathMtuDiscovery } from './datagram-settings.js';

const MESSAGE_BYTES_MAX = 65_536;
/** The most that the kernel merges: the payload of the longest IPv4 datagram. */
const MERGED_BYTES_MAX = 65_507;
/** IFNAMSIZ without the NUL. */
const DEVICE_NAME_BYTES_MAX = 15;
const SOCKET_BUFFER_BYTES_MAX = 2 ** 31 - 1;
const FAMILIES = ['IPv4', 'IPv6', 'Unix'] as const;
const UNIX_ANCILLARY_FIELDS: readonly AncillaryField[] = ['timestamp', 'droppedCount', 'credentials'];
const IP_ANCILLARY_FIELDS = ANCILLARY_FIELDS.filter((field) => field !== 'credentials');
/** Options that say nothing of a Unix socket. */
const IP_OPTIONS = [
  'port',
  'address',
  'host',
  'ipv6Only',
  'reuseAddress',
  'reusePort',
  'broadcast',
  'receiveOffload',
  'device',
  'nonLocal',
  'pathMtuDiscovery',
] as const;

/** What `DatagramSocket.bind` can be asked for. */
export interface DatagramBindOptions {
  /** 0 to 65535; 0 takes a free one. Default 0. */
  port?: number | undefined;
  /** A literal address, or a name to look up. Default: every address of the machine. */
  address?: string | undefined;
  /** The same as `address`. */
  host?: string | undefined;
  /**
   * A Unix datagram socket: a path, which must not exist and which the close removes, or an abstract name,
   * which begins with NUL; 107 bytes at most. io_uring only.
   */
  path?: string | undefined;
  /**
   * Default: the address's own, and IPv4 for names and without one. 'Unix' without `path` takes a free
   * abstract name, as a port of 0 takes a free port.
   */
  family?: AddressFamily | 'Unix' | undefined;
  /** For an IPv6 socket: whether IPv4 is left out. Otherwise it comes as `::ffff:1.2.3.4`. Default false. */
  ipv6Only?: boolean | undefined;
  /** SO_REUSEADDR. Default false. */
  reuseAddress?: boolean | undefined;
  /** SO_REUSEPORT: sockets that all ask for it share a port, and the kernel spreads what comes. Default false. */
  reusePort?: boolean | undefined;
  /** Whether broadcast addresses may be sent to. Default false. */
  broadcast?: boolean | undefined;
  /** SO_RCVBUF in bytes, which Linux doubles and limits (net.core.rmem_max). Default: the system's. */
  receiveBufferBytes?: number | undefined;
  /** SO_SNDBUF in bytes, which Linux doubles and limits (net.core.wmem_max). Default: the system's. */
  sendBufferBytes?: number | undefined;
  /**
   * The longest message to be received whole, in bytes, up to 65,536: the socket uses the smallest of the
   * ring's `receiveBuffers` that hold it. Default: 0, the first of them. A longer message is truncated.
   */
  messageBytes?: number | undefined;
  /**
   * What each message is to tell beside its bytes and its sender: 'local' (with `interfaceIndex`), 'ecn',
   * 'timestamp', 'droppedCount'; 'timestamp', 'droppedCount' and 'credentials' of a Unix socket. See
   * DatagramMessage. Costs nothing where it is not asked for. Default: none. io_uring only.
   */
  ancillary?: readonly AncillaryField[] | undefined;
  /**
   * Whether the kernel may hand over datagrams that one sender has sent in a row, of one size, in one piece
   * (UDP_GRO, Linux 5.0), which costs far less each. They come as the messages that they were. Takes
   * `receiveBuffers` of 65,507 bytes or more. Default false. io_uring only.
   */
  receiveOffload?: boolean | undefined;
  /**
   * The name of an interface (SO_BINDTODEVICE): nothing comes from, or leaves by, any other. ENODEV if there
   * is none. io_uring only.
   */
  device?: string | undefined;
  /** Whether `address` need not be one of the machine's, or not yet (IP_FREEBIND). Default false. io_uring only. */
  nonLocal?: boolean | undefined;
  /** Default: the system's, mostly 'want'. io_uring only. */
  pathMtuDiscovery?: PathMtuDiscovery | undefined;
  /** The ring to run on. Default: the one that `fs` uses. */
  ring?: Ring | undefined;
  /** Ends the look-up of a name. */
  signal?: AbortSignal | undefined;
}

const BIND_OPTIONS: OptionNames<DatagramBindOptions> = {
  port: true,
  address: true,
  host: true,
  path: true,
  family: true,
  ipv6Only: true,
  reuseAddress: true,
  reusePort: true,
  broadcast: true,
  receiveBufferBytes: true,
  sendBufferBytes: true,
  messageBytes: true,
  ancillary: true,
  receiveOffload: true,
  device: true,
  nonLocal: true,
  pathMtuDiscovery: true,
  ring: true,
  signal: true,
};

type FlagName = 'ipv6Only' | 'reuseAddress' | 'reusePort' | 'broadcast' | 'receiveOffload' | 'nonLocal';
type BufferName = 'receiveBufferBytes' | 'sendBufferBytes';

/** With an `address` that may still be a name. */
export function readBindOptions(value: unknown): DatagramBinding {
  const options = checkOptions<DatagramBindOptions>(value, BIND_OPTIONS);
  const flag = (name: FlagName): boolean => checkBoolean(options[name] ?? false, `options.${name}`);
  const bytes = (name: BufferName): number =>
    checkInteger(options[name] ?? 0, `options.${name}`, 0, SOCKET_BUFFER_BYTES_MAX);
  const { family, ...place } = readPlace(options);
  const messageBytes = checkInteger(options.messageBytes ?? 0, 'options.messageBytes', 0, MESSAGE_BYTES_MAX);
  const receiveOffload = flag('receiveOffload');
  return {
    family,
    ...place,
    ipv6Only: flag('ipv6Only'),
    reuseAddress: flag('reuseAddress'),
    reusePort: flag('reusePort'),
    broadcast: flag('broadcast'),
    receiveBufferBytes: bytes('receiveBufferBytes'),
    sendBufferBytes: bytes('sendBufferBytes'),
    ancillary: readAncillaryFields(options.ancillary ?? [], family),
    receiveOffload,
    device: readDevice(options.device),
    nonLocal: flag('nonLocal'),
    pathMtuDiscovery: readPathMtuDiscovery(options.pathMtuDiscovery),
    messageBytes: receiveOffload ? Math.max(messageBytes, MERGED_BYTES_MAX) : messageBytes,
  };
}

function readPlace(
  options: DatagramBindOptions,
): Pick<DatagramBinding, 'family' | 'address' | 'port' | 'path'> {
  const { path, family } = options;
  const wanted = family === undefined ? undefined : checkOneOf(family, 'options.family', FAMILIES);
  if (path !== undefined || wanted === 'Unix') {
    if (wanted !== undefined && wanted !== 'Unix') {
      throw invalidArgValue('options.path', path, `is not for the family '${wanted}'`);
    }
    const name = path === undefined ? '' : checkUnixPath(path, 'options.path');
    const foreign = IP_OPTIONS.find((option) => options[option] !== undefined);
    if (foreign !== undefined) {
      throw invalidArgValue(`options.${foreign}`, options[foreign], 'is not for Unix sockets');
    }
    return { family: 'Unix', address: '', port: 0, path: name };
  }
  const given = readHost(options) ?? '';
  const found = wanted ?? familyOf(given) ?? 'IPv4';
  const port = checkPort(options.port ?? 0, 'options.port');
  return { family: found, address: given || anyAddress(found), port, path: undefined };
}

function readAncillaryFields(value: unknown, family: DatagramBinding['family']): readonly AncillaryField[] {
  const allowed = family === 'Unix' ? UNIX_ANCILLARY_FIELDS : IP_ANCILLARY_FIELDS;
  const name = 'options.ancillary';
  return mapArray(value, name, (each, index) => checkOneOf(each, `${name}[${index}]`, allowed));
}

function readDevice(value: unknown): string {
  if (value === undefined) return '';
  const device = checkString(value, 'options.device');
  const bytes = Buffer.byteLength(device);
  if (bytes > 0 && bytes <= DEVICE_NAME_BYTES_MAX && !device.includes('\0')) return device;
  throw invalidArgValue('options.device', device, `must have 1 to ${DEVICE_NAME_BYTES_MAX} bytes`);
}

function readPathMtuDiscovery(value: unknown): number {
  if (value === undefined) return -1;
  const mode = checkOneOf<unknown>(value, 'options.pathMtuDiscovery', PATH_MTU_DISCOVERIES);
  return (PATH_MTU_DISCOVERIES as readonly unknown[]).indexOf(mode);
}

/** @param bytesMax the most that any of the ring's receive buffers holds. */
export function checkMessageBytes({ messageBytes, receiveOffload }: DatagramBinding, bytesMax: number): void {
  if (messageBytes <= bytesMax) return;
  if (receiveOffload) {
    const reason = `needs a ring with receiveBuffers of at least ${MERGED_BYTES_MAX} bytes`;
    throw invalidArgValue('options.receiveOffload', true, reason);
  }
  const range = `<= ${bytesMax}, the largest of the ring's receiveBuffers`;
  throw outOfRange('options.messageBytes', range, messageBytes);
}

/** Whether no name must be looked up. */
export function isResolved({ family, address }: DatagramBinding): boolean {
  return family === 'Unix' || familyOf(address) === family;
}

/** @throws EINVAL for what is no literal address of the family. */
export function checkResolved(binding: DatagramBinding): DatagramBinding {
  if (isResolved(binding)) return binding;
  throw addressError(EINVAL, 'bind', binding.address, binding.port);
}

/** The same with a literal address of its family. */
export async function resolveBinding(
  wanted: DatagramBinding,
  signal: AbortSignal | undefined,
): Promise<DatagramBinding> {
  const { family } = wanted;
  if (family === 'Unix') return wanted;
  return checkResolved({ ...wanted, address: await resolveAddress(wanted.address, family, signal) });
}
