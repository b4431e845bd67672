// SQLite in WebAssembly: one that has its files in memory, and one on node:fs
import { readFile, writeFile } from 'node:fs/promises';
import sqlite from 'node-sqlite3-wasm';
import initialize from 'sql.js';
const { Database } = await initialize();
const inMemory = new Database();
inMemory.run('create table t (a); insert into t values (1), (2), (3)');
await writeFile('memory.db', inMemory.export());
console.log(new Database(await readFile('memory.db')).exec('select sum(a) from t')[0].values);
const db = new sqlite.Database('file.db');
db.run('create table t (a, b)');
for (let index = 0; index < 50; index++) db.run('insert into t values (?, ?)', [index, `text ${index}`]);
console.log(db.get('select count(*) as n, sum(a) as s from t'));
db.close();
