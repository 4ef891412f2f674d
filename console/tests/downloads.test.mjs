/** Downloads that are cut at any byte, while the server restarts and the tab is closed, end as the same file. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Watch, launch, logIn, open } from './lib/browser.mjs';
import { Cuts } from './lib/cuts.mjs';
import { numbers } from './lib/events.mjs';
import { until } from './lib/server.mjs';
import { seal, world } from './lib/world.mjs';

const SEED = Number(process.env.ATRAIL_SEED ?? 7);
const INTERRUPTIONS = Number(process.env.ATRAIL_INTERRUPTIONS ?? 5);
let server;
let browser;
let cuts;
let session;
let whole;
let receipt;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
before(async () => {
  browser = await launch();
  server = await world({ events: 6000 });
  session = await seal(server, server.space);
  whole = Buffer.from(await (await server.api('GET', `/v3/events/download?session=${session.id}`)).arrayBuffer());
  receipt = await (await server.api('GET', `/v3/sessions/${session.id}/receipt`)).text();
});
after(async () => { await browser?.close(); await server?.stop(); });

test('Save and check: cuts, a kill of the server and a closed tab', async () => {
  cuts = await Cuts.before(server.url);
  const below = numbers(SEED);
  // Some end before the first byte of the file, some within an object; all of them before the end of the file.
  cuts.plan = Array.from({ length: INTERRUPTIONS }, () => below(Math.floor(whole.length / (INTERRUPTIONS + 1))));
  const { context, page } = await open(browser, cuts);
  // Where no person chooses a file, the page gets one of its origin.
  await context.addInitScript(() => {
    globalThis.showSaveFilePicker = async ({ suggestedName }) => (await navigator.storage.getDirectory()).getFileHandle(suggestedName.replaceAll('/', '_'), { create: true });
  });
  await logIn(page, { ...server, url: cuts.url }, {}, `#/sessions?session=${session.id}`);
  await page.getByRole('button', { name: 'Save and check' }).click();
  await until(() => cuts.made >= Math.ceil(INTERRUPTIONS / 3), 'a third of the cuts', 60);
  await server.restart('SIGKILL');
  await until(() => cuts.made >= Math.ceil(INTERRUPTIONS / 2), 'half of the cuts', 60);
  await page.close();
  const second = await context.newPage();
  const watch = new Watch(second, cuts.url);
  await second.goto(`${cuts.url}/console/#/sessions?session=${session.id}`);
  await second.getByRole('button', { name: 'Go on' }).click();
  await second.getByText('proven', { exact: true }).first().waitFor({ timeout: 90_000 });
  assert.equal(cuts.made, INTERRUPTIONS);
  const saved = await second.evaluate(async () => {
    const out = {};
    for await (const [name, handle] of (await navigator.storage.getDirectory()).entries()) {
      const bytes = await (await handle.getFile()).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      out[name] = [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    }
    return out;
  });
  const hashes = Object.values(saved);
  assert.ok(hashes.includes(sha256(whole)), JSON.stringify(saved));
  // What was kept is not asked for again: no request begins before the last one.
  const manifest = await (await server.api('GET', `/v3/sessions/${session.id}/manifest`)).json();
  assert.deepEqual(cuts.starts, [...cuts.starts].sort((a, b) => a - b));
  assert.ok(cuts.starts.at(-1) > 0, 'the last request goes on where the others ended');
  console.log(`${cuts.made} cuts of ${manifest.objects.length} objects; requests began at ${cuts.starts.join(', ')}`);
  await watch.clean();
  await context.close();
});
afterEach(() => cuts?.stop());

test('a plain link: the browser goes on by itself after cuts, and the receipt has the name beside it', async () => {
  cuts = await Cuts.before(server.url);
  cuts.plan = [Math.floor(whole.length / 3), Math.floor(whole.length / 4)];
  const { context, page } = await open(browser, cuts, { acceptDownloads: true });
  await context.addInitScript(() => { delete globalThis.showSaveFilePicker; });
  await logIn(page, { ...server, url: cuts.url }, {}, `#/sessions?session=${session.id}`);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download', exact: true }).first().click()]);
  const file = path.join(server.dir, 'by-link');
  await download.saveAs(file);
  assert.equal(await download.failure(), null);
  assert.equal(sha256(readFileSync(file)), sha256(whole));
  assert.equal(cuts.made, 2);
  assert.ok(cuts.starts.slice(1).every((start) => start > 0), cuts.starts.join());
  const [second] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /\.receipt$/ }).click()]);
  assert.equal(second.suggestedFilename(), `${download.suggestedFilename()}.receipt`);
  await second.saveAs(`${file}.receipt`);
  assert.equal(readFileSync(`${file}.receipt`, 'utf8'), receipt);
  await context.close();
});
