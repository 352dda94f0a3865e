import { Writable } from 'node:stream';
import test from 'ava';
import { ConflictError, InvalidError, TransientError } from '../errors.ts';
import { createLogger, passLogger } from './logger.ts';
import { isSensitiveKey } from './redact.ts';

function recording(level?: 'debug') {
	const lines: string[] = [];
	const destination = new Writable({
		write(chunk, _encoding, done) {
			lines.push(String(chunk));
			done();
		},
	});
	const logger = createLogger({ destination, ...(level === undefined ? {} : { level }) });
	return { logger, text: () => lines.join(''), last: (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '{}') };
}

const secret = 'S3cr3tV4lue';
const base64 = Buffer.from(secret).toString('base64');
const pem = `-----BEGIN RSA PRIVATE KEY-----\nMIIE${secret}\nabc\n-----END RSA PRIVATE KEY-----`;
const pem64 = Buffer.from(pem).toString('base64');
const jwt = `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(`{"sub":"${secret}"}`).toString('base64url')}.c2lnbmF0dXJl${secret}`;
const kubeconfig = `apiVersion: v1\nusers:\n- name: a\n  user:\n    token: ${secret}\n    client-key-data: ${pem64}\n`;
const circular: Record<string, unknown> = { password: secret };
circular.self = circular;
const apiException = Object.assign(new Error(`HTTP-Code: 403\nBody: ${secret}\nHeaders: ${secret}`), {
	code: 403,
	body: secret,
	headers: { 'set-cookie': secret },
});

const shapes: Record<string, unknown> = {
	'token field': { token: secret },
	'nested token': { user: { auth: { idToken: secret } } },
	'service account token': { serviceAccountToken: secret },
	'password with other case': { dbPassWord: secret },
	passwd: { passwd: secret },
	'kubeconfig text': { kubeconfig },
	'kubeconfig text under a harmless key': { text: kubeconfig },
	'kubeconfig as an object': { users: [{ user: { 'client-key-data': pem64, token: secret } }] },
	'client key data': { 'client-key-data': base64 },
	'authorization header': { headers: { Authorization: `Bearer ${secret}` } },
	'authorization in raw headers': { rawHeaders: ['authorization', `Bearer ${secret}`] },
	'basic authorization in a text': { text: `sent Basic ${Buffer.from(`admin:${secret}`).toString('base64')}` },
	cookie: { 'set-cookie': [secret] },
	'Secret data': { object: { kind: 'Secret', metadata: { name: 'a' }, data: { 'ca.crt': base64, anything: secret } } },
	'Secret stringData': { kind: 'Secret', stringData: { a: secret } },
	SecretList: { kind: 'SecretList', items: [{ data: { a: base64 } }] },
	'List with a Secret': { kind: 'List', items: [{ kind: 'Secret', data: { a: base64 } }] },
	'stringData without a kind': { stringData: { a: secret } },
	'last applied configuration': {
		metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"data":{"a":"${base64}"}}` } },
	},
	'JSON patch of a Secret': { patch: [{ op: 'replace', path: '/data/a', value: base64 }] },
	'environment variable': { env: [{ name: 'DB_PASSWORD', value: secret }] },
	'private key in a text': { text: `loaded ${pem}` },
	'private key cut off': { text: pem.slice(0, -10) },
	'private key in base64': { text: `loaded ${pem64}` },
	'JSON web token in a text': { text: `identity ${jwt} refused` },
	'password in an address': { url: `https://admin:${secret}@10.0.0.1:6443/` },
	'token in a query': { url: `https://10.0.0.1/?access_token=${secret}&watch=true` },
	'token in a message of an error': new Error(`login failed: token=${secret}`),
	'client-node exception': apiException,
	'body of a cause': new TransientError('down', {
		cause: Object.assign(new Error('x'), { body: secret, response: { secret } }),
	}),
	'error under another key': { failure: new Error('f', { cause: apiException }) },
	aggregate: new AggregateError([apiException, new Error(`password: ${secret}`)], 'two failed'),
	'thrown text as cause': new Error('x', { cause: `Bearer ${secret}` }),
	buffer: { chunk: Buffer.from(secret) },
	map: { cache: new Map([['token', secret]]) },
	circular: circular,
	'credentials object': { credentials: { key: secret } },
};

for (const [name, shape] of Object.entries(shapes)) {
	test(`no secret comes out of: ${name}`, (t) => {
		const { logger, text } = recording('debug');
		logger.info(shape as object);
		logger.info({ shape }, 'with a message');
		logger.debug({ err: shape });
		logger.warn({ other: [shape] }, 'in a list');
		logger.child({ shape }).error('in a child');
		passLogger(logger, { shape })
			.child({ shape })
			.info(shape as object, 'in a child of a pass');
		logger.info(typeof shape === 'object' && shape !== null && 'text' in shape ? String(shape.text) : name);
		for (const hidden of [secret, base64, base64.slice(0, 10), jwt, pem64.slice(20, 60)]) {
			t.false(text().includes(hidden), text());
		}
		t.is(text().trim().split('\n').length, 7);
	});
}

test('what is no credential stays readable', (t) => {
	const { logger, last } = recording();
	const fields = {
		kubeconfigSecret: { namespace: 'meshwright-system', name: 'eu-west-kubeconfig', key: 'kubeconfig' },
		secretName: 'cacerts',
		automountServiceAccountToken: false,
		tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
		tokenExpirationSeconds: 3600,
		configMap: { kind: 'ConfigMap', data: { mesh: 'enableTracing: true' } },
		key: 'istio-system',
		url: 'https://10.0.0.1:6443/api?watch=true',
		text: 'basic authentication is off, the bearer of bad news',
	};
	logger.info(fields, 'hello');
	t.like(last(), { ...fields, level: 'info', message: 'hello' });
	t.regex(String(last().time), /^\d{4}-\d\d-\d\dT/);
});

test('an error comes out with class, status, object and its causes', (t) => {
	const { logger, last } = recording();
	const object = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'istio-system', name: 'istio-pilot' };
	const cause = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:443'), { code: 'ECONNREFUSED' });
	logger.error(new TransientError('apply failed', { object, status: 503, cause }));
	t.is(last().message, 'apply failed');
	t.like(last().err, {
		class: 'TransientError',
		message: 'apply failed',
		status: 503,
		object: 'Deployment istio-system/istio-pilot',
		cause: { class: 'Error', message: 'connect ECONNREFUSED 10.0.0.1:443', code: 'ECONNREFUSED' },
	});
	logger.error({ err: new InvalidError('BadVersion', 'no such release') });
	t.is(last().message, 'no such release');
	t.deepEqual(last().err, { class: 'InvalidError', reason: 'BadVersion', message: 'no such release' });
	logger.error(new ConflictError('changed', { object }), 'the pass failed');
	t.is(last().message, 'the pass failed');
});

test('a defect comes out with its stack, an error of the family without', (t) => {
	const { logger, last } = recording();
	logger.error({ err: new TypeError('x is not a function') });
	t.regex(String((last().err as { stack: string }).stack), /^\s+at .*logger\.test\.ts/);
	logger.error({ err: new TransientError('x') });
	t.false('stack' in (last().err as object));
});

test('members of an aggregate and long chains of causes are bounded', (t) => {
	const { logger, last } = recording();
	let chain = new Error('root');
	for (let depth = 0; depth < 50; depth++) chain = new Error(`level ${depth}`, { cause: chain });
	logger.error(
		new AggregateError(
			Array.from({ length: 100 }, () => chain),
			'many',
		),
	);
	const { errors } = last().err as { errors: unknown[] };
	t.is(errors.length, 10);
	t.true(JSON.stringify(last()).length < 100_000);
});

test('all lines of a pass carry one id, and two passes two', (t) => {
	const { logger, last } = recording();
	const pass = passLogger(logger, { key: 'MeshInstallation default' });
	pass.info('a');
	const { pass: first, key } = last();
	pass.child({ wave: 1 }).info('b');
	t.is(last().pass, first);
	t.is(key, 'MeshInstallation default');
	passLogger(logger, {}).info('c');
	t.not(last().pass, first);
});

test('levels below the set one are silent', (t) => {
	const { logger, text } = recording();
	logger.debug('no');
	t.is(text(), '');
});

test('keys are judged by their meaning', (t) => {
	for (const key of [
		'token',
		'accessToken',
		'API_KEY',
		'api-key',
		'X-Auth-Token',
		'clientSecret',
		'privateKey',
		'tls.key',
		'cookie',
	]) {
		t.true(isSensitiveKey(key), key);
	}
	for (const key of ['secretName', 'kubeconfigSecret', 'tokenFile', 'name', 'key', 'data', 'tokenExpiry', 'caBundle']) {
		t.false(isSensitiveKey(key), key);
	}
});
