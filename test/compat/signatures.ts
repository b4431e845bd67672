/** What each call takes, place by place. Their order is that of Node's documentation. */
import {
  ACCESS_MODES,
  type Argument,
  BIGINT_OPTIONS,
  BUFFER_LISTS,
  BUFFERS,
  CONTENTS,
  COPY_MODES,
  COUNTS,
  CP_OPTIONS,
  ENCODINGS,
  FLAGS,
  GLOB_OPTIONS,
  GLOB_PATTERNS,
  IDS,
  LENGTHS,
  LOOK_ONLY_PATHS,
  MKDIR_OPTIONS,
  MODES,
  ODD_TYPES,
  OFFSETS,
  OPENDIR_OPTIONS,
  PATH_STAT_OPTIONS,
  PATHS,
  plains,
  POSITIONS,
  PREFIXES,
  READ_COUNTS,
  READ_FILE_OPTIONS,
  READ_LINES_OPTIONS,
  READ_OPTIONS,
  READ_TARGETS,
  READDIR_OPTIONS,
  RM_OPTIONS,
  STAT_OPTIONS,
  STREAM_READ_OPTIONS,
  STREAM_WRITE_OPTIONS,
  SYMLINK_TYPES,
  TIMES,
  under,
  WEB_STREAM_OPTIONS,
  WRITE_FILE_OPTIONS,
  WRITE_OPTIONS,
  WRITE_TARGETS,
} from './arguments.js';

type Places = readonly (readonly Argument[])[];

export interface Signature {
  readonly method: string;
  readonly places: Places;
}

/** Of a handle: also how the file was opened, of which each is tried. */
export interface HandleSignature extends Signature {
  readonly file: string;
  readonly flags: readonly string[];
}

const NEW_NAMES: readonly Argument[] = [...plains('new'), ...PATHS];
const DIRECTORIES: readonly Argument[] = [...plains('full', 'dir', 'dirlink', '.'), ...PATHS];

function call(method: string, ...places: Places): Signature {
  return { method, places };
}

export const CALLS: readonly Signature[] = [
  call('access', LOOK_ONLY_PATHS, ACCESS_MODES),
  call('appendFile', WRITE_TARGETS, CONTENTS, WRITE_FILE_OPTIONS),
  call('chmod', PATHS, MODES),
  call('chown', PATHS, IDS, IDS),
  call('copyFile', PATHS, NEW_NAMES, COPY_MODES),
  call('cp', PATHS, NEW_NAMES, CP_OPTIONS),
  call('lchmod', PATHS, MODES),
  call('lchown', PATHS, IDS, IDS),
  call('lutimes', PATHS, TIMES, TIMES),
  call('link', PATHS, NEW_NAMES),
  call('lstat', LOOK_ONLY_PATHS, STAT_OPTIONS),
  call('mkdir', NEW_NAMES, MKDIR_OPTIONS),
  call('mkdtemp', PREFIXES, ENCODINGS),
  call('mkdtempDisposable', PREFIXES, ENCODINGS),
  call('open', PATHS, FLAGS, MODES),
  call('opendir', DIRECTORIES, OPENDIR_OPTIONS),
  call('readdir', DIRECTORIES, READDIR_OPTIONS),
  call('readFile', READ_TARGETS, READ_FILE_OPTIONS),
  call('readlink', [...plains('link'), ...LOOK_ONLY_PATHS], [...ENCODINGS, ...under('encoding', ENCODINGS)]),
  call('realpath', LOOK_ONLY_PATHS, [...ENCODINGS, ...under('encoding', ENCODINGS)]),
  call('rename', PATHS, NEW_NAMES),
  call('rmdir', [...plains('dir'), ...PATHS], [...plains(undefined), ...RM_OPTIONS]),
  call('rm', PATHS, RM_OPTIONS),
  call('stat', LOOK_ONLY_PATHS, PATH_STAT_OPTIONS),
  call('statfs', LOOK_ONLY_PATHS, BIGINT_OPTIONS),
  call('symlink', PATHS, NEW_NAMES, SYMLINK_TYPES),
  call('truncate', PATHS, LENGTHS),
  call('unlink', PATHS),
  call('utimes', PATHS, TIMES, TIMES),
  call('writeFile', WRITE_TARGETS, CONTENTS, WRITE_FILE_OPTIONS),
  call('glob', GLOB_PATTERNS, GLOB_OPTIONS),
];

function handleCall(method: string, flags: string, file: string, ...places: Places): HandleSignature {
  return { method, places, file, flags: flags.split(' ') };
}

const TEXTS: readonly Argument[] = [...plains('abcd', '', 'ünï', 'abc', '€uro'), ...ODD_TYPES];

export const HANDLE_CALLS: readonly HandleSignature[] = [
  handleCall('appendFile', 'a r+ r', 'file', CONTENTS, WRITE_FILE_OPTIONS),
  handleCall('chmod', 'r', 'file', MODES),
  handleCall('chown', 'r', 'file', IDS, IDS),
  handleCall('close', 'r w', 'file'),
  handleCall('createReadStream', 'r w', 'text', STREAM_READ_OPTIONS),
  handleCall('createWriteStream', 'r+ a r', 'text', STREAM_WRITE_OPTIONS),
  handleCall('datasync', 'r r+', 'file'),
  handleCall('read', 'r', 'file', BUFFERS, OFFSETS, READ_COUNTS, POSITIONS),
  handleCall('read', 'r', 'file', [...BUFFERS, ...ODD_TYPES], [...plains(undefined), ...READ_OPTIONS]),
  handleCall('read', 'r', 'file', READ_OPTIONS),
  handleCall('read', 'w', 'file', BUFFERS, OFFSETS, READ_COUNTS),
  handleCall('read', 'r', 'dir', BUFFERS),
  handleCall('readableWebStream', 'r', 'text', WEB_STREAM_OPTIONS),
  handleCall('readFile', 'r r+ a+ w', 'text', READ_FILE_OPTIONS),
  handleCall('readFile', 'r', 'dir', READ_FILE_OPTIONS.slice(0, 3)),
  handleCall('readLines', 'r w', 'text', READ_LINES_OPTIONS),
  handleCall('readv', 'r a+ w', 'file', BUFFER_LISTS, POSITIONS),
  handleCall('stat', 'r w', 'file', STAT_OPTIONS),
  handleCall('sync', 'r r+', 'file'),
  handleCall('truncate', 'r+ a', 'file', LENGTHS),
  handleCall('truncate', 'r', 'file', LENGTHS),
  handleCall('utimes', 'r', 'file', TIMES, TIMES),
  handleCall('write', 'r+ a', 'file', BUFFERS, OFFSETS, COUNTS, POSITIONS),
  handleCall('write', 'r+ r', 'file', [...BUFFERS, ...ODD_TYPES], [...plains(undefined), ...WRITE_OPTIONS]),
  handleCall('write', 'r+ a', 'file', TEXTS, POSITIONS, ENCODINGS),
  handleCall('writev', 'r+ a r', 'file', BUFFER_LISTS, POSITIONS),
  handleCall('writeFile', 'r+ a r', 'file', CONTENTS, WRITE_FILE_OPTIONS),
];
