// An OpenID provider for tests, of the library oidc-provider, on a loopback port. Its settings come as one line of JSON.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const library = createRequire(process.cwd() + '/').resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(library).href);

const line = await new Promise((told) => createInterface({ input: process.stdin }).once('line', told));
const settings = JSON.parse(line);

const server = createServer();
await new Promise((ready) => server.listen(settings.port, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const key = (kid) => ({
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256',
});

const provider = new Provider(issuer, {
  clients: settings.clients,
  jwks: { keys: [key(settings.kid)] },
  cookies: { keys: ['of a test'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username', 'groups'] },
  conformIdTokenClaims: settings.keepsClaimsFromToken,
  pkce: { required: () => true },
  ttl: { IdToken: settings.idTokenLifetime, AccessToken: 600, AuthorizationCode: 60, Grant: 600, Interaction: 600, Session: 600 },
  findAccount: (ctx, id) => settings.people[id] && { accountId: id, claims: () => ({ sub: id, ...settings.people[id] }) },
});
server.on('request', provider.callback());
console.log(JSON.stringify({ issuer }));
