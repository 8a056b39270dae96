// SPDX-License-Identifier: ISC
// An identity provider for tests: the certified npm package oidc-provider, laid out as Microsoft's
// (paths, scopes, audience), over HTTPS on a free port of the loopback.
//
//   node provider.mjs SETTINGS.json       prints `ready PORT` when it serves
//
// SETTINGS: folder (of node_modules), key, certificate (PEM files for TLS), signingKey (PEM, made
// there if it is missing; its public half is written to signingKey.pub), token_seconds, opaque,
// clients (as oidc-provider wants them; certificate clients have `jwks` made from
// `certificate_file`). SIGTERM stops it.
import crypto from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const settings = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const entry = path.join(settings.folder, 'node_modules/oidc-provider/lib/index.js');
const { Provider } = await import(pathToFileURL(entry).href);

const AUDIENCE = 'https://outlook.office.com';
const SCOPES = [
  'https://outlook.office.com/IMAP.AccessAsUser.All',
  'https://outlook.office365.com/.default',
];

function signingKey() {
  if (!fs.existsSync(settings.signingKey)) {
    const { privateKey, publicKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
    fs.writeFileSync(settings.signingKey, privateKey.export({ type: 'pkcs8', format: 'pem' }),
      { mode: 0o600 });
    fs.writeFileSync(`${settings.signingKey}.pub`,
      publicKey.export({ type: 'spki', format: 'pem' }));
  }
  const key = crypto.createPrivateKey(fs.readFileSync(settings.signingKey));
  return { ...key.export({ format: 'jwk' }), kid: 'op-1', alg: 'RS256', use: 'sig' };
}

// A client that proves itself with a certificate: its public key, named as x5t#S256 names it.
function withKeys(client) {
  const { certificate_file: file, ...rest } = client;
  if (!file) return rest;
  const certificate = new crypto.X509Certificate(fs.readFileSync(file));
  const thumbprint = crypto.createHash('sha256').update(certificate.raw).digest('base64url');
  const jwk = certificate.publicKey.export({ format: 'jwk' });
  return { ...rest, jwks: { keys: [{ ...jwk, 'x5t#S256': thumbprint, use: 'sig' }] } };
}

const server = https.createServer({
  key: fs.readFileSync(settings.key), cert: fs.readFileSync(settings.certificate),
});
await new Promise((done) => { server.listen(settings.port ?? 0, '127.0.0.1', done); });
const { port } = server.address();

const provider = new Provider(`https://localhost:${port}`, {
  clients: settings.clients.map(withKeys),
  jwks: { keys: [signingKey()] },
  cookies: { keys: ['of this test alone'] },
  clientAuthMethods: ['none', 'client_secret_post', 'private_key_jwt'],
  enabledJWA: { clientAuthSigningAlgValues: ['PS256', 'RS256'] },
  routes: {
    authorization: '/tenant/oauth2/v2.0/authorize',
    device_authorization: '/tenant/oauth2/v2.0/devicecode',
    token: '/tenant/oauth2/v2.0/token',
    code_verification: '/tenant/oauth2/deviceauth',
    introspection: '/tenant/oauth2/introspect',
    jwks: '/tenant/discovery/v2.0/keys',
  },
  scopes: ['openid', 'offline_access'],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client, code) => client.grantTypeAllowed('refresh_token')
    && code.scopes.has('offline_access'),
  expiresWithSession: async () => false,
  extraTokenClaims: async (ctx, token) => {
    const who = token.accountId ?? settings.app_mailbox;
    return { email: who, upn: who, appid: token.clientId, scp: token.scope };
  },
  // Dovecot takes no other `typ`.
  formats: { customizers: { jwt: async (ctx, token, parts) => { parts.header = { typ: 'JWT' }; } } },
  ttl: {
    AccessToken: settings.token_seconds, ClientCredentials: settings.token_seconds,
    RefreshToken: 86400, DeviceCode: 300, AuthorizationCode: 60, Interaction: 600, Session: 600,
    Grant: 86400, IdToken: 3600,
  },
  findAccount: async (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  features: {
    devInteractions: { enabled: true }, // its own pages: any name, any password
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: {
      enabled: true, allowedPolicy: async (ctx, client) => client.clientId === 'dovecot',
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => AUDIENCE, // Microsoft's scopes name the resource themselves
      useGrantedResource: async () => true,
      getResourceServerInfo: async () => ({
        scope: SCOPES.join(' '), audience: AUDIENCE,
        accessTokenFormat: settings.opaque ? 'opaque' : 'jwt',
        accessTokenTTL: settings.token_seconds, jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});
provider.on('server_error', (ctx, error) => console.error('server error', ctx.path, error));
provider.on('grant.error', (ctx, error) => console.error('refused', error.error,
  error.error_description, error.error_detail ?? ''));
provider.on('grant.success', (ctx) => console.error('granted', ctx.oidc.params.grant_type));
provider.on('authorization.error', (ctx, error) => console.error('refused', error.message,
  error.error_description ?? ''));

server.on('request', provider.callback());
process.on('SIGTERM', () => process.exit(0));
console.log(`ready ${port}`);
