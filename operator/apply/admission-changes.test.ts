import test from 'ava';
import { render } from '../lines/testing.ts';
import { classicReleases } from '../releases/classic/index.ts';
import { meshOf } from '../render/testing.ts';
import type { KubeObject } from '../runtime/object.ts';
import { changedAtAdmission } from './admission-changes.ts';
import { deployment } from './testing.ts';

const sent = deployment('pilot', { replicas: 2 });

/** The object as something stores it that changes it by this function. */
function stored(
	change: (object: { spec: { replicas: number; template: { spec: { containers: Container[] } } } }) => void,
) {
	const copy = structuredClone(sent);
	change(copy as never);
	return copy;
}

interface Container {
	name: string;
	image?: string;
	ports?: object[];
	args?: string[];
}

const paths = (object: KubeObject, isWhole = true) => changedAtAdmission(sent, object, isWhole)?.paths ?? [];

test('what is stored as it was sent, with more in it, is not changed', (t) => {
	t.is(
		changedAtAdmission(
			sent,
			stored(() => undefined),
			true,
		),
		undefined,
	);
	const more = stored(({ spec }) => {
		spec.template.spec.containers.unshift({ name: 'agent', image: 'agent' });
		spec.template.spec.containers[1]?.ports?.push({ containerPort: 1, protocol: 'TCP' });
	});
	t.deepEqual(paths({ ...more, status: { replicas: 1 } }), []);
});

test('what is changed or taken away is told by its path, and another change has another hash', (t) => {
	const image = (to: string) =>
		stored(({ spec }) => {
			const [first] = spec.template.spec.containers;
			if (first !== undefined) first.image = to;
		});
	t.deepEqual(paths(image('mirror/pilot')), ['spec.template.spec.containers[discovery].image']);
	t.deepEqual(paths(image('mirror/pilot'), false), [], 'of metadata alone nothing else is known');
	const hash = (to: string) => changedAtAdmission(sent, image(to), true)?.hash;
	t.is(hash('a'), hash('a'));
	t.not(hash('a'), hash('b'));
	t.deepEqual(paths({ ...sent, spec: { ...(sent.spec as object), replicas: 3 } }), ['spec.replicas']);
	t.deepEqual(paths(stored(({ spec }) => void spec.template.spec.containers[0]?.ports?.pop())), [
		'spec.template.spec.containers[discovery].ports[15010].containerPort',
		'spec.template.spec.containers[discovery].ports[15010].protocol',
	]);
	t.deepEqual(paths({ ...sent, metadata: { ...sent.metadata, labels: {} } }, false).slice(0, 1), [
		`metadata.labels.${Object.keys(sent.metadata.labels ?? {})[0]}`,
	]);
});

test('an API server writes amounts in its own way', (t) => {
	const with_ = (cpu: string | number): KubeObject => ({ ...sent, spec: { limits: { cpu, memory: '1Gi' } } });
	t.is(changedAtAdmission(with_('1000m'), with_('1'), true), undefined);
	t.deepEqual(changedAtAdmission(with_('1'), with_('2'), true)?.paths, ['spec.limits.cpu']);
});

for (const { version } of classicReleases) {
	test(`${version}: each object is as it was sent, and each field that is missing is found`, (t) => {
		const on = { enabled: true };
		const spec = { citadel: on, mixer: { policy: on, telemetry: on }, sidecarInjector: on, gateways: { ingress: on } };
		for (const object of render(meshOf({ version, namespace: 'mesh', ...spec }))) {
			t.is(changedAtAdmission(object, structuredClone(object), true), undefined);
			for (const field of Object.keys(object).filter((name) =>
				['spec', 'data', 'rules', 'subjects', 'webhooks'].includes(name),
			)) {
				const { [field]: _, ...rest } = object;
				t.not(changedAtAdmission(object, rest as KubeObject, true), undefined, `${object.kind} ${field}`);
			}
		}
	});
}
