/** A server as an auditor finds it: a day of events with one deletion, hostile events, an empty space, and people. */
import { gunzipSync } from 'node:zlib';
import { deletion, event, everyday } from './events.mjs';
import { hostile } from './hostile.mjs';
import { Server, until } from './server.mjs';

export const HOUR = 3600_000;
/** The first instant of the day of the everyday events. */
export const DAY = Date.parse('2025-06-03T00:00:00Z');
export const iso = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z');

/**
 * Starts it. `events`: how many of the everyday events; `hours`: over how many hours; `withHostile`: also the hostile ones, in a space of their own. The
 * server has `from` and `to`, the instants round all events but one of now, `deletedAt`, `empty` and `hostile`, the other
 * spaces, `people`, `session` of the whole day, and `place` of the deletion.
 */
export async function world({ events = 2000, hours = 20, withHostile = false, args = [] } = {}) {
  const server = await Server.start(args);
  // Hours that are over, so that everything can be sealed; the same in each run, so that pages can be compared.
  server.from = DAY;
  server.to = DAY + hours * HOUR;
  server.deletedAt = new Date(server.to - 3 * HOUR + 123_456).toISOString();
  await server.send([...everyday(events, server.from, server.to), deletion(server.deletedAt)]);
  server.empty = await server.addSpace('empty');
  server.people = {
    auditor: await server.addUser('ann', [{ role: 'auditor', space: server.space }]),
    writer: await server.addUser('wil', [{ role: 'writer', space: server.space }]),
    stranger: await server.addUser('sam', []),
  };
  if (withHostile) {
    server.markup = '<img src=x onerror="globalThis.__xss=1">';
    server.hostile = await server.addSpace(server.markup);
    await server.send(hostile(server.to - HOUR), { space: server.hostile });
  }
  await server.api('POST', '/v3/holds', { reason: 'case 4711' });
  server.session = await seal(server, server.space);
  // Once downloaded, a session stays so, whichever suite downloads it again.
  await (await server.api('GET', `/v3/events/download?session=${server.session.id}`)).arrayBuffer();
  const found = await (await server.api('POST', '/v3/search', { query: 'action:delete/bucket', start: iso(server.from), end: iso(server.to) })).text();
  server.place = JSON.parse(found.split('\n')[0]);
  if (withHostile) {
    // Names that people give, too.
    await server.api('POST', '/v3/holds', { reason: server.markup }, { space: server.hostile });
    await server.api('POST', '/v3/api_keys', { name: server.markup, scopes: ['read'] });
    const { id } = await seal(server, server.hostile);
    const file = await (await server.api('GET', `/v3/events/download?session=${id}`)).arrayBuffer();
    // As they are stored: the server replaces halves of surrogate pairs when it receives an event.
    server.lines = gunzipSync(Buffer.from(file)).toString().split('\n').filter((line) => /"id":"(hostile|odd)-/.test(line));
  }
  await server.send([event(new Date().toISOString(), { id: 'of-now' })]);
  await indexed(server, withHostile ? [server.space, server.hostile] : [server.space]);
  return server;
}

/** Waits until the day of these spaces is looked up in an index: a page names the days that are not. */
async function indexed(server, spaces) {
  for (const space of spaces) {
    const looked = () => server.json('POST', '/v3/aggregate', { query: '', start: iso(server.from), end: iso(server.to) }, { space });
    await until(async () => (await looked()).searched.unindexed_days.length === 0, `the events of ${space} are indexed`, 300);
  }
}

/** Makes a session of everything in a space, which seals it; returns the session. */
export async function seal(server, space) {
  const days = { start: iso(server.from).slice(0, 10), end: iso(server.to).slice(0, 10) };
  return server.json('POST', '/v3/sessions', days, { space });
}

/** The part of a fragment that names a space and the whole range of the events. */
export const all = (server, space = server.space) => `scope=space-${space}&from=${iso(server.from)}&to=${iso(server.to)}`;
