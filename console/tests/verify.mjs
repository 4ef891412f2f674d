/** The verifier in the browser: 1,000 seeded mutations get the verdicts of `atrail verify`, and nothing is uploaded. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { axe, open, verifier } from './lib/browser.mjs';
import { numbers } from './lib/events.mjs';
import { BINARY, ROOT } from './lib/server.mjs';
import { ALL, theBrowser, theServer } from './lib/shared.mjs';

const run = promisify(execFile);
const MUTATIONS = Number(process.env.ATRAIL_MUTATIONS ?? (ALL ? 1000 : 200));
const SEED = Number(process.env.ATRAIL_SEED ?? 20261127);
let server;
let browser;
let file;
let receipt;
let key;
/** Changes one thing, the same in each run: a bit, a byte, a cut, a repeat, two swapped parts; of the file or the receipt. */
function mutated(number) {
  const below = numbers(SEED + number);
  const of = below(2) ? 'receipt' : 'file';
  const bytes = Buffer.from(of === 'file' ? file : receipt);
  const at = below(bytes.length);
  const length = 1 + below(Math.min(64, bytes.length - at));
  const kinds = [
    () => { bytes[at] ^= 1 << below(8); return bytes; },
    () => { bytes[at] = below(256); return bytes; },
    () => bytes.subarray(0, at),
    () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]),
    () => Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]),
    () => Buffer.concat([bytes.subarray(at), bytes.subarray(0, at)]),
    () => Buffer.concat([bytes, bytes.subarray(at, at + length)]),
  ];
  const changed = kinds[below(kinds.length)]();
  return of === 'file' ? [changed, receipt] : [file, changed];
}

/** Returns the verdicts of `atrail verify` on the files of a folder, by number. */
async function native(dir, count) {
  const env = { ...process.env, XDG_CONFIG_HOME: server.dir, HOME: server.dir };
  const names = Array.from({ length: count }, (_, i) => String(i));
  const out = await run(BINARY, ['verify', '--format', 'jsonl', '--key', key, ...names], { cwd: dir, env, maxBuffer: 1 << 28 }).catch((error) => error);
  return out.stdout.trim().split('\n').map((line) => JSON.parse(line));
}

/** What both must say alike: all but the name of the file. */
const comparable = ({ outcome, findings, findings_left_out, events, is_recompressed, error }) => ({
  outcome, findings, findings_left_out, events, is_recompressed, error: error?.replace(/^could not verify .*?: /, ''),
});

export default function suite() {
  before(async () => {
    [server, browser] = await Promise.all([theServer(), theBrowser()]);
    const get = async (where) => Buffer.from(await (await server.api('GET', where)).arrayBuffer());
    file = await get(`/v3/events/download?session=${server.session.id}`);
    receipt = await get(`/v3/sessions/${server.session.id}/receipt`);
    ({ key } = await server.json('GET', '/v3/keys'));
  });

  test(`${MUTATIONS} mutations get the same verdict as on the machine`, async () => {
    const dir = path.join(server.dir, 'mutations');
    mkdirSync(dir);
    const pairs = Array.from({ length: MUTATIONS }, (_, i) => (i === 0 ? [file, receipt] : mutated(i)));
    pairs.forEach(([bytes, text], i) => {
      writeFileSync(path.join(dir, String(i)), bytes);
      writeFileSync(path.join(dir, `${i}.receipt`), text);
    });
    const expected = await native(dir, MUTATIONS);
    const { context, page, watch } = await open(browser, server);
    await page.goto(`${server.url}/console/#/verify`);
    await page.getByText('Nothing to check yet').waitFor();
    // The module that the page has loaded: it has the hash of the assets in its address.
    const address = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name).find((name) => /(?<!screens)\/verify\.js$/.test(name)));
    const seen = new Map();
    for (let from = 0; from < MUTATIONS; from += 50) {
      const part = pairs.slice(from, from + 50).map(([bytes, text]) => [bytes.toString('base64'), text.toString('base64')]);
      const answers = await page.evaluate(async ([module, part, key]) => {
        const { check } = await import(module);
        const blob = (text) => new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]);
        const out = [];
        for (const [bytes, text] of part) out.push(await check({ file: blob(bytes), receipt: blob(text), keys: [key] }));
        return out;
      }, [address, part, key]);
      answers.forEach((answer, i) => {
        const machine = expected[from + i];
        // The command line says of a receipt that is no text that it is none; the page gives it to the verifier, which fails it.
        const isText = pairs[from + i][1].equals(Buffer.from(pairs[from + i][1].toString()));
        if (isText) assert.deepEqual(comparable(answer), comparable({ findings: [], ...machine }), `mutation ${from + i} of seed ${SEED}`);
        else assert.deepEqual([answer.outcome, machine.outcome], ['failed', 'failed'], `mutation ${from + i} of seed ${SEED}`);
        seen.set(answer.outcome, (seen.get(answer.outcome) ?? 0) + 1);
      });
    }
    // A control: the untouched pair is proven, and nearly nothing else is.
    assert.equal(expected[0].outcome, 'proven');
    assert.ok(seen.get('failed') > MUTATIONS * 0.9, JSON.stringify([...seen]));
    console.log(`verdicts: ${JSON.stringify([...seen])}`);
    await watch.clean();
    await context.close();
  });

  test('hostile names of files are text, and nothing is asked of the network', async () => {
    const { context, page, watch } = await open(browser, server);
    await page.goto(`${server.url}/console/#/verify`);
    await verifier(page);
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    for (const name of ['<img src=x onerror=globalThis.__xss=1>.gz', 'a\u202Egz.exe', '"onmouseover=globalThis.__xss=1.gz', '__proto__']) {
      await page.locator('input[type=file]').setInputFiles([{ name, mimeType: '', buffer: file }, { name: `${name}.receipt`, mimeType: '', buffer: receipt }]);
      await page.getByRole('button', { name: 'Paste a verifier key' }).or(page.getByLabel('Paste a verifier key')).click();
      await page.getByLabel(/^Verifier key/).fill(key);
      await page.getByRole('heading', { name: 'Proven', exact: true }).waitFor();
      await page.getByRole('button', { name: 'Clear' }).click();
    }
    assert.deepEqual(asked.filter((url) => !url.startsWith('blob:')), []);
    await watch.clean();
    await context.close();
  });

  test('atrail-verify.html opens from disk, connects nowhere, and says the same', async () => {
    const page_ = path.join(server.dir, 'atrail-verify.html');
    await run(path.join(ROOT, 'ci/verify-page.sh'), [page_]);
    const context = await browser.newContext({ offline: true });
    const page = await context.newPage();
    const asked = [];
    page.on('request', (request) => asked.push(request.url().slice(0, 60)));
    await page.goto(`file://${page_}`);
    const changed = Buffer.from(file);
    changed[changed.length >> 1] ^= 1;
    for (const [bytes, verdict] of [[file, /^Proven$/], [changed, /^Not proven/]]) {
      await page.locator('input[type=file]').setInputFiles([{ name: 'x.gz', mimeType: '', buffer: bytes }, { name: 'x.gz.receipt', mimeType: '', buffer: receipt }]);
      await page.getByLabel('Paste a verifier key').click();
      await page.getByLabel(/^Verifier key/).fill(key);
      await page.getByRole('heading', { name: verdict }).first().waitFor();
    }
    assert.deepEqual(await axe(page), []);
    assert.deepEqual(asked.filter((url) => !/^(file|blob):/.test(url)), []);
    // Whatever the page tries, its policy refuses.
    const refused = await page.evaluate(() => fetch('http://127.0.0.1:1/').then(() => 'answered', (error) => String(error)));
    assert.match(refused, /TypeError/);
    assert.match(readFileSync(page_, 'utf8'), /default-src 'none'/);
    await context.close();
  });
}
