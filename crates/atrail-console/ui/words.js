/** Every text that people read, one section a screen. Short, plain: what happened, what is known, what to do. */
import { count, many } from './fmt.js';

export const W = {
  common: {
    close: 'Close', cancel: 'Cancel', cancelled: 'You ended it.', copy: 'Copy', copied: 'Copied', notCopied: 'Not copied: the browser refused',
    copyCommand: 'Copy the command', copyDetails: 'Copy details', retry: 'Retry', retryIn: (s) => `Retry in ${s} s`, request: 'Request',
    failed: 'The server did not answer this', asking: 'Asking the server', loading: 'Loading', actions: 'Actions', mixed: 'mixed scripts',
    notOnRecord: 'Not shown: this read could not be put on record',
    notOnRecordWhy: 'What cannot be recorded is not answered. An operator sees the cause in the server’s log.',
    asCommand: 'As command', own: 'own', download: 'Download', all: 'All', none: 'none',
  },
  frame: {
    nav: 'Screens', overview: 'Overview', explore: 'Explore', sessions: 'Sessions', verify: 'Verify', retention: 'Retention', people: 'People & keys', live: 'Live',
    event: 'Event', login: 'Log in', more: 'More', skip: 'Skip to the content', scope: 'Scope', range: 'Time range', account: 'whole account', noScope: 'Nothing to see',
    keys: 'Keys', theme: 'Theme', system: 'System', light: 'Light', dark: 'Dark', logOut: 'Log out', letters: 'Single letters act as keys', user: 'Your login',
    localVerify: 'Checked in this browser: no login needed, nothing is uploaded',
    until: (t) => `Logged in until ${t}`, zone: 'Zone', utc: 'UTC', local: 'Local',
    strange: (parts) => `This link has a part that is not known here: ${parts}. It was left out; all else is as in the link.`,
    unseen: 'There is no such scope, or you may not see it. The link is right only for somebody who may.',
    noRole: 'You have no role that reads events. An owner of the account can grant one.',
    unknown: (s) => `There is no screen “${s}”.`,
    from: 'From (UTC)', to: 'To, exclusive (UTC)', apply: 'Apply', badRange: 'From must be before to.', inLocal: (zone, a, b) => `In ${zone}: ${a} – ${b}`,
    keyPinned: (d) => `Key pinned ${d}`, keyNew: 'Key pinned now', keyUnknown: 'Key not pinned',
    keyChanged: (name) => `${name} shows another evidence key`,
    keyChangedWhy: (d) => `than the one pinned here on ${d}, and the old key does not endorse it. Do not go on; ask an operator on another way.`,
    keyReplace: 'An operator confirmed it: pin the new key',
    help: [['/', 'query'], ['g o', 'Overview'], ['g e', 'Explore'], ['g s', 'Sessions'], ['g v', 'Verify'], ['g r', 'Retention'], ['g p', 'People & keys'], ['g l', 'Live'],
      ['j k', 'next, previous row'], ['Enter', 'open'], ['Esc', 'close one layer'], ['[ ]', 'previous, next event'], ['c', 'copy exact bytes'], ['y', 'copy link, with fixed times'], ['p', 'prove'], ['u', 'UTC or local'], ['?', 'these keys']],
    linkCopied: 'Link copied, with fixed times',
  },
  login: {
    title: (name) => `Log in to ${name}`, name: 'Name', password: 'Password', key: 'API key', go: 'Log in', or: 'or', sso: (name) => `Log in with ${name}`,
    useKey: 'Use an API key', usePassword: 'Use name and password', verify: 'Verify a file without login',
    refused: 'The name, the password or the key is wrong, or there is no such login.', wait: (s) => `Wait ${s} s, then try again.`,
    https: 'This page needs HTTPS', httpsWhy: 'It came over plain HTTP from another machine, so a password would travel readable. Ask the operator for the https address.',
    linkUsed: 'This one-time link was used, or is older than five minutes. Log in by name, or make another link.',
    over: 'You were logged out', overWhy: 'Log in and this page is as you left it.', passwordOf: (n) => `Password of ${n}`,
    pinned: 'Evidence key: the one you know', pinnedOn: (d) => `Pinned in this browser on ${d}.`, pin: 'Evidence key: first time in this browser', pinWhy: 'It is pinned here with your first login. Compare it over another channel.',
    record: 'What you do here is on record', recordWhy: 'Searches, downloads and proofs that you make are events in the archive that you read. Nobody can switch that off.',
    idle: '30 minutes idle, 12 hours in all', idleWhy: 'Then this browser is logged out. Links that you were sent open after the login.',
  },
};
export { count, many };
