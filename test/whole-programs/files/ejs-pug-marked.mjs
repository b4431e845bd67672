// templates and Markdown, from files
import { readFile, writeFile } from 'node:fs/promises';
import ejs from 'ejs';
import { marked } from 'marked';
import pug from 'pug';
import { input } from '../kit.mjs';
input({
  'a.ejs': '<%- include("b.ejs") %><% for (const x of list) { %><i><%= x %></i><% } %>',
  'b.ejs': '<b>',
  'a.pug': 'ul\n  each x in list\n    li= x\n',
  'a.md': '# Title\n\n* one\n* `two`\n',
});
const list = ['<1>', 2];
await writeFile(
  'ejs.html',
  await new Promise((resolve, reject) =>
    ejs.renderFile('a.ejs', { list }, (error, html) => (error ? reject(error) : resolve(html))),
  ),
);
await writeFile('pug.html', pug.renderFile('a.pug', { list }));
await writeFile('md.html', await marked.parse(await readFile('a.md', 'utf8'), { async: true }));
console.log('rendered');
