import test from 'ava';
import { lines } from '../../lines/index.ts';
import { istiodMeshOf } from '../../lines/istiod-testing.ts';
import { istiodRelease } from '../../releases/istiod/index.ts';
import { istiodKnownIssues } from './known-issues.ts';
import { istiodUpgradeRules } from './upgrade.ts';

type Spec = Readonly<Record<string, unknown>>;

const kubernetes = { first: '1.32', last: '1.36' };
const joined = {
	multiCluster: {
		clusterName: 'home',
		podCIDRs: ['10.1.0.0/16'],
		clusters: [
			{
				name: 'eu',
				podCIDRs: ['10.2.0.0/16'],
				kubeconfigSecret: { namespace: 'clusters', name: 'eu' },
				dataPlane: { enabled: false },
			},
		],
	},
};

/** A mesh of a patch, whether that can be installed or not. */
function meshOf(version: string, spec: Spec = {}) {
	const known = lines.releases.find((release) => release.version === version);
	const mesh = istiodMeshOf({ version: known === undefined ? '1.31.4' : version, ...spec });
	return known === undefined ? { ...mesh, release: istiodRelease({ version, kubernetes }) } : mesh;
}

function againstRelease(version: string, spec?: Spec): readonly string[] {
	return istiodUpgradeRules.release(meshOf(version, spec)).map(({ name, message }) => `${name}: ${message}`);
}

function onTheWay(from: string, to: string, spec?: Spec): readonly string[] {
	const hop = { from: { version: from, release: undefined, mesh: undefined }, to: meshOf(to, spec) };
	return istiodUpgradeRules.mesh(hop, { definitions: [] }).map(({ name, subject }) => `${name} ${subject}`);
}

test('nothing is known against the releases that can be installed', (t) => {
	for (const { version, line } of lines.releases) {
		if (line !== 'istiod') continue;
		t.deepEqual(againstRelease(version, { profile: 'default', ...joined }), [], version);
	}
});

test('a patch with published vulnerabilities is warned about by their names, with the patch that mends them', (t) => {
	const told = againstRelease('1.30.3');
	t.true(
		told.some((text) => /^security-bulletin: .*1\.30\.4 mends: ISTIO-SECURITY-2026-006/.test(text)),
		told.join('\n'),
	);
	t.true(told.some((text) => text.includes('GHSA-qm8v-g4f9-qhjx')));
	t.false(againstRelease('1.30.4').some((text) => text.startsWith('security-bulletin')));
	t.true(againstRelease('1.31.0').some((text) => text.includes('1.31.1 mend: GHSA-qm8v-g4f9-qhjx')));
	t.false(againstRelease('1.31.1').some((text) => text.startsWith('security-bulletin')));
});

test('a bug is told to a mesh that can meet it', (t) => {
	const told = (spec: Spec) => againstRelease('1.30.2', spec).join('\n');
	t.notRegex(told({}), /istio#60612|istio#61049/);
	t.regex(told({ sidecarInjector: { enabled: true } }), /istio#61049/);
	t.regex(told(joined), /istio#60612.*\n.*istio#60920/);
	t.notRegex(againstRelease('1.30.3', joined).join('\n'), /istio#60612/);
});

test('what istiod does by itself from a minor on is told once, unless somebody has decided it', (t) => {
	t.deepEqual(onTheWay('1.30.8', '1.31.4'), [
		'default-changes PILOT_AUTO_SEND_UNHEALTHY_ENDPOINTS',
		'default-changes PILOT_ENABLE_STRICT_GATEWAY_MERGING',
		'default-changes ENABLE_XDS_API_GENERATOR_AUTH',
	]);
	const env = [{ name: 'PILOT_AUTO_SEND_UNHEALTHY_ENDPOINTS', value: 'false' }];
	t.false(onTheWay('1.30.8', '1.31.4', { pilot: { env } }).some((text) => text.includes('UNHEALTHY')));
	t.deepEqual(onTheWay('1.31.4', '1.32.0'), ['default-changes PILOT_ENABLE_AWS_ZONE_ID']);
	const routes = [{ name: 'ENABLE_GATEWAY_API_HTTPROUTE_AUTH', value: 'true' }];
	t.true(onTheWay('1.31.4', '1.32.0', { pilot: { env: routes } }).some((text) => text.startsWith('known-bug')));
	t.deepEqual(onTheWay('1.31.1', '1.31.4'), []);
});

test('each row says where it is written', (t) => {
	for (const { source, sentence } of istiodKnownIssues) {
		t.regex(source, /^(istio#\d|istio 1|istio\.io|github\.com|release notes)/);
		t.notRegex(sentence, /\.$/, 'the source follows');
	}
});
