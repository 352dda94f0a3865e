/** A real API server takes injected manifests without a warning, and a live mesh decides what is injected. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { Agent, request } from 'undici';
import { parseAllDocuments } from 'yaml';
import { type Cluster, startCluster } from '../../../e2e/control-plane/cluster.ts';
import { meshwright } from '../../../e2e/support/cli.ts';
import { eventually } from '../../../e2e/support/eventually.ts';
import { classicReleases } from '../../releases/classic/index.ts';
import { ApiServer } from '../../runtime/client/api-server.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { toYaml } from '../document.ts';
import { aliased, text as anyText, type ReadAliased, writtenOut } from './scalars-testing.ts';
import { workloads } from './testing.ts';

let cluster: Cluster;
let agent: Agent;
let folder: string;

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'meshwright-inject-'));
	cluster = await startCluster({ name: 'inject' });
	agent = new Agent({ connect: { ca: cluster.ca } });
	// Nothing makes the accounts of namespaces here, and pods need one.
	for (const name of ['default', 'db']) {
		await cluster.request({
			method: 'POST',
			path: '/api/v1/namespaces/default/serviceaccounts',
			body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } },
		});
	}
});
test.after.always(async () => {
	await agent?.close();
	await cluster?.stop();
	await rm(folder, { recursive: true, force: true });
});

const collections: Readonly<Record<string, string>> = {
	CronJob: '/apis/batch/v1/namespaces/default/cronjobs',
	DaemonSet: '/apis/apps/v1/namespaces/default/daemonsets',
	Deployment: '/apis/apps/v1/namespaces/default/deployments',
	Job: '/apis/batch/v1/namespaces/default/jobs',
	Pod: '/api/v1/namespaces/default/pods',
	PodTemplate: '/api/v1/namespaces/default/podtemplates',
	ReplicaSet: '/apis/apps/v1/namespaces/default/replicasets',
	ReplicationController: '/api/v1/namespaces/default/replicationcontrollers',
	StatefulSet: '/apis/apps/v1/namespaces/default/statefulsets',
};

/** A server-side dry run that refuses unknown and duplicate fields. */
async function dryRun(
	object: KubeObject,
): Promise<{ readonly status: number; readonly warnings: readonly string[]; readonly answer: unknown }> {
	const { statusCode, headers, body } = await request(
		`${cluster.url}${collections[object.kind]}?dryRun=All&fieldValidation=Strict`,
		{
			method: 'POST',
			dispatcher: agent,
			headers: { authorization: `Bearer ${cluster.adminToken}`, 'content-type': 'application/json' },
			body: JSON.stringify(object),
		},
	);
	return { status: statusCode, warnings: [headers.warning ?? []].flat(), answer: await body.json() };
}

async function meshFile(name: string, spec: object): Promise<string> {
	const path = join(folder, `${name}.json`);
	await writeFile(
		path,
		JSON.stringify({ apiVersion: 'meshwright.io/v1', kind: 'MeshInstallation', metadata: { name }, spec }),
	);
	return path;
}

for (const { version } of classicReleases) {
	for (const [title, proxy] of [
		['REDIRECT', {}],
		['TPROXY', { interceptionMode: 'TPROXY' }],
	] as const) {
		test.serial(
			`${version}, ${title}: the API server takes every kind with its proxy, without a warning`,
			async (t) => {
				const mesh = await meshFile(title.toLowerCase(), { version, proxy });
				const { exitCode, stdout, stderr } = await meshwright(
					['inject', '-f', '-', '--installation', mesh],
					Object.values(workloads).join('---\n'),
				);
				t.is(exitCode, 0, stderr);
				const objects = parseAllDocuments(stdout).map((document) => document.toJS() as KubeObject);
				t.is(objects.length, Object.keys(collections).length);
				for (const object of objects) {
					const { status, warnings, answer } = await dryRun(object);
					t.is(status, 201, `${object.kind}: ${JSON.stringify(answer)}`);
					t.deepEqual(warnings, [], object.kind);
					t.regex(JSON.stringify(answer), /"name":"istio-proxy"/);
				}
			},
		);
	}
}

test.serial('the API server reads what is written out for an alias as it reads the alias', async (t) => {
	const names = { plural: 'scalars', singular: 'scalar', kind: 'Scalar' };
	const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
	await cluster.request({
		method: 'POST',
		path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
		body: {
			apiVersion: 'apiextensions.k8s.io/v1',
			kind: 'CustomResourceDefinition',
			metadata: { name: 'scalars.example.com' },
			spec: {
				group: 'example.com',
				names,
				scope: 'Cluster',
				versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: anything } }],
			},
		},
	});
	const read = async (text: string): Promise<ReadAliased | undefined> => {
		const { statusCode, body } = await request(`${cluster.url}/apis/example.com/v1/scalars?dryRun=All`, {
			method: 'POST',
			dispatcher: agent,
			headers: { authorization: `Bearer ${cluster.adminToken}`, 'content-type': 'application/yaml' },
			body: `apiVersion: example.com/v1\nkind: Scalar\nmetadata: {name: a}\n${text}`,
		});
		const answer = await body.text();
		if (statusCode === 404) throw new Error('the definition is not served yet');
		// Numbers stay as the API server writes them: JavaScript has no room for some.
		const exact = (_: string, value: unknown, { source }: { source?: string } = {}) =>
			typeof value === 'number' ? `number ${source}` : value;
		return statusCode === 201 ? (JSON.parse(answer, exact) as ReadAliased) : undefined;
	};
	await eventually('the definition is served', () => read('one: 1\n'));
	let count = 0;
	await fc.assert(
		fc.asyncProperty(aliased, async ({ text }) => {
			const before = await read(text);
			fc.pre(before !== undefined); // It takes no infinity, for example.
			const after = await read(writtenOut(text));
			t.deepEqual(after?.there.two, { ...before.there.two, add: ['new'] }, text);
			count++;
		}),
		{ numRuns: 100 },
	);
	t.true(count >= 100);
	await fc.assert(
		fc.asyncProperty(fc.array(anyText, { minLength: 20, maxLength: 60 }), async (list) => {
			t.deepEqual((await read(toYaml({ one: { list } })))?.one.list, list);
		}),
		{ numRuns: 20 },
	);
});

test.serial('the live mesh says what is injected; where there are several, --mesh chooses', async (t) => {
	const live = (...args: readonly string[]) =>
		meshwright(['inject', '-f', '-', ...args, '--kubeconfig', cluster.adminKubeconfig()], workloads.Job);
	const early = await live();
	t.is(early.exitCode, 2);
	t.regex(early.stderr, /MeshInstallation is not known to this cluster yet/);

	t.is((await meshwright(['install', '--kubeconfig', cluster.adminKubeconfig()])).exitCode, 0);
	await using api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	await eventually('MeshInstallations are served', () => api.list(kinds.MeshInstallation));
	const none = await live();
	t.is(none.exitCode, 2);
	t.regex(none.stderr, /there is no MeshInstallation in the cluster\n +do: name a file with --installation/);

	const create = (name: string, version: string) =>
		api.create(
			{
				apiVersion: 'meshwright.io/v1',
				kind: 'MeshInstallation',
				metadata: { name },
				spec: { version, namespace: name },
			},
			{ fieldManager: 'test' },
		);
	await create('one', '1.2.10');
	const only = await live();
	t.is(only.exitCode, 0, only.stderr);
	t.regex(only.stdout, /proxyv2:1\.2\.10/);
	t.regex(only.stdout, /istio-pilot\.one:15010/);

	await create('two', '1.4.10');
	const open = await live();
	t.is(open.exitCode, 2);
	t.regex(open.stderr, /there are several MeshInstallations: one, two\n +do: choose one with --mesh/);
	const chosen = await live('--mesh', 'two');
	t.regex(chosen.stdout, /proxyv2:1\.4\.10/);
	const unknown = await live('--mesh', 'three');
	t.is(unknown.exitCode, 2);
	t.regex(unknown.stderr, /there is no MeshInstallation three\n +do: choose one of: one, two/);
});
