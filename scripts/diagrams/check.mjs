/**
 * Draws the diagrams of docs/ as GitHub does, by Mermaid, light and dark: `npm run docs:diagrams`. Makes
 * build/diagrams.html, to be looked at, and fails for a diagram that Mermaid refuses.
 *
 * Needs Chromium: `chromium` of the PATH, or what CHROMIUM names. Mermaid brings a hundred packages, so it has a lock file
 * of its own here.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const root = join(folder, '../..');
const page = join(root, 'build/diagrams.html');
const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
/** The lock file that was installed. */
const installed = join(folder, 'node_modules/.installed-lock.json');
/** Of the browser's own clock, which runs ahead while nothing is left to do. */
const DRAWING_MS = 30_000;

/** Runs in the page: draws each diagram in both colour schemes, and leaves in `result` what went wrong. */
async function draw(mermaid, diagrams) {
  const failures = [];
  for (const theme of ['default', 'dark']) {
    mermaid.initialize({ startOnLoad: false, theme });
    for (const [index, { name, text }] of diagrams.entries()) {
      const place = document.createElement('section');
      place.className = theme;
      document.body.append(place);
      try {
        const { svg } = await mermaid.render(`${theme}-${index}`, text);
        place.innerHTML = `<h2>${name}</h2>${svg}`;
      } catch (error) {
        failures.push(`${name}: ${error.message}`);
      }
    }
  }
  const result = document.createElement('script');
  result.type = 'application/json';
  result.id = 'result';
  result.textContent = JSON.stringify(failures).replaceAll('<', '\\u003c');
  document.body.append(result);
}

function diagramsOf(file) {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/^```mermaid\n([\s\S]*?)^```$/gm)].map(([block, source]) => {
    const line = text.slice(0, text.indexOf(block)).split('\n').length;
    return { name: `${file}:${line}`, text: source };
  });
}

if (!existsSync(installed) || readFileSync(installed, 'utf8') !== lock) {
  const options = { cwd: folder, stdio: 'inherit' };
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], options);
  writeFileSync(installed, lock);
}
const files = readdirSync(join(root, 'docs'), { recursive: true }).filter((name) => name.endsWith('.md'));
const diagrams = files.flatMap((name) => diagramsOf(join('docs', name)));
const mermaid = pathToFileURL(join(folder, 'node_modules/mermaid/dist/mermaid.min.js'));
mkdirSync(dirname(page), { recursive: true });
writeFileSync(
  page,
  `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Diagrams</title>
<style>
body { margin: 0; font: 1rem sans-serif; }
section { padding: 1rem; max-width: 52rem; }
section.dark { background: #0d1117; color: #f0f6fc; }
svg { max-width: 100%; height: auto; }
</style></head><body>
<script src="${mermaid}"></script>
<script>(${draw})(mermaid, ${JSON.stringify(diagrams).replaceAll('<', '\\u003c')});</script>
</body></html>
`,
);
const browser = process.env.CHROMIUM ?? 'chromium';
const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', `--virtual-time-budget=${DRAWING_MS}`];
const dom = execFileSync(browser, [...flags, '--dump-dom', pathToFileURL(page).href], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore'],
  maxBuffer: 2 ** 28,
});
const [, result] = /<script type="application\/json" id="result">(.*?)<\/script>/s.exec(dom) ?? [];
const failures = result === undefined ? ['the browser did not come to an end'] : JSON.parse(result);
for (const failure of failures) console.error(failure);
if (failures.length > 0) process.exitCode = 1;
else console.log(`${diagrams.length} diagrams are in ${page}`);
