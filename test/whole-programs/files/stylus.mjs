// stylus, which reads in Sync
import stylus from 'stylus';
import { input } from '../kit.mjs';
input({ 'b.styl': 'c = 5px\n' });
stylus(`@import 'b'\nbody\n  width c * 2\n`)
  .set('filename', `${process.cwd()}/a.styl`)
  .render((error, css) => console.log(error, css));
