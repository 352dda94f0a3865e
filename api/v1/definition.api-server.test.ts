/** The definition on a real API server, and the parser beside it: both must say the same. */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import { Agent, request } from 'undici';
import { parse } from 'yaml';
import { ApiServerError } from '../../e2e/control-plane/api-client.ts';
import { type Cluster, startCluster } from '../../e2e/control-plane/cluster.ts';
import {
	apiVersion,
	crdName,
	kind,
	parseMeshInstallation,
	parseStatus,
	plural,
	unobservedGeneration,
} from './index.ts';
import { acceptedCases, type Case, refusedCases } from './testing/cases.ts';
import { edgeValues, replaceSomewhere } from './testing/nonsense.ts';

const collection = `/apis/${apiVersion}/${plural}`;
let cluster: Cluster;

interface Stored {
	readonly metadata: { readonly name: string; readonly generation: number; readonly resourceVersion: string };
	readonly spec: Readonly<Record<string, unknown>>;
	readonly status?: Readonly<Record<string, unknown>>;
}

interface Definition {
	readonly status?: {
		readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[];
	};
}

function objectOf({ name = 'mesh', spec }: Pick<Case, 'name' | 'spec'>): object {
	return { apiVersion, kind, metadata: { name }, spec };
}

async function create(body: object, query = 'fieldValidation=Strict'): Promise<Stored> {
	return (await cluster.request({ method: 'POST', path: `${collection}?${query}`, body })) as Stored;
}

async function patch(name: string, body: object, subresource = ''): Promise<Stored> {
	return (await cluster.request({
		method: 'PATCH',
		path: `${collection}/${name}${subresource}?fieldValidation=Strict`,
		contentType: 'application/merge-patch+json',
		body,
	})) as Stored;
}

test.before(async () => {
	cluster = await startCluster();
	const definition: unknown = parse(
		await readFile(new URL('../../crds/meshinstallations.yaml', import.meta.url), 'utf8'),
	);
	await cluster.request({
		method: 'PATCH',
		path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crdName}?fieldManager=test&force=true&fieldValidation=Strict`,
		contentType: 'application/apply-patch+yaml',
		body: definition,
	});
	const deadline = Date.now() + 60_000;
	while (!(await isServed())) {
		if (Date.now() > deadline) {
			throw new Error(`${crdName} is not served: ${JSON.stringify(await conditions())}`);
		}
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
});

test.after.always('stop', async () => {
	await cluster?.stop();
});

async function conditions() {
	const definition = (await cluster.request({
		path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crdName}`,
	})) as Definition;
	return definition.status?.conditions ?? [];
}

async function isServed(): Promise<boolean> {
	if (!(await conditions()).some(({ type, status }) => type === 'Established' && status === 'True')) {
		return false;
	}
	try {
		await cluster.request({ path: collection });
		return true;
	} catch (error) {
		if (error instanceof ApiServerError && [404, 429, 503].includes(error.status)) {
			return false; // Its storage is being set up.
		}
		throw error;
	}
}

test('there are at least 60 refused and 30 accepted objects', (t) => {
	t.true(refusedCases.filter(({ parserOnly }) => parserOnly === undefined).length >= 60);
	t.true(acceptedCases.length >= 30);
});

test('the definition is established, structural, and has the names that users type', async (t) => {
	const all = await conditions();
	t.like(
		all.find(({ type }) => type === 'Established'),
		{ status: 'True' },
	);
	t.like(
		all.find(({ type }) => type === 'NamesAccepted'),
		{ status: 'True' },
	);
	t.deepEqual(
		all.filter(({ type }) => type === 'NonStructuralSchema' || type === 'KubernetesAPIApprovalPolicyConformant'),
		[],
	);
	const { resources } = (await cluster.request({ path: `/apis/${apiVersion}` })) as {
		readonly resources: readonly { readonly name: string }[];
	};
	t.like(
		resources.find(({ name }) => name === plural),
		{
			singularName: 'meshinstallation',
			namespaced: false,
			shortNames: ['mi'],
			categories: ['istio', 'meshwright'],
		},
	);
	t.truthy(resources.find(({ name }) => name === `${plural}/status`));
});

for (const { title, path, server = path, parserOnly, ...given } of refusedCases) {
	test(`refused: ${title}`, async (t) => {
		const parsed = parseMeshInstallation(objectOf(given));
		t.false(parsed.ok, 'the parser takes it');
		if (!parsed.ok) {
			t.true(
				parsed.problems.some((problem) => problem.path === path),
				`the parser names other paths: ${JSON.stringify(parsed.problems)}`,
			);
		}
		if (parserOnly !== undefined) {
			await t.notThrowsAsync(create(objectOf(given), 'dryRun=All&fieldValidation=Strict'), parserOnly);
			return;
		}
		const error = await t.throwsAsync(create(objectOf(given), 'dryRun=All&fieldValidation=Strict'), {
			instanceOf: ApiServerError,
		});
		t.true(error?.message.replaceAll('\\"', '"').includes(server), error?.message);
	});
}

for (const { title, ...given } of acceptedCases) {
	test(`accepted: ${title}`, async (t) => {
		const stored = await create(objectOf(given), 'dryRun=All&fieldValidation=Strict');
		const parsed = parseMeshInstallation(objectOf(given));
		t.true(parsed.ok, JSON.stringify(parsed));
		if (parsed.ok) {
			t.deepEqual<unknown, unknown>(parsed.installation.spec, stored.spec, 'both fill in the same defaults');
		}
		const again = parseMeshInstallation(stored);
		t.true(again.ok, JSON.stringify(again));
	});
}

test('both agree about good objects with one value replaced, also about what is stored', async (t) => {
	const specs = acceptedCases.map(({ spec }) => spec);
	const value = fc.oneof(
		{ weight: 4, arbitrary: fc.constantFrom(...edgeValues) },
		{ weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
	);
	const steps = fc.array(fc.nat({ max: 7 }), { minLength: 6, maxLength: 6 });
	await fc.assert(
		fc.asyncProperty(fc.constantFrom(...specs), value, steps, async (good, other, way) => {
			const object = objectOf({ spec: replaceSomewhere(good, other, way) });
			const parsed = parseMeshInstallation(object);
			const stored = await createOrRefusal(object);
			t.is(parsed.ok, typeof stored !== 'string', `${JSON.stringify(object)}: ${JSON.stringify([parsed, stored])}`);
			if (parsed.ok && typeof stored !== 'string') {
				t.deepEqual<unknown, unknown>(parsed.installation.spec, stored.spec);
			}
		}),
		{ numRuns: 400 },
	);
});

async function createOrRefusal(object: object): Promise<Stored | string> {
	try {
		return await create(object, 'dryRun=All&fieldValidation=Strict');
	} catch (error) {
		if (error instanceof ApiServerError && [400, 422].includes(error.status)) {
			return error.message;
		}
		throw error;
	}
}

test('defaults are stored, and nothing but them', async (t) => {
	const { spec, status } = await create(objectOf({ name: 'defaults', spec: { version: '1.4.10', pilot: {} } }));
	t.deepEqual(spec, { version: '1.4.10', profile: 'minimal', namespace: 'istio-system', pilot: {} });
	t.deepEqual(status, { observedGeneration: unobservedGeneration });
});

test('without strict validation an unknown field is dropped', async (t) => {
	const { spec } = await create(
		objectOf({ name: 'pruned', spec: { version: '1.4.10', pilots: { replicas: 2 } } }),
		'fieldValidation=Ignore',
	);
	t.false('pilots' in spec);
});

test('the namespace never changes, neither from a set one nor from the default', async (t) => {
	await create(objectOf({ name: 'still', spec: { version: '1.4.10' } }));
	await create(objectOf({ name: 'still-named', spec: { version: '1.4.10', namespace: 'mesh-2' } }));
	const changes = [
		['still', { namespace: 'mesh-3' }],
		['still-named', { namespace: 'mesh-3' }],
		['still-named', { namespace: null }],
	] as const;
	for (const [name, spec] of changes) {
		await t.throwsAsync(patch(name, { spec }), { message: /spec\.namespace.*namespace is immutable/ });
	}
	const { spec } = await patch('still', { spec: { namespace: 'istio-system', version: '1.4.9' } });
	t.like(spec, { namespace: 'istio-system', version: '1.4.9' });
});

test('rules hold for updates too', async (t) => {
	await create(objectOf({ name: 'updated', spec: { version: '1.4.10', pilot: { replicas: 2 } } }));
	await t.throwsAsync(patch('updated', { spec: { pilot: { autoscaling: { maxReplicas: 3 } } } }), {
		message: /replicas and autoscaling must not both be set/,
	});
	const { spec } = await patch('updated', { spec: { pilot: { replicas: null, autoscaling: { maxReplicas: 3 } } } });
	t.deepEqual(spec.pilot, { autoscaling: { maxReplicas: 3 } });
});

test('the status is written through its subresource alone, and raises no generation', async (t) => {
	const created = await create({
		...objectOf({ name: 'status', spec: { version: '1.4.10' } }),
		status: { observedGeneration: 7, phase: 'Ready' },
	});
	t.deepEqual(created.status, { observedGeneration: unobservedGeneration });
	t.deepEqual((await patch('status', { status: { phase: 'Ready' } })).status, created.status);
	const status = {
		observedGeneration: 1,
		version: '1.4.10',
		phase: 'Ready',
		ready: '1/1',
		conditions: [
			{
				type: 'Ready',
				status: 'True',
				observedGeneration: 1,
				lastTransitionTime: '2026-01-01T00:00:00Z',
				reason: 'Ready',
				message: 'All components run as asked.',
			},
		],
		components: [{ name: 'pilot', ready: 1, desired: 1, version: '1.4.10', image: 'docker.io/istio/pilot:1.4.10' }],
		upgrade: { from: '1.3.8', to: '1.4.10', state: 'Held', stage: 'Pilot', previous: { profile: 'default' } },
		inventory: { objects: 87, hash: 'abc' },
	};
	const written = await patch('status', { spec: { paused: true }, status }, '/status');
	t.deepEqual(written.status, status);
	t.false('paused' in written.spec);
	t.is(written.metadata.generation, created.metadata.generation);
	t.true(parseMeshInstallation(written).ok);
	const parsed = parseStatus(written.status);
	t.deepEqual(parsed.problems, []);
	t.deepEqual<unknown, unknown>(parsed.status, status);
	await t.throwsAsync(patch('status', { status: { conditions: [{ type: 'Ready', status: 'Yes' }] } }, '/status'), {
		message: /status\.conditions\[0\]\.status/,
	});
});

test('the columns of kubectl get are as documented', async (t) => {
	const { columnDefinitions } = (await printed()) as {
		readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
	};
	t.deepEqual(
		columnDefinitions.map(({ name, priority }) => `${name.toUpperCase()}${priority === 0 ? '' : ' (wide)'}`),
		['NAME', 'VERSION', 'PROFILE', 'READY', 'STATUS', 'CLUSTERS', 'AGE', 'MESSAGE (wide)'],
	);
});

/** What `kubectl get` asks for. */
async function printed(): Promise<unknown> {
	const agent = new Agent({ connect: { ca: cluster.ca } });
	try {
		const response = await request(new URL(collection, cluster.url), {
			dispatcher: agent,
			headers: {
				accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
				authorization: `Bearer ${cluster.adminToken}`,
			},
			signal: AbortSignal.timeout(30_000),
		});
		return await response.body.json();
	} finally {
		await agent.close();
	}
}
