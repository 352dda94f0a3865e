/** Every single API call of an installation and of its deletion goes wrong once, in each of several ways: all end well. */
import test from 'ava';
import { defaultValidator } from '../operator/render/istiod/index.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { type Fault, type FaultProxy, type Match, startFaultProxy } from './fault-proxy.ts';
import { kubeconfigThrough } from './support/crash-kubeconfig.ts';
import { eventually } from './support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
	liveChildren,
	readLive,
	renderedChildren,
	renderedObjects,
	type Spec,
	untilInstalled,
} from './support/installation.ts';
import { versionUnderTest } from './support/lines-under-test.ts';
import { type MeshCluster, operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { startOperator } from './support/operator.ts';
import { differences } from './support/owned-fields.ts';
import { playIstiods } from './support/played-istiod.ts';
import { changesOf, describeWrite } from './support/writes.ts';

function status(code: number, reason: string, headers: Readonly<Record<string, string>> = {}): Fault {
	const body = JSON.stringify({
		kind: 'Status',
		apiVersion: 'v1',
		metadata: {},
		status: 'Failure',
		reason,
		code,
		message: `injected ${code}`,
	});
	return { type: 'answer', status: code, headers, body };
}

const conflict = '409 Conflict';

const faults: Readonly<Record<string, Fault>> = {
	[conflict]: status(409, 'Conflict'),
	'500 InternalError': status(500, 'InternalError'),
	'429 TooManyRequests': status(429, 'TooManyRequests', { 'retry-after': '1' }),
	'a connection that ends before the answer, nothing done': { type: 'drop' },
	'a connection that ends before the answer, all done': { type: 'drop-answer' },
};

/** How many installations go on at a time. */
const inParallel = 8;

let mesh: MeshCluster;
let proxy: FaultProxy;
let stopOperator: () => Promise<void> = () => Promise.resolve();

test.before(async () => {
	mesh = await startMeshCluster();
	proxy = await startFaultProxy(mesh.cluster);
	const kubeconfig = await kubeconfigThrough(proxy, mesh.cluster, mesh.kubeconfig);
	stopOperator = (await startOperator(mesh, { kubeconfig })).stop;
});
test.after.always(async () => {
	await stopOperator();
	await proxy?.stop();
	await mesh?.stop();
});

/** A call as a pattern: `PATCH /api/v1/namespaces/istio-NAME/configmaps/istio`. */
interface Call {
	readonly method: string;
	readonly path: string;
}

function matchOf({ method, path }: Call, name: string): Match {
	return { method, path: new RegExp(`^${path.replaceAll('NAME', name)}$`), watch: false, nth: 1 };
}

/** What goes wrong in each half of an installation's life, and nothing where it is undefined. */
interface Trouble {
	readonly installing?: (() => void) | undefined;
	readonly deleting?: (() => void) | undefined;
}

/** Installs, checks and deletes one installation; returns the operator's deletions before it was asked for any. */
async function run(
	name: string,
	{ installing, deleting }: Trouble = {},
	settings: Spec = {},
): Promise<readonly string[]> {
	const { api, cluster } = mesh;
	const spec = { namespace: `istio-${name}`, ...settings };
	installing?.();
	await applyInstallation(api, name, spec);
	await untilInstalled(api, name);
	const children = renderedChildren(name, spec);
	// What waits for istiod comes later.
	await eventually('all of it is stored', async () => (await liveChildren(api, name)).length === children.length);
	for (const child of children) {
		const found = differences(child, await readLive(api, child));
		if (found.length > 0) throw new Error(`${child.kind} of ${name}: ${found.join('; ')}`);
	}
	const deletions = (await changesOf(cluster, operatorUser))
		.map(describeWrite)
		.filter((line) => line.startsWith('delete') && line.includes(`istio-${name}`));
	deleting?.();
	await deleteInstallation(api, name);
	const left = await liveChildren(api, name);
	if (left.length > 0) throw new Error(`${name} left ${left.length} objects`);
	return deletions;
}

async function inTurn<T>(items: readonly T[], step: (item: T, index: number) => Promise<void>): Promise<void> {
	const queue = items.entries();
	await Promise.all(
		Array.from({ length: inParallel }, async () => {
			for (const [index, item] of queue) await step(item, index);
		}),
	);
}

/** The calls that name the installation, its namespace, or what a cluster has once, in an undisturbed run; each once, where it comes first. */
async function rehearse(
	settings?: Spec,
): Promise<{ readonly installing: readonly Call[]; readonly deleting: readonly Call[] }> {
	proxy.reset();
	let half = 0;
	const deleting = () => {
		half = proxy.requests.length;
	};
	await run('rehearsal', { deleting }, settings);
	const first = new Map<string, { readonly call: Call; readonly isOfInstalling: boolean }>();
	for (const [index, { isWatch, method, path }] of proxy.requests.entries()) {
		const isOurs = path.includes('rehearsal') || path.endsWith(defaultValidator);
		if (isWatch || !isOurs || path.includes('/events')) continue;
		const call = { method, path: path.replaceAll('rehearsal', 'NAME') };
		const key = `${call.method} ${call.path}`;
		if (!first.has(key)) first.set(key, { call, isOfInstalling: index < half });
	}
	const calls = [...first.values()];
	return {
		installing: calls.flatMap(({ call, isOfInstalling }) => (isOfInstalling ? [call] : [])),
		deleting: calls.flatMap(({ call, isOfInstalling }) => (isOfInstalling ? [] : [call])),
	};
}

interface Case {
	readonly call: Call;
	readonly title: string;
	readonly fault: Fault;
}

function casesOf(calls: readonly Call[]): readonly Case[] {
	return calls.flatMap((call) => Object.entries(faults).map(([title, fault]) => ({ call, title, fault })));
}

function describeCase({ call, title }: Case): string {
	return `${call.method} ${call.path}: ${title}`;
}

test.serial(
	'each call of an installation and of its deletion goes wrong once: it converges, and no object is deleted for it',
	async (t) => {
		// The CRDs are shared; their turn comes below.
		await run('crds');
		const calls = await rehearse();
		const all = [...calls.installing, ...calls.deleting];
		t.true(all.length >= 2 * renderedChildren('rehearsal').length, JSON.stringify(calls));
		t.true(all.some(({ method }) => method === 'DELETE') && all.some(({ path }) => path.endsWith('/status')));
		t.true(calls.deleting.length >= renderedChildren('rehearsal').length, 'its deletion has calls of its own');
		const [installing, deleting] = [casesOf(calls.installing), casesOf(calls.deleting)];
		// One installation has room for two: it is as it should be before its deletion begins.
		const pairs = Array.from({ length: Math.max(installing.length, deleting.length) }, (_, index) => ({
			installing: installing[index],
			deleting: deleting[index],
		}));
		proxy.reset();
		await inTurn(pairs, async (pair, index) => {
			const name = `case-${index}-x`;
			const doing = [pair.installing, pair.deleting].flatMap((one) => (one === undefined ? [] : [describeCase(one)]));
			const script = (one: Case | undefined) => one && (() => proxy.script(matchOf(one.call, name), one.fault));
			try {
				const trouble = { installing: script(pair.installing), deleting: script(pair.deleting) };
				t.deepEqual(await run(name, trouble), [], doing.join('; '));
			} catch (error) {
				throw new Error(doing.join('; '), { cause: error });
			}
		});
		const met = proxy.requests.filter(({ fault }) => fault !== undefined).length;
		const cases = installing.length + deleting.length;
		t.log(`${cases} cases in ${pairs.length} installations`);
		t.true(met >= cases * 0.95, `${met} of ${cases} faults happened`);
	},
);

test.serial(
	'each call of an installation of istiod, of its webhooks and of its deletion goes wrong in one and the same life: it converges',
	async (t) => {
		await using _istiods = await playIstiods(mesh.api, mesh.cluster, { rollsOut: true });
		const settings: Spec = {
			version: versionUnderTest('istiod'),
			sidecarInjector: { enabled: true },
			mesh: { mtls: { mode: 'STRICT' } },
		};
		await run('crds', {}, settings);
		const { installing, deleting } = await rehearse(settings);
		const rendered = renderedChildren('rehearsal', settings);
		t.true(installing.length >= rendered.length && deleting.length >= rendered.length);
		t.true(installing.some(({ path }) => path.includes('webhookconfigurations')));
		// One mesh of istiod is in a cluster, so these follow each other.
		const { '429 TooManyRequests': _, ...tried } = faults;
		for (const [index, [title, fault]] of Object.entries(tried).entries()) {
			const name = `today-${index}-x`;
			proxy.reset();
			const script = (calls: readonly Call[]) => () => {
				for (const call of calls) proxy.script(matchOf(call, name), fault);
			};
			// After a conflict a deletion waits 10 s for word of another object: in one step of it that is enough.
			const leaving =
				title === conflict ? deleting.filter(({ path }) => path.includes('webhookconfigurations')) : deleting;
			const trouble = { installing: script(installing), deleting: script(leaving) };
			t.deepEqual(await run(name, trouble, settings), [], title);
			const met = proxy.requests.filter((request) => request.fault !== undefined).length;
			const cases = installing.length + leaving.length;
			// What was done although nobody heard of it is not asked for again.
			t.true(met >= cases * 0.7, `${title}: ${met} of ${cases} faults happened`);
		}
	},
);

test.serial('a call that is never answered is given up, and done again', async (t) => {
	proxy.reset();
	const calls: readonly Call[] = [
		{ method: 'PATCH', path: '/api/v1/namespaces/istio-NAME/configmaps/istio' },
		{ method: 'PATCH', path: '/apis/meshwright.io/v1/meshinstallations/NAME' },
		{ method: 'PATCH', path: '/apis/meshwright.io/v1/meshinstallations/NAME/status' },
	];
	await inTurn(calls, async (call, index) => {
		const name = `hang-${index}-x`;
		t.deepEqual(await run(name, { installing: () => proxy.script(matchOf(call, name), { type: 'hang' }) }), []);
	});
	t.is(proxy.requests.filter(({ fault }) => fault === 'hang').length, calls.length);
});

test.serial('each CRD goes wrong once: all are Established in the end', async (t) => {
	await using own = await startMeshCluster();
	await using through = await startFaultProxy(own.cluster);
	const kubeconfig = await kubeconfigThrough(through, own.cluster, own.kubeconfig);
	const crds = renderedObjects('first').filter(({ kind }) => kind === 'CustomResourceDefinition');
	const kindsOfFault = Object.values(faults);
	for (const [index, { metadata }] of crds.entries()) {
		const fault = kindsOfFault[index % kindsOfFault.length];
		if (fault === undefined) continue;
		const path = new RegExp(`/customresourcedefinitions/${metadata.name}$`);
		through.script({ method: 'PATCH', path, watch: false, nth: 1 }, fault);
	}
	await using _operator = await startOperator(own, { kubeconfig });
	await applyInstallation(own.api, 'first');
	await untilInstalled(own.api, 'first');
	t.true(through.requests.filter(({ fault }) => fault !== undefined).length >= crds.length * 0.9);
	const { items } = await own.api.list(kinds.CustomResourceDefinition);
	t.is(items.length, crds.length + 1);
	t.deepEqual(
		(await changesOf(own.cluster, operatorUser)).map(describeWrite).filter((line) => line.startsWith('delete')),
		[],
	);
});
