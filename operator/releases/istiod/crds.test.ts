import test from 'ava';
import { istiodCrds } from './crds.ts';

test('these kinds are served in these versions, the stored one first', (t) => {
	t.deepEqual(
		istiodCrds.map(({ name, version, alsoServed = [] }) => `${name}: ${[version, ...alsoServed].join(', ')}`),
		[
			'authorizationpolicies.security.istio.io: v1, v1beta1',
			'destinationrules.networking.istio.io: v1, v1alpha3, v1beta1',
			'envoyfilters.networking.istio.io: v1alpha3',
			'gateways.networking.istio.io: v1, v1alpha3, v1beta1',
			'peerauthentications.security.istio.io: v1, v1beta1',
			'proxyconfigs.networking.istio.io: v1beta1',
			'requestauthentications.security.istio.io: v1, v1beta1',
			'serviceentries.networking.istio.io: v1, v1alpha3, v1beta1',
			'sidecars.networking.istio.io: v1, v1alpha3, v1beta1',
			'telemetries.telemetry.istio.io: v1alpha1, v1',
			'trafficextensions.extensions.istio.io: v1alpha1',
			'virtualservices.networking.istio.io: v1, v1alpha3, v1beta1',
			'wasmplugins.extensions.istio.io: v1alpha1',
			'workloadentries.networking.istio.io: v1, v1alpha3, v1beta1',
			'workloadgroups.networking.istio.io: v1, v1alpha3, v1beta1',
		],
	);
});

test('each has a schema for its spec, a status of its own, and rules where upstream has them', (t) => {
	for (const { name, kind, plural, schema, hasStatus, columns } of istiodCrds) {
		t.true(name.startsWith(`${plural}.`));
		t.true(hasStatus, kind);
		t.like(schema, { type: 'object', properties: { spec: { type: 'object' } } }, kind);
		t.true(JSON.stringify(schema).includes('"x-kubernetes-validations":[{"message":'), kind);
		for (const { jsonPath } of columns) t.regex(jsonPath, /^\./, kind);
	}
});

test('no short name is taken twice', (t) => {
	const shortNames = istiodCrds.flatMap((crd) => crd.shortNames);
	t.is(new Set(shortNames).size, shortNames.length);
});
