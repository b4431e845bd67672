/** Pieces of HTML: text made safe, tables, figures. Knows nothing of benchmarks. */

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] as string);
}

export interface Cell {
  text: string;
  /** A class of the style sheet's. */
  look?: string | undefined;
  /** The id of what it leads to. */
  link?: string | undefined;
  /** How many columns it takes; 1 by default. */
  span?: number;
}

export interface Column {
  title: string;
  /** Whether it stands to the right, as figures do. */
  isNumber?: boolean;
}

function cell({ text, look, link, span }: Cell, isNumber: boolean): string {
  const shown = look === undefined ? escapeHtml(text) : `<span class="${look}">${escapeHtml(text)}</span>`;
  const content = link === undefined ? shown : `<a href="#${link}">${shown}</a>`;
  const attributes = `${span === undefined ? '' : `colspan="${span}" `}${isNumber ? 'class="number"' : ''}`;
  return `${attributes}>${content}`;
}

/** In a box that scrolls by itself on a narrow screen, by keys too. The first cell of a line is its head. */
export function table(
  caption: string,
  columns: readonly Column[],
  lines: readonly (readonly Cell[])[],
): string {
  const heads = columns.map(
    ({ title, isNumber }) => `<th scope="col"${isNumber ? ' class="number"' : ''}>${escapeHtml(title)}</th>`,
  );
  const rows = lines.map((cells) => {
    const [head, ...rest] = cells.map((each, index) => cell(each, columns[index]?.isNumber === true));
    return `<tr><th scope="row" ${head}</th>${rest.map((each) => `<td ${each}</td>`).join('')}</tr>`;
  });
  return [
    `<section class="scroll" tabindex="0" aria-label="${escapeHtml(caption)}">`,
    `<table><caption>${escapeHtml(caption)}</caption>`,
    `<thead><tr>${heads.join('')}</tr></thead>`,
    `<tbody>\n${rows.join('\n')}\n</tbody></table></section>`,
  ].join('\n');
}

/**
 * A canvas to be drawn on; out of sight until it is. What it shows is in a table beside it.
 *
 * @param label what it shows, for those who don't see the heading above it.
 */
export function figure(id: string, label: string, caption: string, heightRem: number): string {
  const text = escapeHtml(`${label}: ${caption}. The table has the same figures.`);
  return [
    `<figure hidden><figcaption>${escapeHtml(caption)}</figcaption>`,
    `<div class="drawing" style="height: ${heightRem}rem">`,
    `<canvas id="${id}" role="img" aria-label="${text}"></canvas></div></figure>`,
  ].join('\n');
}

export function list(items: readonly string[]): string {
  return `<ul>${items.map((item) => `<li>${item}</li>`).join('\n')}</ul>`;
}

/** JSON in a script element, which no text in it can end. */
export function embedJson(id: string, value: unknown): string {
  const json = JSON.stringify(value).replaceAll('<', '\\u003c');
  return `<script type="application/json" id="${id}">${json}</script>`;
}
