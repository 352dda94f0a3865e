import test from 'ava';
import { crdsOf } from './crds.ts';
import { mixerMetrics } from './mixer-metrics.ts';
import { classicReleases } from './releases.ts';
import { mixerRules } from './resolve-mixer.ts';

/** Kinds of Mixer's group that Pilot reads for proxies. Mixer does not read them. */
const pilots = ['httpapispecbindings', 'httpapispecs', 'quotaspecbindings', 'quotaspecs'];

for (const release of classicReleases) {
	const { version, mixer } = release;

	test(`Mixer ${version} follows every kind of its group that the release ships, but for those of Pilot`, (t) => {
		const shipped = crdsOf(release)
			.filter(({ group }) => group === 'config.istio.io')
			.map(({ plural }) => plural)
			.filter((plural) => !pilots.includes(plural));
		t.deepEqual(
			shipped.filter((plural) => !mixer.configKinds.includes(plural)),
			[],
		);
		t.deepEqual([...new Set(mixer.configKinds)].sort(), [...mixer.configKinds].sort(), 'each once');
	});

	test(`Mixer ${version} is given no flag that it does not know`, (t) => {
		for (const arg of [...mixer.args, ...mixer.policyArgs, ...mixer.telemetryArgs]) {
			t.true(mixer.flags.includes(/^--([^=]+)/.exec(arg)?.[1] ?? ''), arg);
		}
	});

	test(`every flag that is set for Mixer ${version} follows from something, or can be set after it`, (t) => {
		const overridable = ['log_output_level', 'averageLatencyThreshold', 'loadsheddingMode'];
		for (const service of ['policy', 'telemetry'] as const) {
			const { ownedFlags } = mixerRules(release, service);
			const args = [...mixer.args, ...(service === 'policy' ? mixer.policyArgs : mixer.telemetryArgs)];
			for (const [, flag = ''] of args.map((arg) => /^--([^=]+)/.exec(arg) ?? [])) {
				t.not(ownedFlags.includes(flag), overridable.includes(flag), flag);
			}
		}
	});

	test(`metrics of ${version} have names of their own`, (t) => {
		const metrics = mixerMetrics(release.minor);
		t.is(new Set(metrics.map(({ name }) => name)).size, metrics.length);
		t.is(new Set(metrics.map(({ prometheus }) => prometheus.name)).size, metrics.length);
	});
}

test('the number of dimensions is that of the charts', (t) => {
	const sizes = (minor: '1.0' | '1.1' | '1.4') =>
		mixerMetrics(minor).map(({ name, dimensions }) => `${name} ${Object.keys(dimensions).length}`);
	t.deepEqual(sizes('1.0'), [
		'requestcount 17',
		'requestduration 17',
		'requestsize 17',
		'responsesize 17',
		'tcpbytesent 15',
		'tcpbytereceived 15',
	]);
	const later = [
		'requestcount 20',
		'requestduration 20',
		'requestsize 20',
		'responsesize 20',
		'tcpbytesent 16',
		'tcpbytereceived 16',
		'tcpconnectionsopened 16',
		'tcpconnectionsclosed 16',
	];
	t.deepEqual(sizes('1.1'), later);
	t.deepEqual(sizes('1.4'), later);
});
