import test from 'ava';
import fc from 'fast-check';
import { citadelTaken, servesAllNamespaces } from './citadel-rivalry.ts';

const version = '1.4.10';
const unlabelled = [{ name: 'CITADEL_ENABLE_NAMESPACES_BY_DEFAULT', value: 'false' }];

test('a Citadel serves all namespaces, unless it is off or told otherwise', (t) => {
	const serves = (spec: object) => servesAllNamespaces({ version, ...spec });
	t.true(serves({ citadel: { enabled: true } }));
	t.true(serves({ profile: 'production' }));
	t.true(serves({ profile: 'production', citadel: { extraArgs: ['--pkcs8-keys'] } }));
	t.false(serves({ profile: 'production', citadel: { enabled: false } }));
	t.false(serves({ profile: 'default' }));
	t.false(serves({}));
	t.false(serves({ citadel: { enabled: true, extraArgs: ['--listened-namespaces=a,b'] } }));
	t.false(serves({ citadel: { enabled: true, extraArgs: ['--listened-namespaces', 'a'] } }));
	t.true(serves({ citadel: { enabled: true, extraArgs: ['--listened-namespaces='] } }), 'all of them');
	t.false(serves({ version: '1.0.9', citadel: { enabled: true, extraArgs: ['--listened-namespace=a'] } }));
});

test('labels tell Citadels apart since 1.3', (t) => {
	const serves = (release: string) =>
		servesAllNamespaces({ version: release, citadel: { enabled: true, env: unlabelled } });
	t.true(serves('1.2.10'));
	t.false(serves('1.3.8'));
	t.false(serves('1.4.10'));
	t.false(serves('1.10.0'), 'by number, not by letters');
	for (const none of ['', '1', 'latest', '0.9.0']) t.true(serves(none), none);
});

test('whatever a spec consists of, it is read without an error', (t) => {
	fc.assert(
		fc.property(fc.anything(), fc.anything(), (one, other) => {
			t.is(typeof servesAllNamespaces({ citadel: one, profile: other, version: one }), 'boolean');
			t.is(typeof servesAllNamespaces(one), 'boolean');
		}),
	);
});

test('the younger is told who was first and what to do', (t) => {
	const { message, remedy } = citadelTaken('first');
	t.regex(message, /MeshInstallation first serves all namespaces/);
	t.regex(remedy, /^Set .*\.$/);
});
