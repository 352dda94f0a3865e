import test from 'ava';
import { parseMeshInstallation } from '../../../api/v1/index.ts';
import { resolve } from '../../lines/testing.ts';
import { classicReleases } from './index.ts';

/** Paths and reasons of all problems of a spec. */
function problems(spec: Readonly<Record<string, unknown>>): readonly string[] {
	const parsed = parseMeshInstallation({
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		metadata: { name: 'default' },
		spec: { version: '1.4.10', ...spec },
	});
	if (!parsed.ok) {
		throw new Error(JSON.stringify(parsed.problems));
	}
	const result = resolve(parsed.installation);
	return result.ok ? [] : result.problems.map(({ path, reason }) => `${path} ${reason}`);
}

test('selectors of pods are for injectors that know them', (t) => {
	const sidecarInjector = {
		enabled: true,
		neverInject: [{ matchLabels: { a: 'b' } }],
		alwaysInject: [{ matchLabels: { a: 'b' } }],
	};
	for (const { version, minor } of classicReleases) {
		t.deepEqual(
			problems({ version, sidecarInjector }),
			minor === '1.0'
				? ['spec.sidecarInjector.neverInject FieldNotInRelease', 'spec.sidecarInjector.alwaysInject FieldNotInRelease']
				: [],
		);
	}
});

test('a selector that the injector would pass over is refused', (t) => {
	t.deepEqual(problems({ sidecarInjector: { enabled: true, neverInject: [{ matchLabels: {} }] } }), [
		'spec.sidecarInjector.neverInject[0] Invalid',
	]);
});

test("namespaces of the cluster and the mesh's own get no proxies", (t) => {
	t.deepEqual(
		problems({
			namespace: 'mesh-1',
			sidecarInjector: { enabled: true, namespaces: ['shop', 'mesh-1', 'kube-system', 'kubernetes'] },
		}),
		['spec.sidecarInjector.namespaces[1] Invalid', 'spec.sidecarInjector.namespaces[2] Invalid'],
	);
});

test('what an injector that does not run would ignore is refused; what is put into pods is not', (t) => {
	const given = problems({ sidecarInjector: { enabled: false, namespaces: ['shop'], replicas: 2 } });
	t.deepEqual([...given].sort(), ['spec.sidecarInjector.namespaces Invalid', 'spec.sidecarInjector.replicas Invalid']);
	t.deepEqual(problems({ sidecarInjector: {}, proxy: { uid: 4711, excludeInboundPorts: [22] } }), []);
});

test('what is left out of a list counts only where everything is in', (t) => {
	t.deepEqual(
		problems({
			proxy: {
				includeIPRanges: ['10.0.0.0/8'],
				excludeIPRanges: ['10.1.0.0/16'],
				includeInboundPorts: [80],
				excludeInboundPorts: [22],
			},
		}),
		['spec.proxy.excludeIPRanges Invalid', 'spec.proxy.excludeInboundPorts Invalid'],
	);
	t.deepEqual(problems({ proxy: { includeIPRanges: ['*', '10.0.0.0/8'], includeInboundPorts: [80, '*'] } }), [
		'spec.proxy.includeIPRanges Invalid',
		'spec.proxy.includeInboundPorts Invalid',
	]);
	t.deepEqual(problems({ proxy: { excludeIPRanges: ['10.0.0.0/8'], excludeInboundPorts: [22] } }), []);
	t.deepEqual(problems({ proxy: { includeIPRanges: [], includeInboundPorts: [] } }), []);
});

test('flags of the injector are those of the binary that runs, without those that the operator sets', (t) => {
	const withFlag = (version: string, flag: string) =>
		problems({ version, sidecarInjector: { enabled: true, extraArgs: [flag] } });
	for (const { version } of classicReleases) {
		t.deepEqual(withFlag(version, '--log_output_level=default:debug'), []);
		t.deepEqual(withFlag(version, '--port=443'), ['spec.sidecarInjector.extraArgs[0] Invalid']);
		t.deepEqual(withFlag(version, '--unknown'), ['spec.sidecarInjector.extraArgs[0] FieldNotInRelease']);
	}
	t.deepEqual(withFlag('1.1.17', '--injectValues=/x'), ['spec.sidecarInjector.extraArgs[0] Invalid']);
	t.deepEqual(withFlag('1.0.9', '--injectValues=/x'), ['spec.sidecarInjector.extraArgs[0] FieldNotInRelease']);
});
