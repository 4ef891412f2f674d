/**
 * Measures the goals of docs/CONSOLE.md on this machine: node measure.mjs [EVENTS], with ATRAIL_BINARY naming the program.
 * Prints one line for each figure. It asserts nothing: figures of a busy machine fail no check.
 */
import { createReadStream, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync, gzipSync } from 'node:zlib';
import { launch, logIn, open } from './tests/lib/browser.mjs';
import { deletion, everyday } from './tests/lib/events.mjs';
import { ROOT, Server } from './tests/lib/server.mjs';
import { all, seal } from './tests/lib/world.mjs';

const EVENTS = Number(process.argv[2] ?? 200_000);
const UI = path.join(ROOT, 'crates/atrail-console/ui');
const say = (what, figure) => console.log(`${what}: ${figure}`);
const ms = (value) => `${Math.round(value)} ms`;
const spread = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  return `p50 ${ms(at(0.5))}, p95 ${ms(at(0.95))} of ${sorted.length}`;
};

/* Sizes */
const files = readdirSync(UI, { recursive: true }).map(String).filter((name) => statSync(path.join(UI, name)).isFile());
const packed = (name) => gzipSync(readFileSync(path.join(UI, name)), { level: 9 }).length;
const sum = (names) => names.reduce((bytes, name) => bytes + packed(name), 0);
const code = files.filter((name) => /\.(js|css)$/.test(name));
say('JavaScript and CSS with gzip', `${(sum(code) / 1024).toFixed(1)} KiB in ${code.length} files`);
say('WebAssembly with gzip', `${(packed('wasm/verifier.wasm') / 1024).toFixed(1)} KiB`);

/* A day of events */
const server = await Server.start();
const HOUR = 3600_000;
server.to = Math.floor(Date.now() / HOUR) * HOUR;
server.from = server.to - 20 * HOUR;
server.deletedAt = new Date(server.to - 3 * HOUR + 123_456).toISOString();
const began = Date.now();
await server.send([...everyday(EVENTS - 1, server.from, server.to), deletion(server.deletedAt)]);
await seal(server, server.space);
say(`${EVENTS} events sent and sealed`, `${((Date.now() - began) / 1000).toFixed(1)} s`);
const browser = await launch();
const { context, page } = await open(browser, server, { acceptDownloads: true });
await context.addInitScript(() => { delete globalThis.showSaveFilePicker; });
await logIn(page, server);
page.setDefaultTimeout(60_000);
const storageState = await context.storageState();

/* Goal 1: Explore, cold */
const paint = [];
const ready = [];
let requests = 0;
let fetched;
let first = 0;
for (let i = 0; i < 20; i += 1) {
  const cold = await browser.newContext({ viewport: { width: 1280, height: 900 }, storageState });
  await cold.addInitScript(() => {
    const look = () => {
      if (document.querySelectorAll('.grid [role=row]').length > 2 && document.querySelector('.hist svg rect, .hist svg path')) globalThis.__ready = performance.now();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  const tab = await cold.newPage();
  if (i === 0) tab.on('request', () => { requests += 1; });
  if (i === 1) fetched = tab;
  await tab.goto(`${server.url}/console/#/explore?${all(server)}`);
  await tab.waitForFunction(() => globalThis.__ready);
  paint.push(await tab.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN));
  ready.push(await tab.evaluate(() => globalThis.__ready));
  if (tab === fetched) first = await tab.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => name.includes('/console/')).reduce((all, { encodedBodySize }) => all + encodedBodySize, 0));
  await cold.close();
}
say('Explore, cold: first paint', spread(paint));
say('Explore, cold: rows and histogram', spread(ready));
say('Explore, cold: requests', requests);
say('Explore, cold: files of the console', `${(first / 1024).toFixed(1)} KiB`);

/* Goal 5: from the question to the proof, and to the verified download */
const step = async (what, work) => {
  const from = performance.now();
  const result = await work();
  say(what, ms(performance.now() - from));
  return result;
};
await page.goto(`${server.url}/console/#/explore?${all(server)}`);
await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
const job = performance.now();
await step('"who deleted X": answer', async () => {
  await page.getByRole('combobox', { name: 'Query' }).or(page.getByRole('textbox', { name: 'Query' })).fill('action:delete/bucket target.name:ledger-2025');
  await page.keyboard.press('Enter');
  await page.getByText(/^1 of 1$/).waitFor();
});
const panel = page.getByRole('complementary', { name: 'Event', exact: true });
await step('open', async () => { await page.getByRole('row').filter({ hasText: 'mallory' }).click(); await panel.getByRole('button', { name: 'Prove' }).waitFor(); });
await step('prove', async () => { await panel.getByRole('button', { name: 'Prove' }).click(); await panel.getByText('Recorded at the latest at checkpoint').waitFor(); });
await page.getByRole('link', { name: 'Download with proof' }).click();
const file = path.join(server.dir, 'day.ndjson.gz');
await step('create a session and download it', async () => {
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 120_000 }), page.getByRole('button', { name: 'Create and download' }).click()]);
  await download.saveAs(file);
});
const [receipt] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /\.receipt$/ }).click()]);
await receipt.saveAs(`${file}.receipt`);
await page.goto(`${server.url}/console/#/verify`);
await page.getByText('Nothing to check yet').waitFor();
await page.waitForLoadState('networkidle');
await context.setOffline(true);
const text = gunzipSync(readFileSync(file)).length;
const from = performance.now();
await page.locator('input[type=file]').setInputFiles([file, `${file}.receipt`]);
await page.getByRole('heading', { name: 'Proven', exact: true }).waitFor({ timeout: 120_000 });
const took = performance.now() - from;
say('verify offline, in the page', `${ms(took)}, ${(text / 1e6).toFixed(0)} MB of events, ${(text / 1e6 / (took / 1000)).toFixed(0)} MB/s`);
say('the whole job', ms(performance.now() - job));
await context.setOffline(false);

/* Goal 6: the module alone */
const bytes = readFileSync(file);
let at = 0;
let module;
const host = { read: (to, length) => { const part = bytes.subarray(at, at + Math.min(length, 1 << 20)); new Uint8Array(module.memory.buffer, to, part.length).set(part); at += part.length; return part.length; } };
module = (await WebAssembly.instantiate(readFileSync(path.join(UI, 'wasm/verifier.wasm')), { host })).instance.exports;
const { key } = await server.json('GET', '/v3/keys');
const argument = new TextEncoder().encode(JSON.stringify({ receipt: readFileSync(`${file}.receipt`, 'utf8'), key }));
const place = module.alloc(argument.length) >>> 0;
new Uint8Array(module.memory.buffer, place, argument.length).set(argument);
// The processor's time: on a busy machine the clock would measure the others.
const alone = process.cpuUsage();
module.verify(place, argument.length);
const used = process.cpuUsage(alone);
const aloneTook = (used.user + used.system) / 1000;
say('verify, the module in node', `${ms(aloneTook)} of a processor, ${(text / 1e6 / (aloneTook / 1000)).toFixed(0)} MB/s, ${(module.memory.buffer.byteLength / 2 ** 20).toFixed(1)} MiB of memory`);

/* Goal 9: all rows as CSV, and scrolling */
const csv = path.join(server.dir, 'rows.csv');
await page.goto('about:blank');
await page.goto(`${server.url}/console/#/explore?${all(server)}&q=${encodeURIComponent('id:day-*')}`);
await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
await step('all rows as CSV', async () => {
  await page.getByRole('button', { name: 'Matching events' }).click();
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 300_000 }), page.getByRole('menuitem', { name: 'As CSV, these columns' }).click()]);
  await download.saveAs(csv);
});
let lines = -1;
for await (const line of createInterface({ input: createReadStream(csv) })) if (line) lines += 1;
say('rows of the CSV', `${lines} of ${EVENTS - 1}`);
say('JavaScript heap of the tab', `${((await page.evaluate(() => performance.memory.usedJSHeapSize)) / 2 ** 20).toFixed(1)} MiB`);
const frames = await page.evaluate(async () => {
  const grid = document.querySelector('.grid');
  const out = [];
  let last = performance.now();
  for (let i = 0; i < 240; i += 1) {
    grid.scrollTop += 130;
    await new Promise((done) => { requestAnimationFrame(() => { const now = performance.now(); out.push(now - last); last = now; done(); }); });
  }
  return out;
});
say('frames while scrolling', spread(frames));
await browser.close();
await server.stop();
