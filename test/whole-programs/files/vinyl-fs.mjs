// vinyl-fs, as gulp has it
import { Transform } from 'node:stream';
import { once } from 'node:events';
import vinyl from 'vinyl-fs';
import { input, numbered } from '../kit.mjs';
input(numbered(40, (index) => [`in/${index % 4}/file${index}.txt`, `text ${index}`]));
const loud = new Transform({
  objectMode: true,
  transform(file, _encoding, done) {
    file.contents = Buffer.from(`${file.contents}`.toUpperCase());
    done(null, file);
  },
});
await once(
  vinyl
    .src('in/**/*.txt', { base: 'in' })
    .pipe(loud)
    .pipe(vinyl.dest('out', { sourcemaps: '.' }))
    .resume(),
  'end',
);
console.log('built');
