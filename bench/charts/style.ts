/** How the page looks: both colour schemes, wide and narrow. Colours have a contrast of 4.5 with what is behind them. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --font: system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif;
  --page: #ffffff; --panel: #f5f7f9; --text: #1b2127; --quiet: #55606b; --grid: #d5dbe1;
  --better: #0b62c4; --worse: #c02a1e; --equal: #7c5f00; --node: #6a7580; --other: #9aa5b0; --link: #0b57b0;
  --line-0: #946c00; --line-1: #0b62c4; --line-2: #0a7a4b; --line-3: #8a3ab9;
  --line-4: #a85b00; --line-5: #007b8a; --line-6: #b02a74; --line-7: #4a5a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #11161c; --panel: #1a2129; --text: #e7ebef; --quiet: #a6b1bc; --grid: #333e49;
    --better: #6cb0ff; --worse: #ff8b7e; --equal: #e0bb4a; --node: #a3aeb9; --other: #66727e; --link: #86bdff;
    --line-0: #e0bb4a; --line-1: #6cb0ff; --line-2: #63d39b; --line-3: #d0a2f5;
    --line-4: #ffb35c; --line-5: #5fd0de; --line-6: #ff92c6; --line-7: #c3d36a;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 var(--font); }
h1 { font-size: 1.75rem; line-height: 1.2; }
h2 { margin-top: 3rem; border-bottom: 1px solid var(--grid); font-size: 1.35rem; }
h3 { margin: 2.5rem 0 0.5rem; font-size: 1.1rem; }
a { color: var(--link); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 1rem; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
nav ul { columns: 20rem; padding-left: 1.25rem; }
.quiet { color: var(--quiet); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); gap: 1rem; }
figure { margin: 0 0 1rem; min-width: 0; padding: 0.75rem; border-radius: 0.5rem; background: var(--panel); }
figcaption { margin-bottom: 0.25rem; color: var(--quiet); font-size: 0.9rem; }
.drawing { position: relative; width: 100%; }
.scroll { overflow-x: auto; margin-bottom: 1rem; }
.scroll:focus-visible { outline: 2px solid var(--link); }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); font-size: 0.9rem; padding: 0.25rem 0; }
/* Where a heading has just said it. */
.charts caption, .charts + .scroll caption { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }
th, td { padding: 0.3rem 0.75rem 0.3rem 0; border-bottom: 1px solid var(--grid); text-align: left;
  vertical-align: top; }
th { font-weight: 600; }
th[scope='row'] { min-width: 9rem; }
.number { text-align: right; }
td.number { white-space: nowrap; }
.better { color: var(--better); font-weight: 600; }
.worse { color: var(--worse); font-weight: 600; }
.equal { color: var(--equal); }
.key { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; padding: 0; list-style: none; }
.key i { display: inline-block; width: 0.9em; height: 0.9em; margin-right: 0.4em; border-radius: 0.15em;
  vertical-align: -0.05em; }
`.trim();
