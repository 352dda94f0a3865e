import test from 'ava';
import { classicReleases } from './releases.ts';

test('every argument is a flag that the release’s binary knows', (t) => {
	for (const { version, pilot } of classicReleases) {
		const [command, ...flags] = pilot.args;
		t.is(command, 'discovery');
		for (const flag of flags) {
			t.true(pilot.flags.includes(/^--([^=]+)/.exec(flag)?.[1] ?? ''), `${version} ${flag}`);
		}
	}
});

test('every release runs without registering definitions and without a TLS port that waits for certificates', (t) => {
	for (const { version, pilot } of classicReleases) {
		t.true(pilot.args.includes('--disable-install-crds'), version);
		t.true(pilot.args.includes('--secureGrpcAddr='), version);
	}
});

test('the monitoring port is the one that the binary is told, or its own default', (t) => {
	for (const { version, pilot } of classicReleases) {
		const told = pilot.args.find((arg) => arg.startsWith('--monitoringAddr='));
		const monitoring = pilot.ports.find(({ service }) => service === 'http-monitoring');
		t.is(monitoring?.port, told === undefined ? 9093 : Number(told.split(':')[1]), version);
	}
});

test('ports have names that Kubernetes takes for containers, none of them twice', (t) => {
	for (const { version, pilot } of classicReleases) {
		const names = pilot.ports.map(({ container }) => container);
		t.is(new Set(names).size, names.length, version);
		t.is(new Set(pilot.ports.map(({ port }) => port)).size, names.length, version);
		for (const name of names) {
			t.regex(name, /^[a-z][a-z0-9-]{0,14}$/);
		}
	}
});

test('1.0 alone has to be replaced when its mesh configuration changes', (t) => {
	t.deepEqual(
		classicReleases.filter(({ pilot }) => !pilot.reloadsMeshConfig).map(({ version }) => version),
		['1.0.9'],
	);
});
