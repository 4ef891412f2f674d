/**
 * Measures the goals of docs/CONSOLE.md on this machine: ATRAIL_BINARY=PROGRAM node measure.mjs [EVENTS] [DAYS]
 *
 * The events are of 20 hours of one day, or of so many days. ROWS=NUMBER: so many rows are loaded before scrolling is measured.
 *
 * Prints a line for each figure as it comes, and at the end the table for the page. It asserts nothing: figures of a busy
 * machine fail no check, and those of an unoptimised program mean little.
 */
import { spawn } from 'node:child_process';
import { createReadStream, existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip, gzipSync } from 'node:zlib';
import { axe, enter, go, launch, logIn, open, rest, verifier } from './tests/lib/browser.mjs';
import { deletion, everyday } from './tests/lib/events.mjs';
import { hostile } from './tests/lib/hostile.mjs';
import { SCREENS } from './tests/lib/screens.mjs';
import { BINARY, ROOT, Server } from './tests/lib/server.mjs';
import { DAY, HOUR, all, iso, seal } from './tests/lib/world.mjs';

const EVENTS = Number(process.argv[2] ?? 200_000);
const HOURS = process.argv[3] ? 24 * Number(process.argv[3]) : 20;
/** Rows that are loaded before scrolling is measured. */
const ROWS = Math.min(EVENTS, Number(process.env.ROWS ?? 10_000));
/** Events of the large space whose bytes are compared. */
const COMPARED = Math.min(EVENTS, 10_000);
const INTERRUPTIONS = Number(process.env.ATRAIL_INTERRUPTIONS ?? 100);
const UI = path.join(ROOT, 'crates/atrail-console/ui');
const LONG = 3_600_000;

/** By goal, what was measured. */
const table = new Map();
function say(goal, what, figure) {
  console.log(`${goal}. ${what}: ${figure}`);
  table.set(goal, [...(table.get(goal) ?? []), `${what} ${figure}`]);
}
const ms = (value) => (value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`);
const count = (value) => value.toLocaleString('en-US');
const spread = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  return `${ms(at(0.5))} (p95 ${ms(at(0.95))} of ${sorted.length})`;
};
const step = async (goal, what, work) => {
  const from = performance.now();
  const result = await work();
  say(goal, what, ms(performance.now() - from));
  return result;
};

/* Goal 2: sizes */
const files = readdirSync(UI, { recursive: true }).map(String).filter((name) => statSync(path.join(UI, name)).isFile());
const packed = (name) => gzipSync(readFileSync(path.join(UI, name)), { level: 9 }).length;
const code = files.filter((name) => /\.(js|css)$/.test(name));
say(2, 'scripts and styles with gzip', `${(code.reduce((sum, name) => sum + packed(name), 0) / 1024).toFixed(1)} KiB in ${code.length} files`);
say(2, 'WebAssembly', `${(packed('wasm/verifier.wasm') / 1024).toFixed(1)} KiB`);

/* The events, and hostile ones beside them */
const server = await Server.start();
server.from = DAY;
server.to = DAY + HOURS * HOUR;
server.deletedAt = iso(server.to - 3 * HOUR + 123_456);
const began = Date.now();
await server.send([...everyday(EVENTS - 1, server.from, server.to), deletion(server.deletedAt)]);
server.empty = await server.addSpace('empty');
server.hostile = await server.addSpace('<img src=x onerror="globalThis.__xss=1">');
const odd = hostile(server.to - HOUR);
await server.send(odd, { space: server.hostile });
await server.addUser('ann', [{ role: 'auditor', space: server.space }]);
server.session = await seal(server, server.space);
await seal(server, server.hostile);
const found = await (await server.api('POST', '/v3/search', { query: 'action:delete/bucket', start: iso(server.from), end: iso(server.to) })).text();
server.place = JSON.parse(found.split('\n')[0]);
for (const space of [server.space, server.hostile]) {
  for (;;) {
    const { searched } = await server.json('POST', '/v3/aggregate', { query: '', start: iso(server.from), end: iso(server.to) }, { space });
    if (searched.unindexed_days.length === 0) break;
    await new Promise((done) => { setTimeout(done, 500); });
  }
}
console.log(`${count(EVENTS)} events sent, sealed and indexed in ${((Date.now() - began) / 1000).toFixed(1)} s`);
const browser = await launch();
const { context, page, watch } = await open(browser, server, { acceptDownloads: true });
page.setDefaultTimeout(LONG);
await context.addInitScript(() => { delete globalThis.showSaveFilePicker; });
await logIn(page, server);
const storageState = await context.storageState();

/* Goal 1: Explore, cold */
const paint = [];
const ready = [];
let requests = 0;
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
  tab.setDefaultTimeout(LONG);
  if (i === 0) tab.on('request', () => { requests += 1; });
  await tab.goto(`${server.url}/console/#/explore?${all(server)}`);
  await tab.waitForFunction(() => globalThis.__ready);
  paint.push(await tab.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN));
  ready.push(await tab.evaluate(() => globalThis.__ready));
  if (i === 1) first = await tab.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => name.includes('/console/')).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0));
  await cold.close();
}
say(1, 'first paint', spread(paint));
say(1, 'rows and histogram', spread(ready));
say(2, 'Explore, cold', `${(first / 1024).toFixed(1)} KiB of the console, ${requests} requests in all`);

/* Goal 3: one request each, as the page sees it. */
const ninety = `scope=space-${server.space}&from=${iso(DAY - 45 * 24 * HOUR)}&to=${iso(DAY + 45 * 24 * HOUR)}`;
for (const [what, q] of [['90 days, unfiltered: histogram and facets', ''], ['90 days, one value', `&q=${encodeURIComponent('target.name:ledger-2025')}`]]) {
  const times = [];
  let asked = [];
  for (let i = 0; i < 5; i += 1) {
    await page.goto('about:blank');
    asked = [];
    const note = (request) => { if (/\/v3\/(aggregate|search)$/.test(request.url())) asked.push(request); };
    page.on('request', note);
    await go(page, server, `explore?${ninety}${q}`);
    await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
    await rest(page);
    page.off('request', note);
    times.push(Math.max(...asked.map((request) => request.timing().responseEnd)));
  }
  const names = asked.map((request) => new URL(request.url()).pathname.split('/').at(-1));
  say(3, what, `${spread(times)}; requests: ${names.join(', ')}`);
}

/* Goal 4 */
let violations = 0;
let looked = 0;
const visit = await enter(browser, server);
visit.page.setDefaultTimeout(LONG);
for (const { fragment } of Object.values(SCREENS)) {
  await go(visit.page, server, fragment(server, server.space));
  await visit.page.locator('main h1').first().waitFor({ state: 'attached' });
  await rest(visit.page);
  for (const theme of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'light', forcedColors: 'active' }]) {
    await visit.page.emulateMedia({ forcedColors: 'none', ...theme });
    violations += (await axe(visit.page)).length;
    looked += 1;
  }
}
say(4, 'axe', `${violations} findings on ${looked} screens and themes`);

/* Goal 8: every screen of the space whose names and events are hostile */
await visit.page.emulateMedia({ forcedColors: 'none', colorScheme: 'light' });
for (const [name, { fragment }] of Object.entries(SCREENS)) {
  if (/event|a session$/.test(name)) continue;
  await go(visit.page, server, fragment(server, server.hostile));
  await visit.page.locator('main h1').first().waitFor({ state: 'attached' });
  await rest(visit.page);
}
const seen = await visit.watch.all();
say(8, `${odd.length} hostile events`, `${seen.xss ? 1 : 0} executions, ${seen.reports.length} reports of the policy, ${seen.foreign.length} foreign requests`);

/* Goal 7: the text that "copy exact" copies, against the hash of the stored line */
const given = [];
for (const folder of ['cadf']) {
  const at = path.resolve(ROOT, '../shared/data', folder);
  if (!existsSync(at)) continue;
  for (const name of readdirSync(at).filter((name) => name.endsWith('.ndjson'))) given.push(...readFileSync(path.join(at, name), 'utf8').split('\n').filter(Boolean));
}
server.given = await server.addSpace('given');
await server.send(given, { space: server.given });
let compared = 0;
let differing = 0;
for (const [space, most] of [[server.space, COMPARED], [server.hostile, Infinity], [server.given, Infinity]]) {
  const result = await visit.page.evaluate(async ({ space, most }) => {
    const root = document.querySelector('script[type=module]').src;
    const { hits, leafOf } = await import(new URL('json.js', root).href);
    let [n, bad, after] = [0, 0, null];
    while (n < most) {
      const body = JSON.stringify({ query: '', start: '1970-01-01T00:00:00Z', end: '2100-01-01T00:00:00Z', limit: 1000, ...(after && { after }) });
      const answer = await fetch('/v3/search', { method: 'POST', body, headers: { 'Content-Type': 'application/json', 'X-Atrail-Console': '1', 'X-Auth-Project-Id': space } });
      const { pairs, end } = hits(await answer.text());
      for (const { place, line } of pairs) {
        n += 1;
        if (await leafOf(new TextEncoder().encode(line)) !== place.leaf) bad += 1;
      }
      after = end.after;
      if (!end.more || !pairs.length) break;
    }
    return { n, bad };
  }, { space, most });
  compared += result.n;
  differing += result.bad;
}
say(7, 'copied text against the stored line', `${differing} of ${count(compared)} differ`);
await visit.context.close();

/* Goal 5: from the question to the proof, and to the verified download */
await go(page, server, `explore?${all(server)}`);
await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
const job = performance.now();
await step(5, 'answer', async () => {
  await page.getByRole('combobox', { name: 'Query' }).or(page.getByRole('textbox', { name: 'Query' })).fill('action:delete/bucket target.name:ledger-2025');
  await page.keyboard.press('Enter');
  await page.getByText(/^1 of 1$/).waitFor();
});
const panel = page.getByRole('complementary', { name: 'Event', exact: true });
await step(5, 'open', async () => { await page.getByRole('row').filter({ hasText: 'mallory' }).click(); await panel.getByRole('button', { name: 'Prove' }).waitFor(); });
await step(5, 'prove', async () => { await panel.getByRole('button', { name: 'Prove' }).click(); await panel.getByText('Recorded at the latest at checkpoint').waitFor(); });
await page.getByRole('link', { name: 'Download with proof' }).click();
const file = path.join(server.dir, 'day.ndjson.gz');
await step(5, 'session and download', async () => {
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: LONG }), page.getByRole('button', { name: 'Create and download' }).click()]);
  await download.saveAs(file);
});
const [receipt] = await Promise.all([page.waitForEvent('download', { timeout: LONG }), page.getByRole('link', { name: /\.receipt$/ }).click()]);
await receipt.saveAs(`${file}.receipt`);
await page.goto(`${server.url}/console/#/verify`);
await verifier(page);
await context.setOffline(true);
let text = 0;
for await (const chunk of createReadStream(file).pipe(createGunzip())) text += chunk.length;
const from = performance.now();
await page.locator('input[type=file]').setInputFiles([file, `${file}.receipt`]);
await page.getByRole('heading', { name: 'Proven', exact: true }).waitFor();
const took = performance.now() - from;
say(6, 'verify offline, in the page', `${ms(took)} for ${(text / 1e6).toFixed(0)} MB of events: ${(text / 1e6 / (took / 1000)).toFixed(0)} MB/s`);
say(5, `the whole job, ${count(EVENTS)} events`, ms(performance.now() - job));
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
say(6, 'the module in node', `${ms(aloneTook)} of a processor: ${(text / 1e6 / (aloneTook / 1000)).toFixed(0)} MB/s, ${(module.memory.buffer.byteLength / 2 ** 20).toFixed(1)} MiB of memory`);

/* Goal 9: all rows as CSV, and scrolling */
const csv = path.join(server.dir, 'rows.csv');
await go(page, server, `explore?${all(server)}&q=${encodeURIComponent('id:day-*')}`);
await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
await step(9, 'all rows as CSV', async () => {
  await page.getByRole('button', { name: 'Matching events' }).click();
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: LONG }), page.getByRole('menuitem', { name: 'As CSV, these columns' }).click()]);
  await download.saveAs(csv);
});
let lines = -1;
for await (const line of createInterface({ input: createReadStream(csv) })) if (line) lines += 1;
say(9, 'rows of it', `${count(lines)} of ${count(EVENTS - 1)}`);
const loaded = await page.evaluate(async (rows) => {
  const n = () => Number(/– ([\d,]+) loaded/.exec(document.body.innerText)?.[1].replaceAll(',', '') ?? 0);
  const grid = document.querySelector('.grid');
  for (let had = -1; n() < rows && n() !== had;) {
    had = n();
    grid.scrollTop = grid.scrollHeight;
    for (let i = 0; i < 1200 && n() === had; i += 1) await new Promise((done) => { setTimeout(done, 50); });
  }
  return n();
}, ROWS);
const frames = await page.evaluate(async () => {
  const grid = document.querySelector('.grid');
  const out = [];
  let last = performance.now();
  for (let i = 0; i < 240; i += 1) {
    // By steps of a wheel, and every twentieth time to another place altogether.
    grid.scrollTop = i % 20 ? grid.scrollTop + 130 : (grid.scrollHeight * ((i * 7919) % 240)) / 240;
    await new Promise((done) => { requestAnimationFrame(() => { const now = performance.now(); out.push(now - last); last = now; done(); }); });
  }
  return out;
});
say(9, `frames while scrolling ${count(loaded)} loaded rows`, spread(frames));
// What a page reads of its memory itself is rounded, and old.
const inspector = await context.newCDPSession(page);
await inspector.send('HeapProfiler.collectGarbage');
const { usedSize } = await inspector.send('Runtime.getHeapUsage');
say(9, 'JavaScript heap of the tab', `${(usedSize / 2 ** 20).toFixed(1)} MiB`);
const { processInfo } = await (await browser.newBrowserCDPSession()).send('SystemInfo.getProcessInfo');
const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => /** What is this process's alone. */
  [...readFileSync(`/proc/${id}/smaps_rollup`, 'utf8').matchAll(/^Private_\w+:\s+(\d+) kB/gm)].reduce((sum, [, kib]) => sum + Number(kib), 0));
say(9, 'memory of its process alone', `${(Math.max(...renderers) / 1024).toFixed(0)} MiB`);
const { foreign } = await watch.all();
say(2, 'foreign requests', String(foreign.length));
const version = browser.version();
await browser.close();
await server.stop();

/* Goal 10: the suite itself, with more of it */
await step(10, `${INTERRUPTIONS} interruptions of "Save and check", and links`, () => new Promise((done, fail) => {
  const env = { ...process.env, ATRAIL_INTERRUPTIONS: String(INTERRUPTIONS), CONSOLE_TESTS: 'downloads links', ATRAIL_BINARY: BINARY };
  const child = spawn(process.execPath, ['--test', '--test-timeout=3600000', path.join(import.meta.dirname, 'tests/all.test.mjs')], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (part) => { out += part; });
  child.once('exit', (status) => { say(10, 'the file is identical, no checked object was fetched twice, each link reopens', status === 0 ? 'yes' : `no:\n${out.slice(-4000)}`); done(undefined); });
  child.once('error', fail);
}));

console.log(`\n${count(EVENTS)} events; ${cpus().length} processors (${cpus()[0]?.model.trim()}); Chromium ${version}, node ${process.version}\n\n| goal | measured |\n|---|---|`);
for (const [goal, figures] of [...table].sort(([a], [b]) => a - b)) console.log(`| ${goal} | ${figures.join('; ')} |`);
