/** The server and the browser that the suites share: each is started by the first suite that wants it. */
import { launch } from './browser.mjs';
import { world } from './world.mjs';

let server;
let browser;

/** The world of `lib/world.mjs`. Suites change nothing of it that another one looks at. */
export const theServer = () => (server ??= world({ withHostile: true }));
/** Chromium. */
export const theBrowser = () => (browser ??= launch());
/** Whether the longer forms of the tests are wanted. */
export const ALL = process.env.CONSOLE_ALL === '1';

/** Ends both. */
export async function stop() {
  await (await browser)?.close();
  await (await server)?.stop();
}
