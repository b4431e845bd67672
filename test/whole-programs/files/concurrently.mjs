// concurrently runs commands, over pipes
import { Writable } from 'node:stream';
import concurrently from 'concurrently';
const { result } = concurrently(['node -e "console.log(1)"', 'node -e "process.exit(3)"'], {
  outputStream: new Writable({ write: (_chunk, _encoding, done) => done() }),
  prefix: 'none',
});
const ends = await result.catch((all) => all);
console.log(
  ends
    .map(({ exitCode }) => exitCode)
    .sort()
    .join(' '),
);
