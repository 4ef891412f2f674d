/** What no module of the console may contain. node lint.mjs [FOLDER]: prints each place, and fails when there is one. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const UI = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, '../crates/atrail-console/ui'));
const MOST_LINES = 300;
const BANNED = [
  [/\b(inner|outer)HTML\b|insertAdjacentHTML|dangerouslySetInnerHTML|createContextualFragment|\bsetHTML\w*/, 'text of events is never markup'],
  [/\bdocument\.write\b|\bDOMParser\b|\bsrcdoc\b/, 'text of events is never a document'],
  [/\beval\s*\(|\bnew\s+Function\b|\bsetTimeout\(\s*['"`]|\bsetInterval\(\s*['"`]/, 'text is never code'],
  [/\sstyle=(["']|\$\{[`'"])/, 'a style is an object, not text: the policy refuses text'],
  [/\son[a-z]+=["']/, 'a handler is a function'],
  [/\bjavascript:/, 'no address is code'],
  [/['"`(]https?:\/\/(?!www\.w3\.org\/)/, 'the console asks its own server only'],
  [/\bimport\s*\(?\s*['"](?!\.\.?\/)/, 'imports are relative'],
  [/\}\s*from\s*['"](?!\.\.?\/)/, 'imports are relative'],
];

const files = readdirSync(UI, { recursive: true }).map(String)
  .filter((name) => /\.(js|html|css)$/.test(name) && !name.startsWith('vendor') && statSync(path.join(UI, name)).isFile());
const found = [];
for (const name of files) {
  const lines = readFileSync(path.join(UI, name), 'utf8').split('\n');
  if (name.endsWith('.js') && lines.length - 1 > MOST_LINES) found.push(`${name}: ${lines.length - 1} lines, at most ${MOST_LINES}`);
  lines.forEach((line, i) => {
    for (const [pattern, why] of BANNED) if (pattern.test(line)) found.push(`${name}:${i + 1}: ${why}: ${line.trim().slice(0, 120)}`);
  });
}
for (const line of found) console.error(line);
console.log(`${files.length} files of the console: ${found.length} places that are not allowed`);
process.exit(found.length ? 1 : 0);
