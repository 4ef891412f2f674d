/**
 * Writes atrail-verify.html: the console's Verify screen in one file that opens from disk. node verify-page.mjs FILE
 *
 * The modules, the stylesheet, the worker and the verifier are those that the server serves. The file's own policy lets
 * only these run, by their hashes, and lets nothing connect.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const UI = path.resolve(import.meta.dirname, '../crates/atrail-console/ui');
const read = (name) => readFileSync(path.join(UI, name));
const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const entry = `
import { html, render } from './vendor/preact.js';
import { inline } from './verify.js';
import Verify from './screens/verify.js';
const wasm = Uint8Array.from(atob(${JSON.stringify(read('wasm/verifier.wasm').toString('base64'))}), (c) => c.charCodeAt(0));
inline({ worker: ${JSON.stringify(read('worker.js').toString())}, wasm });
render(html\`<main id="main"><\${Verify}/></main>\`, document.getElementById('app'));
`;

const bundle = await build({
  stdin: { contents: entry, resolveDir: UI, sourcefile: 'atrail-verify.js' },
  bundle: true, format: 'esm', target: 'es2022', charset: 'utf8', legalComments: 'inline', write: false, logLevel: 'warning',
});
// Nothing in a script may end the element that holds it.
const script = bundle.outputFiles[0].text.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
const style = read('app.css').toString();
if (style.includes('</style')) throw new Error('the stylesheet would end its element');

const policy = [
  "default-src 'none'", `script-src ${hash(script)} 'wasm-unsafe-eval'`, 'worker-src blob:', `style-src ${hash(style)}`, 'img-src data:',
  "base-uri 'none'", "form-action 'none'", "object-src 'none'", "require-trusted-types-for 'script'", 'trusted-types atrail',
].join('; ');
const page = `<!doctype html>
<html lang="en" class="one-file">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>atrail verify</title>
<style>${style}</style>
</head>
<body>
<div id="app"></div>
<noscript>This page verifies with JavaScript and WebAssembly. Without them use atrail verify, or docs/verify.py.</noscript>
<script type="module">${script}</script>
</body>
</html>
`;
writeFileSync(process.argv[2], page);
