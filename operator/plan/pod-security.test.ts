import test from 'ava';
import { istiodMeshOf, renderIstiod } from '../lines/istiod-testing.ts';
import { render } from '../lines/testing.ts';
import { classicReleases } from '../releases/classic/index.ts';
import { meshOf } from '../render/testing.ts';
import { podSecurityNote } from './pod-security.ts';

const enabled = { enabled: true };
const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };

function noteOf(version: string, spec: object, labels: Readonly<Record<string, string>> = restricted) {
	const objects = render(meshOf({ version, namespace: 'mesh', ...spec }));
	return podSecurityNote('mesh', labels, objects);
}

for (const { version } of classicReleases) {
	test(`${version}: a namespace that is restricted takes all components but the gateways, and that is told before`, (t) => {
		const parts = { citadel: enabled, mixer: { policy: enabled, telemetry: enabled }, sidecarInjector: enabled };
		t.is(noteOf(version, parts), undefined);
		const gateways = { ingress: enabled, egress: enabled };
		t.regex(
			noteOf(version, { gateways }) ?? '',
			/mesh .*refuses new pods of istio-egressgateway, istio-ingressgateway,/,
		);
		t.is(noteOf(version, { gateways }, { 'pod-security.kubernetes.io/enforce': 'baseline' }), undefined);
		t.is(noteOf(version, { gateways }, {}), undefined);
	});
}

test('what changes its node is refused by restricted and baseline, and that is told before', (t) => {
	const objects = renderIstiod(
		istiodMeshOf({
			version: '1.31.4',
			namespace: 'mesh',
			profile: 'default',
			cni: enabled,
			gateways: { ingress: enabled },
		}),
	);
	const note = (enforce: string) => podSecurityNote('mesh', { 'pod-security.kubernetes.io/enforce': enforce }, objects);
	t.is(note('privileged'), undefined);
	t.regex(
		note('baseline') ?? '',
		/enforce=baseline and refuses new pods of istio-cni-node, which change the network of their node: they need the standard privileged$/,
	);
	t.regex(note('restricted') ?? '', /pods of istio-cni-node, which change/);
});
