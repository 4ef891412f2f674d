/** Firefox ESR: the main job; in the longer form also Verify and the hostile events. Without Firefox it says that it was not run. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { axe, remember } from './lib/browser.mjs';
import { until } from './lib/server.mjs';
import { ALL, theServer } from './lib/shared.mjs';
import { all } from './lib/world.mjs';

const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
const skip = existsSync(FIREFOX) ? false : `there is no ${FIREFOX}`;
const skipMore = skip || (ALL ? false : 'CONSOLE_ALL=1 runs it');
export default function suite() {
  let server;
  let browser;
  let page;
  const foreign = [];
  const errors = [];
  before(async () => {
    if (skip) return;
    server = await theServer();
    browser = await puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true, args: ['--width=1280', '--height=900'],
      extraPrefsFirefox: { 'network.proxy.type': 1, 'network.proxy.socks': '127.0.0.1', 'network.proxy.socks_port': 1, 'network.proxy.socks_remote_dns': true, 'network.proxy.no_proxies_on': '127.0.0.1', 'browser.download.folderList': 2, 'browser.download.dir': server.dir } });
    page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 900 });
    await page.evaluateOnNewDocument(remember);
    page.on('request', (request) => { if (!request.url().startsWith(server.url) && !/^(data|blob|about):/.test(request.url())) foreign.push(request.url()); });
    page.on('pageerror', (error) => errors.push(String(error.stack ?? error)));
    page.setDefaultTimeout(90_000);
  });
  after(async () => { await browser?.close(); });

  const text = () => page.evaluate(() => document.body.innerText);
  const says = (pattern) => until(async () => pattern.test(await text()), `the page says ${pattern}`);
  async function clean(where) {
    const inPage = await page.evaluate(() => ({ reports: globalThis.__reports ?? [], xss: globalThis.__xss ?? null }));
    assert.deepEqual({ ...inPage, foreign, errors }, { reports: [], xss: null, foreign: [], errors: [] }, where);
  }
  async function go(fragment) {
    await page.goto('about:blank');
    await page.goto(`${server.url}/console/#/${fragment}`);
  }

  test('the main job, by keyboard', { skip }, async () => {
    await go(`explore?${all(server)}`);
    await page.waitForSelector('input[name=username]');
    await page.type('input[name=username]', server.user);
    await page.type('input[name=password]', server.password);
    await page.keyboard.press('Enter');
    await says(/of 2,001/);
    assert.deepEqual(await axe(page), [], 'explore');
    await page.keyboard.press('/');
    await page.keyboard.type('action:delete/bucket');
    await page.keyboard.press('Enter');
    await says(/1 of 1/);
    await page.keyboard.press('Escape');
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await says(/203\.0\.113\.9/);
    await page.keyboard.press('p');
    await says(/Recorded at the latest at checkpoint/);
    assert.deepEqual(await axe(page), [], 'event');
    await clean('main job');
  });

  test('a download and its receipt are verified', { skip: skipMore }, async () => {
    const { session } = server;
    const file = path.join(server.dir, 'events.ndjson.gz');
    writeFileSync(file, Buffer.from(await (await server.api('GET', `/v3/events/download?session=${session.id}`)).arrayBuffer()));
    writeFileSync(`${file}.receipt`, Buffer.from(await (await server.api('GET', `/v3/sessions/${session.id}/receipt`)).arrayBuffer()));
    await go('verify');
    const input = await page.waitForSelector('input[type=file]');
    await input.uploadFile(file, `${file}.receipt`);
    await says(/events are complete and unmodified/);
    assert.deepEqual(await axe(page), [], 'verify');
    await clean('verify');
  });

  test('hostile events are text', { skip: skipMore }, async () => {
    for (const fragment of [`?scope=space-${server.hostile}`, `explore?${all(server, server.hostile)}`, `explore?${all(server, server.hostile)}&q=id:odd-long-2`, `explore?${all(server, server.hostile)}&table=1`, `retention?scope=space-${server.hostile}`, `live?scope=space-${server.hostile}`]) {
      await go(fragment);
      await page.waitForSelector('main h1');
      await page.waitForNetworkIdle({ concurrency: 1 });
      await clean(fragment);
      assert.deepEqual(await axe(page), [], fragment);
    }
  });
}
