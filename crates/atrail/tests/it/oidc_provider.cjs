// An OpenID provider (`oidc-provider` of the npm registry) on a free port of this machine, and a browser: each line on
// standard input is a page that the browser opens, logs in to as "ann", and approves. Prints `issuer URL` when ready.
const http = require('node:http');
const readline = require('node:readline');

async function main() {
  // An ES module, imported by its path, because NODE_PATH applies to `require` only.
  const { default: Provider } = await import(require('node:url').pathToFileURL(require.resolve('oidc-provider')).href);
  const server = http.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const claims = { preferred_username: 'ann', roles: ['auditors'] };
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'atrail-test',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      redirect_uris: [],
      response_types: [],
    }],
    claims: { openid: ['sub'], profile: Object.keys(claims), email: ['email'] },
    conformIdTokenClaims: false,
    features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
    findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id, ...claims }) }),
    cookies: { keys: ['only for a test'] },
  });
  server.on('request', provider.callback());
  console.log(`issuer ${issuer}`);
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (url) => agree(url.trim()));
  lines.on('close', () => process.exit(0));
}

// Follows redirects and submits the first form of each page until there is none.
async function agree(url) {
  const cookies = new Map();
  let request = { method: 'GET' };
  for (let step = 0; step < 30; step += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { ...request, redirect: 'manual', headers: { ...request.headers, cookie } });
    for (const set of answer.headers.getSetCookie()) {
      const [name, value] = set.split(';')[0].split(/=(.*)/s);
      if (value) cookies.set(name, value); else cookies.delete(name);
    }
    const location = answer.headers.get('location');
    if (location) {
      url = new URL(location, url).href;
      request = { method: 'GET' };
      continue;
    }
    const page = await answer.text();
    const form = /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(page);
    if (!form) return;
    const fields = new URLSearchParams();
    for (const [input] of form[2].matchAll(/<input[^>]*>/g)) {
      const name = /name="([^"]*)"/.exec(input);
      const value = /value="([^"]*)"/.exec(input);
      if (name) fields.set(name[1], value ? value[1] : 'ann');
    }
    url = new URL(form[1].replaceAll('&amp;', '&'), url).href;
    request = {
      method: 'POST', body: fields.toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' },
    };
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
