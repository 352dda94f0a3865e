import test from 'ava';
import { type UpgradeStage, upgradeStages } from '../../../api/v1/index.ts';
import { classicLine } from '../../lines/classic.ts';
import { render, renderCrds } from '../../lines/testing.ts';
import { classicReleases } from '../../releases/classic/index.ts';
import { type RuleLike, rightsNotCovered } from '../../render/rules-covered.ts';
import { at, meshOf } from '../../render/testing.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { compose, type Rendering } from './compose.ts';
import { courseOf, sourceOf } from './course.ts';

const none = new Map<string, string>();

/** A mesh with all components, as a version renders it. */
function renderingOf(version: string): Rendering {
	const mesh = meshOf({
		version,
		profile: 'production',
		mesh: { mtls: { mode: 'STRICT' } },
		mixer: { adapters: [{ prometheus: {} }, { stdio: {} }] },
		gateways: { ingress: { enabled: true }, egress: { enabled: true } },
	});
	return { version, objects: [...renderCrds(mesh), ...render(mesh)], held: none, kept: none, delayed: none };
}

const all = new Map(
	classicReleases.map((release) => [release.version, { release, rendering: renderingOf(release.version) }]),
);

function of(version: string) {
	const found = all.get(version);
	if (found === undefined) throw new Error(`there is no ${version}`);
	return found;
}

interface Composing {
	readonly stage: UpgradeStage | undefined;
	readonly reached?: UpgradeStage;
	readonly old?: Rendering | undefined;
	readonly rights?: readonly KubeObject[];
}

function composed(from: string, to: string, { stage, reached, ...given }: Composing) {
	const [before, after] = [of(from), of(to)];
	const course = courseOf({
		from,
		to,
		state: 'Progressing',
		...(stage === undefined ? {} : { stage }),
		...(reached === undefined ? {} : { reached }),
	});
	return compose({
		old: 'old' in given ? given.old : before.rendering,
		next: after.rendering,
		rights: given.rights ?? [],
		stageOf: (object) => classicLine.stageOf(object, { from: before.release, to: after.release }),
		sourceOf: (one) => sourceOf(course, one),
	});
}

function rulesOf(object: KubeObject | undefined): readonly RuleLike[] {
	return (object?.rules ?? []) as readonly RuleLike[];
}

const versions = classicReleases.map(({ version }) => version);
const hops = versions.slice(1).map((to, index) => [versions[index] ?? '', to] as const);

for (const [from, to] of hops) {
	test(`${from} → ${to}: at each stage every object is as one of both renders it, none is missing, and none is there twice`, (t) => {
		const byKey = ({ objects }: Rendering) => new Map(objects.map((object) => [objectKey(object), object]));
		const [old, next] = [byKey(of(from).rendering), byKey(of(to).rendering)];
		for (const stage of [undefined, ...upgradeStages]) {
			const { objects, stages, standing, versionOf } = composed(from, to, { stage });
			const keys = objects.map(objectKey);
			t.is(new Set(keys).size, keys.length);
			t.deepEqual(standing, []);
			const stageOfKey = new Map([...stages].flatMap(([name, members]) => members.map((key) => [key, name] as const)));
			for (const object of objects) {
				const key = objectKey(object);
				const isReached =
					upgradeStages.indexOf(stageOfKey.get(key) ?? 'Workloads') <=
					upgradeStages.indexOf(stage ?? ('' as UpgradeStage));
				const isNew = next.has(key) && (isReached || !old.has(key));
				t.is(versionOf.get(key), isNew ? to : from, key);
				if (isNew) t.true(isReached, `${key} comes before its stage`);
				const expected = isNew ? next.get(key) : old.get(key);
				if (object === expected) continue;
				// Only a role differs: it gives what both give.
				const [given, formerly, later] = [object, old.get(key), next.get(key)].map(rulesOf);
				t.deepEqual(rightsNotCovered(given ?? [], [...(formerly ?? []), ...(later ?? [])]), [], key);
			}
			// Nothing of the version before goes while the change goes on.
			for (const key of old.keys()) t.true(keys.includes(key), `${key} is gone at ${stage}`);
			if (stage === 'Workloads') for (const key of next.keys()) t.true(keys.includes(key));
		}
	});
}

/** The ConfigMaps that the pods of a Deployment mount. */
function mountedBy(objects: readonly KubeObject[], name: string): readonly KubeObject[] {
	const deployment = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name);
	const volumes = at(deployment, 'spec', 'template', 'spec', 'volumes') as readonly unknown[];
	const names = new Set(volumes.map((volume) => at(volume, 'configMap', 'name')));
	return objects.filter(({ kind, metadata }) => kind === 'ConfigMap' && names.has(metadata.name));
}

for (const [from, to] of hops) {
	test(`${from} → ${to}: at each stage injectors of both versions find the files that their own version renders`, (t) => {
		const own = (version: string) => mountedBy(of(version).rendering.objects, 'istio-sidecar-injector');
		t.deepEqual([own(from).length, own(to).length], [1, 1]);
		for (const stage of [undefined, ...upgradeStages]) {
			const { objects } = composed(from, to, { stage });
			const hasNew = upgradeStages.indexOf(stage ?? ('' as UpgradeStage)) >= upgradeStages.indexOf('Injector');
			for (const files of [...own(from), ...(hasNew ? own(to) : [])]) t.true(objects.includes(files), String(stage));
			t.deepEqual(mountedBy(objects, 'istio-sidecar-injector'), own(hasNew ? to : from));
		}
	});
}

test('who injects by hand gets the template of the new version once the injectors have it', (t) => {
	const { stages } = composed('1.3.8', '1.4.10', { stage: undefined });
	t.true(stages.get('Webhooks')?.includes('ConfigMap istio-system/istio-sidecar-injector'));
});

test('roles go on giving what pods of the version before need: Mixer 1.1 reads a kind for each adapter', (t) => {
	const role = (rendering: { readonly objects: readonly KubeObject[] }) =>
		rulesOf(
			rendering.objects.find(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name.startsWith('istio-mixer')),
		);
	const wanted = role(of('1.1.17').rendering);
	t.not(rightsNotCovered(role(of('1.2.10').rendering), wanted).length, 0);
	t.deepEqual(rightsNotCovered(role(composed('1.1.17', '1.2.10', { stage: 'Gateways' })), wanted), []);
	// Where the mesh before can't be told, its roles are those of what it most likely was.
	const unknown = { stage: 'Gateways', old: undefined } as const;
	t.not(rightsNotCovered(role(composed('1.1.17', '1.2.10', unknown)), wanted).length, 0);
	const rights = of('1.1.17').rendering.objects.filter(({ kind }) => kind === 'ClusterRole');
	const given = composed('1.1.17', '1.2.10', { ...unknown, rights });
	t.deepEqual(rightsNotCovered(role(given), wanted), []);
	t.is(given.objects.length, composed('1.1.17', '1.2.10', unknown).objects.length);
});

test('a mesh configuration that 1.0 would not read comes with the last that reads it, and goes before the first', (t) => {
	const stageOf = (from: string, to: string) => {
		const { stages } = composed(from, to, { stage: undefined });
		return [...stages].find(([, keys]) => keys.includes('ConfigMap istio-system/istio'))?.[0];
	};
	t.is(stageOf('1.0.9', '1.1.17'), 'Injector');
	t.is(stageOf('1.1.17', '1.0.9'), 'Pilot');
	t.is(stageOf('1.1.17', '1.2.10'), 'Configuration');
});

test('when the former spec can not be told, later stages stay as they stand, and are told of', (t) => {
	const { objects, standing } = composed('1.3.8', '1.4.10', { stage: 'Pilot', old: undefined });
	const names = (list: readonly KubeObject[]) =>
		list.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name);
	t.deepEqual(names(objects).sort(), ['istio-citadel', 'istio-pilot']);
	t.true(names(standing).includes('istio-ingressgateway'));
});

test('what another course has reached stays as it stands', (t) => {
	const { objects, standing } = composed('1.3.8', '1.4.10', { stage: 'CRDs', reached: 'Pilot' });
	const has = (list: readonly KubeObject[], name: string) => list.some(({ metadata }) => metadata.name === name);
	t.false(has(objects, 'istio-pilot'));
	t.true(has(standing, 'istio-pilot'));
	t.true(has(objects, 'istio-ingressgateway'));
});

test('when the new version can not be told any more, its stages are not taken back at once: they stand until their turn', (t) => {
	const [before, course] = [
		of('1.3.8'),
		courseOf({ from: '1.3.8', to: '1.4.10', state: 'RollingBack', stage: 'Mixer', reached: 'Pilot' }),
	];
	const { objects, standing } = compose({
		old: before.rendering,
		next: undefined,
		stageOf: (object) => classicLine.stageOf(object, { from: before.release, to: of('1.4.10').release }),
		sourceOf: (one) => sourceOf(course, one),
	});
	const has = (list: readonly KubeObject[], name: string) => list.some(({ metadata }) => metadata.name === name);
	t.deepEqual([has(objects, 'istio-pilot'), has(standing, 'istio-pilot')], [false, true]);
	t.deepEqual([has(objects, 'istio-ingressgateway'), has(standing, 'istio-ingressgateway')], [true, false]);
});

test('each gate holds the objects of its own version alone', (t) => {
	const key = 'Deployment.apps istio-system/istio-pilot';
	const [before, after] = [of('1.3.8').rendering, of('1.4.10').rendering];
	const gated = (stage: UpgradeStage) =>
		compose({
			old: { ...before, held: new Map([[key, 'a gate of old']]) },
			next: { ...after, held: new Map([[key, 'a gate of new']]) },
			stageOf: (object) => classicLine.stageOf(object, { from: of('1.3.8').release, to: of('1.4.10').release }),
			sourceOf: (one) => sourceOf(courseOf({ from: '1.3.8', to: '1.4.10', state: 'Progressing', stage }), one),
		}).held.get(key);
	t.is(gated('Configuration'), 'a gate of old');
	t.is(gated('Pilot'), 'a gate of new');
});
