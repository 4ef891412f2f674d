/** Controls: each check that the other tests rely on sees what it is for. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { axe, open, rest } from './lib/browser.mjs';
import { theBrowser } from './lib/shared.mjs';

let browser;
let server;
let http_;
const pages = new Map();
async function serve() {
  http_ = http.createServer((request, response) => {
    const { body, headers = {} } = pages.get(request.url) ?? { body: '' };
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', ...headers });
    response.end(body);
  });
  await new Promise((done) => http_.listen(0, '127.0.0.1', done));
  server = { url: `http://127.0.0.1:${http_.address().port}` };
}

async function seen(name, body, headers) {
  pages.set(name, { body: `<!doctype html><html lang=en><title>t</title><main><h1>t</h1>${body}</main>`, headers });
  const { context, page, watch } = await open(browser, server);
  await page.goto(server.url + name);
  await rest(page);
  const all = { ...await watch.all(), axe: await axe(page) };
  await context.close();
  return all;
}
const CLEAN = { foreign: [], dialogs: [], errors: [], reports: [], xss: null, axe: [] };

export default function suite() {
  before(async () => { browser = await theBrowser(); await serve(); });
  after(() => http_?.close());

  test('a plain page is clean', async () => {
    assert.deepEqual(await seen('/plain', '<p>text</p>'), CLEAN);
  });

  test('an event that is written as markup is noticed', async () => {
    const body = `<div id=e></div><script>e.innerHTML = '<img src=x onerror="globalThis.__xss=1;alert(1)">'</script>`;
    const found = await seen('/markup', body);
    assert.equal(found.xss, 1);
    assert.deepEqual(found.dialogs, ['1']);
  });

  test('the policy refuses it, and its report is noticed', async () => {
    const policy = "default-src 'none'; script-src 'self' 'unsafe-inline'; require-trusted-types-for 'script'; trusted-types atrail";
    const found = await seen('/policy', `<div id=e></div><script>e.innerHTML = '<img src=x>'</script>`, { 'Content-Security-Policy': policy });
    assert.equal(found.xss, null);
    assert.match(found.reports.join(), /require-trusted-types-for/);
    assert.match(found.errors.join(), /TrustedHTML/);
  });

  test('a request of another host is noticed', async () => {
    assert.deepEqual((await seen('/foreign', '<img alt=x src=http://evil.example/pixel.gif>')).foreign, ['http://evil.example/pixel.gif']);
  });

  test('a field without a label is noticed, and so is a contrast that is too low', async () => {
    assert.match((await seen('/label', '<input>')).axe.join(), /^label/);
    assert.match((await seen('/contrast', '<p style="color:#999;background:#fff">text</p>')).axe.join(), /^color-contrast/);
  });
}
