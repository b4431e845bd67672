/** What all errors with a stable code have in common: Node's looks. */

/** A mistake of the caller's, or a state that refuses the call; `code` is stable. */
export interface CodedError extends Error {
  code: string;
}

type ErrorClass = new (message: string) => Error;

/** Frames of these functions, errors and checks, only say that an argument was looked at, not who passed it. */
const CHECKING_FRAME = /^ {4}at (?:coded|outOfRange|familyOf|nulInPath|(?:check|to|invalid|bad)[A-Z]\w*) \(/;

/**
 * An error with Node's looks: the code in the stack's first line and in `toString()`, not in `name`;
 * the stack starting where a caller can see it.
 */
export function coded<Class extends ErrorClass>(
  Class: Class,
  code: string,
  message: string,
): InstanceType<Class> & CodedError {
  const error = new Class(message) as InstanceType<Class> & CodedError;
  const plainName = error.name;
  error.name = `${plainName} [${code}]`;
  // Reading the stack fixes its first line while the name says the code.
  const stack: unknown = error.stack;
  Reflect.deleteProperty(error, 'name');
  if (typeof stack === 'string') error.stack = withoutCheckingFrames(stack);
  Object.defineProperty(error, 'toString', {
    value(this: Error) {
      return `${this.name} [${code}]: ${this.message}`;
    },
    enumerable: false,
    writable: true,
    configurable: true,
  });
  error.code = code;
  return error;
}

function withoutCheckingFrames(stack: string): string {
  const lines = stack.split('\n');
  const firstFrame = lines.findIndex((line) => line.startsWith('    at '));
  if (firstFrame === -1) return stack;
  let count = 0;
  while (CHECKING_FRAME.test(lines[firstFrame + count] ?? '')) count++;
  // A stack cut short by Error.stackTraceLimit may hold nothing else.
  if (firstFrame + count === lines.length) return stack;
  lines.splice(firstFrame, count);
  return lines.join('\n');
}
