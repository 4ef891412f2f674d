/** Takes the README's picture of a proven event: ATRAIL_BINARY=PROGRAM node picture.mjs */
import path from 'node:path';
import { everyday, numbers } from './tests/lib/events.mjs';
import { launch, logIn, open, rest } from './tests/lib/browser.mjs';
import { ROOT, Server, until } from './tests/lib/server.mjs';
import { HOUR, all, iso, seal } from './tests/lib/world.mjs';

const DAYS = 7;
const server = await Server.start();
server.to = Math.floor(Date.now() / HOUR) * HOUR;
server.from = server.to - DAYS * 24 * HOUR;
const below = numbers(7);
const deletions = [...everyday(2400, server.from, server.to, 2)].map((line) => {
  const event = JSON.parse(line);
  return JSON.stringify({ ...event, action: 'delete/bucket', target: { ...event.target, typeURI: 'data/storage/bucket' } });
}).filter(() => below(3) > 0);
await server.send([...everyday(20_000, server.from, server.to), ...deletions]);
await seal(server, server.space);
const query = { query: 'action:delete/bucket', start: iso(server.from), end: iso(server.to) };
const found = (await (await server.api('POST', '/v3/search', query)).text()).split('\n');
const place = JSON.parse(found[10]);

// A page that reads days line by line says so: the picture shows the usual state.
const looked = () => server.json('POST', '/v3/aggregate', query);
await until(async () => (await looked()).searched.unindexed_days.length === 0, 'the events are indexed', 300);

const browser = await launch();
const { page } = await open(browser, server, { viewport: { width: 1280, height: 900 } });
await page.emulateMedia({ colorScheme: 'dark' });
await logIn(page, server, {}, `#/explore?${all(server)}&q=action:delete/bucket&at=${place.segment}.${place.index}`);
await page.getByRole('button', { name: 'Prove' }).click();
await page.getByText('Checked in this browser').waitFor();
await rest(page);
await page.screenshot({ path: path.join(ROOT, 'docs/images/console-event.png') });
await browser.close();
await server.stop();
