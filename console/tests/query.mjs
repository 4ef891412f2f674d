/** The query box: its chips mean what the query means, by the answers of the real server, and facets find what they count. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { go, logIn, open, rest } from './lib/browser.mjs';
import { theBrowser, theServer } from './lib/shared.mjs';
import { all, iso } from './lib/world.mjs';

let server;
let page;
/** Runs functions of the page's own module. */
const inPage = (run, argument) => page.evaluate(async ({ run: text, argument: given }) => {
  const root = document.querySelector('script[type=module]').src;
  const queries = await import(new URL('query.js', root));
  const [name, ...rest] = given;
  return text === 'join' ? queries.join(queries.chips(name)) : text === 'chips' ? queries.chips(name) : queries[text](name, ...rest);
}, { run, argument });

const counted = (query, more = {}, space = server.space) => server.json('POST', '/v3/aggregate', { query, start: iso(server.from), end: iso(server.to), ...more }, { space });

const QUERIES = [
  'outcome:failure action:delete/bucket', 'outcome:failure OR action:read', '(outcome:failure OR action:read) -outcome:pending',
  'NOT outcome:success', 'NOT NOT outcome:success', 'NOT -outcome:success', 'outcome:success AND action:read',
  'action:(read OR update) AND NOT actor:"ann"', 'action:/^read|update$/', 'target:/pay ments|bucket/', 'reason:[200 TO 299]', 'reason:{200 TO *} outcome:failure',
  '"delete bucket"', 'from:2001:db8::/32', '-(action:read OR action:update)', 'say\\ it:x', '"a b":c', 'https://host/a', 'action:*e?d*',
  'a:x', '_exists_:reason -action:read', 'action:delete\\/bucket',
];

export default function suite() {
  before(async () => {
    server = await theServer();
    ({ page } = await open(await theBrowser(), server));
    await logIn(page, server);
  });
  after(() => page?.context().close());

  test('chips, joined again, find what the query finds', async () => {
    for (const query of QUERIES) {
      const again = await inPage('join', [query]);
      assert.equal((await counted(again)).total, (await counted(query)).total, `${query} became ${again}`);
    }
    // The control: the number of conditions is that of the grammar, not one for all.
    assert.equal((await inPage('chips', [QUERIES[0]])).length, 2);
    assert.equal((await inPage('chips', [QUERIES[1]])).length, 1);
    assert.equal((await inPage('chips', [QUERIES[2]])).length, 2);
  });

  test('what a facet counts is what including and excluding it find', async () => {
    const fields = ['action', 'outcome', 'initiator.name', 'target.name'];
    const here = (query, more) => counted(query, more, server.hostile);
    const { total, facets } = await here('', { facets: fields.map((field) => ({ field, size: 1000 })) });
    let odd = 0;
    for (const { field, values } of facets) {
      const folded = (text) => text.toLowerCase();
      for (const { value } of values.slice(0, 20)) {
        // Case never matters in a query, so values that differ by it alone are found together.
        const same = values.filter((other) => folded(other.value) === folded(value)).reduce((sum, other) => sum + other.count, 0);
        const include = await inPage('only', ['', field, value]);
        const exclude = await inPage('more', ['', field, value, true]);
        // A member may be there twice with different values: a query finds either, a facet counts one.
        const found = (await here(include)).total;
        assert.ok(found >= same, `${include}: ${found}, the facet counts ${same}`);
        assert.equal((await here(exclude)).total, total - found, exclude);
        if (/[^\w/.-]/.test(value)) odd += 1;
      }
    }
    assert.ok(odd > 10, `${odd} values needed quotation marks`);
  });

  test('of a whole account, a facet has the matches of each space, and leads to it with the query', async () => {
    const query = 'action:read*';
    const spaces = [server.hostile, server.space];
    const times = `from=${iso(server.from)}&to=${iso(server.to)}`;
    await go(page, server, `explore?scope=account-${server.account}&${times}&q=${query}&cols=time,space`);
    await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
    await rest(page);
    const facet = page.getByRole('region', { name: 'Facets' }).locator('section').filter({ has: page.getByRole('heading', { name: 'space', exact: true }) });
    const number = (text) => Number(/([\d,]+)\s*$/.exec(text.trim())[1].replaceAll(',', ''));
    const shown = (await facet.getByRole('listitem').allInnerTexts()).map(number);
    const totals = await Promise.all(spaces.map(async (id) => (await counted(query, {}, id)).total));
    const own = (await counted(query, { AtAccountLevel: true })).total - totals[0] - totals[1];
    assert.ok(totals.every((total) => total > 0), totals.join());
    assert.deepEqual(shown, [...totals, ...(own ? [own] : [])].sort((a, b) => b - a));
    // The name that somebody gave the space is text here, too.
    const link = facet.getByRole('link').filter({ hasText: '<img src=x' });
    await link.click();
    await page.waitForURL((url) => url.hash.includes(`scope=space-${server.hostile}`));
    await rest(page);
    const { hash } = new URL(page.url());
    assert.match(hash, /q=action:read/);
    assert.match(hash, /cols=time,space/);
    assert.equal(number((await page.locator('.of').innerText())), totals[0]);
    assert.equal(await page.evaluate(() => globalThis.__xss ?? null), null);
    // The control: one space has no such facet.
    assert.equal(await facet.count(), 0);
    await go(page, server, `explore?${all(server)}`);
    await rest(page);
    assert.equal(await facet.count(), 0);
  });

  test('values of one field are alternatives, and a condition beside alternatives keeps them together', async () => {
    const two = await inPage('more', [await inPage('more', ['', 'action', 'read']), 'action', 'delete/bucket']);
    assert.equal(two, 'action:(read OR delete/bucket)');
    const [read, deleted] = [await counted('action:read'), await counted('action:delete/bucket')];
    assert.equal((await counted(two)).total, read.total + deleted.total);
    const beside = await inPage('and', ['action:read OR action:delete/bucket', '-outcome:success']);
    assert.equal((await counted(beside)).total, (await counted('(action:read OR action:delete/bucket) AND NOT outcome:success')).total);
  });
}
