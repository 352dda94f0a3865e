import test from 'ava';
import { citadelSigner } from '../plan/classic/certificate-authority.ts';
import type { Observation } from './compute-status.ts';
import { authority, condition, sequence, verdict } from './testing.ts';
import { describeTransitions } from './transitions.ts';

const type = 'CertificateAuthorityValid';

function lastOf(...steps: readonly Partial<Observation>[]) {
	const status = sequence(...steps).at(-1);
	if (status === undefined) throw new Error('no step');
	return status;
}

function shown(...seen: readonly Observation['certificateAuthority'][]) {
	const status = lastOf(...seen.map((certificateAuthority) => ({ certificateAuthority })));
	return {
		condition: verdict(status, type),
		message: condition(status, type)?.message ?? '',
		ready: verdict(status, 'Ready'),
		field: status.certificateAuthority,
	};
}

function noticesOf(...seen: readonly Observation['certificateAuthority'][]): readonly string[] {
	const [after, before] = sequence(...seen.map((certificateAuthority) => ({ certificateAuthority }))).toReversed();
	if (after === undefined) throw new Error('no step');
	return describeTransitions(before, after).map((notice) => `${notice.type}/${notice.reason}`);
}

const expiring = authority({ shareLeft: 0.19, timeLeft: '40 days' });
const expired = authority({ shareLeft: 0, timeLeft: 'none' });
const missing = { signer: citadelSigner, source: 'Provided', secretName: 'cacerts', found: 'missing' } as const;

test('one that lasts is shown with its name, its end and the time left, and the message never changes with time', (t) => {
	const { field, condition: said, message } = shown(authority());
	t.deepEqual(field, {
		source: 'SelfSigned',
		secretName: 'istio-ca-secret',
		subject: 'O=cluster.local',
		notAfter: '2036-01-01T00:00:00Z',
		timeLeft: '9 years',
	});
	t.is(said, 'True/CertificateAuthorityValid');
	t.is(message, shown(authority({ timeLeft: '8 years', shareLeft: 0.8 })).message);
});

test('below 20 % it is expiring, which is still valid; after its end the mesh is not ready', (t) => {
	t.is(shown(authority({ shareLeft: 0.2 })).condition, 'True/CertificateAuthorityValid');
	t.like(shown(expiring), { condition: 'True/CAExpiring', ready: 'True/Ready' });
	t.regex(shown(expiring).message, /O=cluster\.local.*2036-01-01T00:00:00Z.*40 days.*since 1\.2/);
	t.regex(shown(authority({ source: 'Provided', shareLeft: 0.1 })).message, /renewed one into the Secret/);
	t.like(shown(expired), { condition: 'False/CAExpired', ready: 'False/CAExpired' });
});

test('one that certificates of workloads outlive is told with both times, and is valid; it is a warning', (t) => {
	const dayMs = 24 * 60 * 60_000;
	const outlived = authority({
		source: 'Provided',
		notAfter: '2026-01-31T00:00:00Z',
		timeLeftMs: 30 * dayMs,
		shareLeft: 0.9,
	});
	t.like(shown(outlived), { condition: 'True/CAOutlived', ready: 'True/Ready' });
	const { message } = shown(outlived);
	t.regex(
		message,
		/ends at 2026-01-31T00:00:00Z: certificates of workloads last 2160h \(spec\.citadel\.workloadCertTTL\)/,
	);
	t.regex(message, /those made since 2025-11-02T00:00:00Z would last longer than it/);
	t.is(shown({ ...outlived, timeLeftMs: 29 * dayMs, timeLeft: '29 days' } as typeof outlived).message, message);
	t.is(shown(authority({ timeLeftMs: 90 * dayMs })).condition, 'True/CertificateAuthorityValid', 'as long as it');
	t.deepEqual(noticesOf(authority(), outlived), ['Warning/CAOutlived']);
	const both = shown(authority({ timeLeftMs: 30 * dayMs, shareLeft: 0.1 }));
	t.is(both.condition, 'True/CAExpiring');
	t.regex(both.message, /has 9 years left; .*; certificates of workloads last 2160h/);
});

test('files that Citadel can not use are told with the file and the reason, and that a Citadel that runs stays', (t) => {
	const { condition: said, message } = shown({
		signer: citadelSigner,
		source: 'Provided',
		secretName: 'cacerts',
		found: 'unusable',
		file: 'ca-key.pem',
		reason: 'is not the key of the certificate in ca-cert.pem',
	});
	t.is(said, 'False/CAInvalid');
	t.regex(message, /^ca-key\.pem of Secret cacerts is not the key of the certificate in ca-cert\.pem; correct it/);
	t.regex(message, /a Citadel that runs is left as it is/);
});

test('one with which Citadel can not sign is none, however long it lasts', (t) => {
	const { condition: said, message } = shown(authority({ source: 'Provided', secretName: 'cacerts', keyType: 'ec' }));
	t.is(said, 'False/CAKeyUnsupported');
	t.regex(message, /Secret cacerts\) has a key of type ec, .*; put an authority with an RSA key into the Secret/);
});

test('a Secret that is not there is waited for where Citadel makes it, and wrong where the user was to', (t) => {
	t.like(shown({ ...missing, source: 'SelfSigned' }), { condition: 'Unknown/CAPending', ready: 'True/Ready' });
	t.like(shown(missing), { condition: 'False/CANotFound', field: { source: 'Provided', secretName: 'cacerts' } });
	t.is(shown({ ...missing, found: 'unreadable' }).condition, 'False/CAInvalid');
});

test('without Citadel nothing is said', (t) => {
	t.like(shown('none'), { condition: undefined, field: undefined });
	t.like(shown(authority(), 'none'), { condition: undefined, field: undefined });
});

test('what was seen stays while a pass does not look, or can not read', (t) => {
	const unread = {
		signer: citadelSigner,
		source: 'SelfSigned',
		secretName: 'istio-ca-secret',
		found: 'unknown',
	} as const;
	t.deepEqual(shown(authority(), undefined), shown(authority()));
	t.like(shown(authority(), unread), { condition: 'Unknown/CAUnknown', field: shown(authority()).field });
	t.deepEqual(shown(authority(), { ...unread, secretName: 'other' }).field, {
		source: 'SelfSigned',
		secretName: 'other',
	});
});

test('each trouble is a warning, once', (t) => {
	t.deepEqual(noticesOf(authority(), expiring), ['Warning/CAExpiring']);
	t.deepEqual(noticesOf(expiring, expiring), []);
	t.deepEqual(noticesOf(expiring, undefined), []);
	t.deepEqual(noticesOf(expiring, expired), ['Warning/CAExpired']);
	t.deepEqual(noticesOf(expired, expired), []);
	t.deepEqual(noticesOf(authority(), missing), ['Warning/CANotFound']);
	t.deepEqual(noticesOf(expired, authority()), ['Normal/Ready']);
	const unfit = authority({ source: 'Provided', secretName: 'cacerts', keyType: 'ec' });
	t.deepEqual(noticesOf(authority(), unfit), ['Warning/CAKeyUnsupported']);
	const rootSecret = 'meshwright-system/mesh-root';
	const rootless = {
		...missing,
		source: 'Issued',
		issuing: { rootSecret, problem: 'no root', isUrgent: true },
	} as const;
	t.deepEqual(noticesOf(authority(), rootless), ['Warning/CARootUnusable']);
});

test('of an authority that the operator issues it is told what it needs, and how far a change of its root is', (t) => {
	const rootSecret = 'meshwright-system/mesh-root';
	const istiod = { name: 'istiod', keyTypes: ['rsa', 'ec'], renewal: '' };
	const waiting = { signer: istiod, source: 'Issued', secretName: 'cacerts', found: 'missing' } as const;
	const problem = 'tls.key of Secret meshwright-system/mesh-root is missing; correct it';
	t.like(shown({ ...waiting, issuing: { rootSecret } }), {
		condition: 'Unknown/CAPending',
		message: 'the operator makes Secret cacerts from the root in Secret meshwright-system/mesh-root',
	});
	t.like(shown({ ...waiting, issuing: { rootSecret, problem, isUrgent: true } }), {
		condition: 'False/CARootUnusable',
		message: problem,
	});
	const renewalAt = '2030-01-01T00:00:00Z';
	const issued = (issuing: object) =>
		shown(authority({ source: 'Issued', issuing: { rootSecret, renewalAt, ...issuing } }));
	t.like(issued({}), { condition: 'True/CertificateAuthorityValid', field: { source: 'Issued' } });
	const later = issued({ problem, isUrgent: false });
	t.is(later.condition, 'True/CertificateAuthorityValid');
	t.true(later.message.endsWith(`${problem}; it is needed before the next one is due at ${renewalAt}`));
	const rotation = { stage: 'Learning', roots: 2, waitsFor: ['eu'] } as const;
	const turning = issued({ rotation });
	t.regex(turning.message, /2 roots are in trust, and the former one signs .*; waiting for eu$/);
	t.like(turning.field, { rotation });
});
