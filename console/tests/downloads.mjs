/** Downloads that are cut at any byte, while the server restarts and the tab is closed, end as the same file. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Watch, logIn, open } from './lib/browser.mjs';
import { Cuts } from './lib/cuts.mjs';
import { numbers } from './lib/events.mjs';
import { until } from './lib/server.mjs';
import { theBrowser } from './lib/shared.mjs';
import { world } from './lib/world.mjs';

const SEED = Number(process.env.ATRAIL_SEED ?? 7);
/** At least 4: one of them is the kill, one the tab. */
const INTERRUPTIONS = Number(process.env.ATRAIL_INTERRUPTIONS ?? 5);
/** Each hour is an object, of about the same length: three between two cuts, so that every second one is behind a whole object. */
const HOURS = Math.max(20, 3 * (INTERRUPTIONS + 1));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/**
 * Where the connection breaks: each before the share of the file that makes all of them fit. Every second one is beyond the
 * half of it, and when the page has taken what arrived; before the others, bytes on their way are lost. At a third the server is
 * killed, at the half the tab is closed, both while a download is under way.
 */
function plan(length) {
  const below = numbers(SEED);
  const share = Math.floor(length / (INTERRUPTIONS + 1));
  const cuts = Array.from({ length: INTERRUPTIONS }, (_, i) => ({ taken: i % 2 === 1, after: i % 2 ? Math.floor(share / 2) + below(Math.floor(share / 2)) : below(share) }));
  for (const place of [Math.floor(INTERRUPTIONS / 3), Math.floor(INTERRUPTIONS / 2)]) Object.assign(cuts[place], { stall: true, taken: true });
  return cuts;
}

export default function suite() {
  let server;
  let browser;
  let cuts;
  let whole;
  let receipt;
  before(async () => {
    // A server of its own: it is killed.
    [server, browser] = await Promise.all([world({ events: 300 * HOURS, hours: HOURS }), theBrowser()]);
    whole = Buffer.from(await (await server.api('GET', `/v3/events/download?session=${server.session.id}`)).arrayBuffer());
    receipt = await (await server.api('GET', `/v3/sessions/${server.session.id}/receipt`)).text();
  });
  afterEach(() => cuts?.stop());
  after(() => server?.stop());

  test(`Save and check: ${INTERRUPTIONS} cuts, one by a kill of the server, one by a closed tab`, async () => {
    const { session } = server;
    const manifest = await (await server.api('GET', `/v3/sessions/${session.id}/manifest`)).json();
    /** The first bytes of the objects, and the end of the last one. */
    const bounds = manifest.objects.reduce((all, { length }) => [...all, all.at(-1) + length], [0]);
    const checked = (position) => bounds.findLast((bound) => bound <= position);
    cuts = await Cuts.before(server.url);
    const planned = plan(whole.length);
    cuts.plan = [...planned];
    const longest = Math.max(...manifest.objects.map(({ length }) => length));
    assert.ok(planned.every(({ after }, i) => i % 2 === 0 || after > longest), `each second cut is behind a whole object, of at most ${longest} bytes: ${JSON.stringify(planned)}`);
    const { context, page } = await open(browser, cuts);
    // Where no person chooses a file, the page gets one of its origin.
    await context.addInitScript(() => {
      globalThis.showSaveFilePicker = async ({ suggestedName }) => (await navigator.storage.getDirectory()).getFileHandle(suggestedName.replaceAll('/', '_'), { create: true });
    });
    let current = page;
    /** How many bytes the page has taken. */
    const taken = () => current.evaluate(async (id) => {
      const root = /** @type {HTMLScriptElement} */ (document.querySelector('script[type=module]')).src;
      const { saves } = await import(new URL('saving.js', root).href);
      return saves.value.get(id)?.bytes ?? 0;
    }, session.id);
    cuts.whenTaken = ({ start, passed }) => until(async () => await taken() >= start + passed, `the page takes ${passed} bytes from ${start}`);
    await logIn(page, { ...server, url: cuts.url }, {}, `#/sessions?session=${session.id}`);
    await page.getByRole('button', { name: 'Save and check' }).click();
    await until(() => cuts.stalled === 1, 'a third of the cuts');
    await server.restart('SIGKILL');
    await until(() => cuts.stalled === 2, 'half of the cuts');
    await page.close();
    const second = await context.newPage();
    second.setDefaultTimeout(90_000);
    current = second;
    const watch = new Watch(second, cuts.url);
    await second.goto(`${cuts.url}/console/#/sessions?session=${session.id}`);
    await second.getByRole('button', { name: 'Go on' }).click();
    await second.getByText('proven', { exact: true }).first().waitFor();
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
    assert.ok(Object.values(saved).includes(sha256(whole)), JSON.stringify(saved));
    // No object that had arrived whole is asked for again, whatever ended the download.
    const { downloads } = cuts;
    assert.equal(downloads.length, INTERRUPTIONS + 1);
    const closed = planned.findLastIndex(({ stall }) => stall);
    downloads.slice(1).forEach(({ start }, i) => {
      const { start: from, passed } = downloads[i];
      // A tab that is closed keeps what was permanent, which is at least what the download before it brought.
      const least = checked(planned[i].taken && i !== closed ? from + passed : from);
      assert.ok(start >= least && start <= from + passed, `download ${i + 1} began at ${start}, not from ${least} to ${from + passed}: ${JSON.stringify(downloads)}`);
    });
    assert.ok(downloads.at(-1).start > 0, 'the last one goes on where the others ended');
    console.log(`${cuts.made} cuts of ${manifest.objects.length} objects: ${downloads.map(({ start, passed }) => `${start}+${passed}`).join(', ')}`);
    await watch.clean();
    await context.close();
  });

  test('a plain link: the browser goes on by itself after cuts, and the receipt has the name beside it', async () => {
    cuts = await Cuts.before(server.url);
    cuts.plan = [3, 4].map((part) => ({ after: Math.floor(whole.length / part) }));
    const { context, page } = await open(browser, cuts, { acceptDownloads: true });
    await context.addInitScript(() => { delete globalThis.showSaveFilePicker; });
    await logIn(page, { ...server, url: cuts.url }, {}, `#/sessions?session=${server.session.id}`);
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download', exact: true }).first().click()]);
    const file = path.join(server.dir, 'by-link');
    await download.saveAs(file);
    assert.equal(await download.failure(), null);
    assert.equal(sha256(readFileSync(file)), sha256(whole));
    assert.equal(cuts.made, 2);
    assert.ok(cuts.downloads.slice(1).every(({ start }) => start > 0), JSON.stringify(cuts.downloads));
    const [second] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /\.receipt$/ }).click()]);
    assert.equal(second.suggestedFilename(), `${download.suggestedFilename()}.receipt`);
    await second.saveAs(`${file}.receipt`);
    assert.equal(readFileSync(`${file}.receipt`, 'utf8'), receipt);
    await context.close();
  });
}
