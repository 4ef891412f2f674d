/**
 * Runs all suites in one process, against one server and one browser: node --test tests/all.test.mjs
 *
 * CONSOLE_TESTS names some of them, by the names of their files. CONSOLE_ALL=1 adds what takes longer than a change can wait
 * for: more mutations of downloads, more hostile events on screen, Firefox beyond the main job.
 */
import { after, describe } from 'node:test';
import { stop } from './lib/shared.mjs';
import controls from './controls.mjs';
import downloads from './downloads.mjs';
import firefox from './firefox.mjs';
import hostile from './hostile.mjs';
import job from './job.mjs';
import links from './links.mjs';
import looks from './looks.mjs';
import query from './query.mjs';
import roles from './roles.mjs';
import small from './small.mjs';
import { states } from './states.mjs';
import verify from './verify.mjs';
import zones from './zones.mjs';

// Lanes run side by side. Suites that show what others change, such as the lists of sessions and people, are in one lane.
const LANES = [
  { 'states-1': states(0, 2), small },
  { 'states-2': states(1, 2), links, looks, zones, query, job, roles },
  { hostile, firefox, controls, verify, downloads },
];

const named = (process.env.CONSOLE_TESTS ?? '').split(/[\s,]+/).filter(Boolean);
const wanted = named.length ? named : undefined;
const unknown = wanted?.filter((name) => !LANES.some((lane) => name in lane)) ?? [];
if (unknown.length) throw new Error(`CONSOLE_TESTS names no suite: ${unknown.join(', ')}`);

describe('the console', { concurrency: LANES.length }, () => {
  after(stop);
  LANES.forEach((lane, i) => describe(`lane ${i + 1}`, { concurrency: 1 }, () => {
    for (const [name, suite] of Object.entries(lane)) if (wanted?.includes(name) ?? true) describe(name, { concurrency: 1 }, suite);
  }));
});
