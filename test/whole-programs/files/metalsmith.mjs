// metalsmith builds a site
import Metalsmith from 'metalsmith';
import { input, numbered } from '../kit.mjs';
input(
  numbered(40, (index) => [
    `src/${index % 4}/page${index}.md`,
    `---\ntitle: Page ${index}\n---\n${'text '.repeat(index)}\n`,
  ]),
);
const files = await Metalsmith(process.cwd())
  .use((all) => {
    for (const [name, file] of Object.entries(all))
      file.contents = Buffer.from(`${name}: ${file.title}${file.contents}`);
  })
  .build();
console.log(Object.keys(files).sort().join(' '));
