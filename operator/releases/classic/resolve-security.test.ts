import test from 'ava';
import { parseMeshInstallation } from '../../../api/v1/index.ts';
import { profilesWithCitadel } from '../../../api/v1/schema/security.ts';
import { resolve } from '../../lines/testing.ts';
import { profiles } from './profiles.ts';
import { classicReleases } from './releases.ts';
import { resolveSecurity } from './resolve-security.ts';

function resolved(spec: Readonly<Record<string, unknown>>) {
	const parsed = parseMeshInstallation({
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		metadata: { name: 'default' },
		spec: { version: '1.4.10', ...spec },
	});
	if (!parsed.ok) {
		throw new Error(JSON.stringify(parsed.problems));
	}
	return resolve(parsed.installation);
}

function problems(spec: Readonly<Record<string, unknown>>): readonly string[] {
	const result = resolved(spec);
	return result.ok ? [] : result.problems.map(({ path, reason }) => `${path} ${reason}`);
}

test('the API knows which profiles have Citadel', (t) => {
	const withCitadel = Object.entries(profiles).filter(([, { citadel }]) => citadel.enabled);
	t.deepEqual(
		withCitadel.map(([name]) => name),
		[...profilesWithCitadel],
	);
});

test('without Citadel there is no mutual TLS; with it, PERMISSIVE unless said otherwise', (t) => {
	for (const release of classicReleases) {
		for (const [name, profile] of Object.entries(profiles)) {
			const spec = { version: release.version, profile: 'minimal', namespace: 'istio-system' } as const;
			const { citadel, ...rest } = resolveSecurity(release, spec, profile);
			t.is(citadel !== undefined, profile.citadel.enabled, name);
			t.deepEqual(rest, {
				mutualTls: profile.citadel.enabled ? 'PERMISSIVE' : 'DISABLED',
				controlPlaneSecurity: false,
			});
		}
	}
});

test('Citadel is one pod, in the production profile too', (t) => {
	const [release] = classicReleases;
	const { production } = profiles;
	if (release === undefined || production === undefined) {
		throw new Error('no release or no profile');
	}
	const spec = { version: release.version, profile: 'production', namespace: 'istio-system' } as const;
	t.like(resolveSecurity(release, spec, production).citadel, {
		replicas: { kind: 'fixed', count: 1 },
		workloadCertTTL: '2160h',
	});
});

test('a CA of the user and a trust domain do not go together: no release would use both', (t) => {
	const citadel = { enabled: true, caSecretName: 'cacerts' };
	t.deepEqual(problems({ citadel, mesh: { trustDomain: 'example.org' } }), ['spec.mesh.trustDomain FieldNotInRelease']);
	t.deepEqual(problems({ citadel, mesh: { trustDomain: 'cluster.local' } }), []);
	t.deepEqual(problems({ citadel: { enabled: true }, mesh: { trustDomain: 'example.org' } }), []);
	t.deepEqual(problems({ citadel: { ...citadel, enabled: false }, mesh: { trustDomain: 'example.org' } }), []);
});

test('arguments that would take Citadel away from the operator are refused, and those that no release knows', (t) => {
	t.deepEqual(
		problems({
			citadel: {
				enabled: true,
				extraArgs: [
					'--self-signed-ca=true',
					'--server-only',
					'--no-such-flag',
					'--listened-namespaces=a,b',
					'--pkcs8-keys',
				],
				env: [
					{ name: 'NAMESPACE', value: 'a' },
					{ name: 'CITADEL_ENABLE_NAMESPACES_BY_DEFAULT', value: 'false' },
				],
				podLabels: { istio: 'pilot' },
			},
		}),
		[
			'spec.citadel.env[0].name Invalid',
			'spec.citadel.extraArgs[0] Invalid',
			'spec.citadel.extraArgs[1] Invalid',
			'spec.citadel.extraArgs[2] FieldNotInRelease',
			'spec.citadel.podLabels.istio Invalid',
		],
	);
	t.deepEqual(problems({ version: '1.0.9', citadel: { enabled: true, extraArgs: ['--pkcs8-keys'] } }), [
		'spec.citadel.extraArgs[0] FieldNotInRelease',
	]);
});

test('what only releases of istiod have is refused by name', (t) => {
	const rootSecret = { name: 'root', namespace: 'meshwright-system' };
	t.deepEqual(problems({ citadel: { enabled: true, intermediates: { rootSecret } } }), [
		'spec.citadel.intermediates FieldNotInRelease',
	]);
});
