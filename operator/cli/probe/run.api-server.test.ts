/** The life of a probe, on a real API server. Nobody runs pods here, so the test itself moves them on. */
import { createServer } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { type Cluster, startCluster } from '../../../e2e/control-plane/cluster.ts';
import { eventually } from '../../../e2e/support/eventually.ts';
import { ApiServer } from '../../runtime/client/api-server.ts';
import { InvalidError, RequestError, TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { defaultProbeImage, probeJob, probeLabel } from './job.ts';
import { readPodLog } from './log.ts';
import { longestLog } from './output.ts';
import { describeProbeFailure, type ProbeOptions, runProbe } from './run.ts';
import type { ProbeTarget } from './script.ts';

const namespace = 'probes';
const jobs = `/apis/batch/v1/namespaces/${namespace}/jobs`;
const targets: readonly ProbeTarget[] = [
	{ kind: 'api', cluster: 'eu', url: 'https://192.0.2.1:6443/version' },
	{ kind: 'pod', cluster: 'eu', url: 'http://192.0.2.2:15010/' },
];

let cluster: Cluster;
let api: ApiServer;

test.before(async () => {
	cluster = await startCluster({ name: 'probe' });
	api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	const enforce = Object.fromEntries(
		['enforce', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
	);
	await api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: enforce } });
	// The controller of ServiceAccounts does not run here.
	await api.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } });
});
test.after.always(async () => {
	await api?.close();
	await cluster?.stop();
});

interface Job extends KubeObject {
	readonly spec: { readonly template: { readonly metadata: object; readonly spec: object } };
}

async function liveJobs(): Promise<readonly Job[]> {
	const { body } = await api.request<{ readonly items: readonly Job[] }>({ method: 'GET', path: jobs });
	return body.items;
}

/** Does what controller and kubelet would do: makes the pod of the only Job, with this status. */
async function playPod(status: object): Promise<string> {
	const job = await eventually('the Job', async () => (await liveJobs())[0]);
	const { name } = job.metadata;
	const { metadata, spec } = job.spec.template;
	await api.create({ apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace }, spec } as KubeObject);
	await api.patch({ ...kinds.Pod, namespace, name }, { status }, { type: 'merge', subresource: 'status' });
	return name;
}

function probe(t: ExecutionContext, options: Partial<ProbeOptions> = {}): Promise<string> {
	const controller = new AbortController();
	t.teardown(() => controller.abort());
	const { signal } = controller;
	return runProbe(api, { cluster: 'home', namespace, image: defaultProbeImage, targets, signal, ...options });
}

test.serial('a namespace that enforces the standard `restricted` takes Job and pod without a warning', async (t) => {
	const job = probeJob({ name: 'by-hand', namespace, image: defaultProbeImage, targets }) as Job;
	const query = { fieldValidation: 'Strict' };
	const stored = await api.request<Job>({ method: 'POST', path: jobs, body: job, query });
	t.deepEqual(stored.warnings, []);
	const { metadata, spec } = stored.body.spec.template;
	const pod = {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { ...metadata, name: 'by-hand', namespace },
		spec,
	} as KubeObject;
	t.deepEqual((await api.create(pod, { fieldValidation: 'Strict' })).warnings, []);
	await api.delete({ ...kinds.Pod, namespace, name: 'by-hand' }, { gracePeriodSeconds: 0 });
	await api.request({ method: 'DELETE', path: `${jobs}/by-hand`, query: { propagationPolicy: 'Background' } });
});

test('the Job is bounded in every way, and has no credentials', (t) => {
	const { spec } = probeJob({ name: 'a', namespace, image: 'mirror/curl:1', targets }) as unknown as {
		readonly spec: Readonly<Record<string, number>> & { readonly template: { readonly spec: object } };
	};
	t.is(spec.backoffLimit, 0);
	t.true((spec.activeDeadlineSeconds ?? 0) > 0 && (spec.activeDeadlineSeconds ?? 0) < 120);
	t.is(spec.ttlSecondsAfterFinished, 300);
	t.like(spec.template.spec, {
		automountServiceAccountToken: false,
		restartPolicy: 'Never',
		enableServiceLinks: false,
	});
	const text = JSON.stringify(spec);
	t.true(text.includes('"image":"mirror/curl:1"'));
	for (const word of ['requests', 'limits', 'readOnlyRootFilesystem', 'RuntimeDefault']) t.true(text.includes(word));
	t.notRegex(text, /volumes|hostNetwork|serviceAccountName|secret/);
});

test.serial('what the pod has said is returned, and the Job is gone', async (t) => {
	const running = probe(t, { readLog: async (_, { name }) => `said by ${name}` });
	const name = await playPod({ phase: 'Succeeded' });
	t.is(await running, `said by ${name}`);
	t.deepEqual(await liveJobs(), []);
});

test.serial('a log that can not be read is an error, and the Job is gone', async (t) => {
	const running = probe(t, { readLog: () => Promise.reject(new TransientError('cut off')) });
	await playPod({ phase: 'Failed' });
	await t.throwsAsync(running, { message: 'cut off' });
	t.deepEqual(await liveJobs(), []);
});

test.serial('an image that is not there is told at once, and the Job is gone', async (t) => {
	const running = probe(t, { image: 'nowhere/curl:0' });
	const waiting = {
		name: 'probe',
		image: '',
		imageID: '',
		ready: false,
		restartCount: 0,
		state: { waiting: { reason: 'ErrImagePull' } },
	};
	await playPod({ phase: 'Pending', containerStatuses: [waiting] });
	const error = await t.throwsAsync(running, { instanceOf: InvalidError });
	t.is(
		error.message,
		'the probe in home said nothing: its container does not start (ErrImagePull); can image nowhere/curl:0 be pulled there?',
	);
	t.deepEqual(await liveJobs(), []);
});

test.serial('Ctrl-C in the middle takes the Job away', async (t) => {
	const controller = new AbortController();
	const running = probe(t, { signal: controller.signal });
	await eventually('the Job', async () => (await liveJobs()).length === 1);
	controller.abort(new Error('interrupted'));
	await t.throwsAsync(running, { message: 'interrupted' });
	t.deepEqual(await liveJobs(), []);
});

test.serial('who may not run a probe, and where there is no such namespace, is told what to do', async (t) => {
	const missing = await t.throwsAsync(probe(t, { namespace: 'nowhere' }), { instanceOf: RequestError });
	t.regex(
		describeProbeFailure(missing, 'eu', 'nowhere'),
		/it has no namespace nowhere; name another with --probe-namespace/,
	);
	await using nobody = new ApiServer({ url: cluster.url, ca: cluster.ca, token: 'none' });
	const { signal } = new AbortController();
	const options = { cluster: 'eu', namespace, image: defaultProbeImage, targets, signal };
	const refused = await t.throwsAsync(runProbe(nobody, options), { instanceOf: RequestError });
	t.regex(describeProbeFailure(refused, 'eu', namespace), /--probe-context eu=CONTEXT/);
	t.deepEqual(await liveJobs(), []);
});

test('a log is text, has an end, and a refusal keeps its class', async (t) => {
	// Plays the kubelet that answers through the API server.
	const server = createServer((request, response) => {
		if (request.url?.includes('/long/') === true) response.end('x'.repeat(2 * longestLog));
		else if (request.url?.includes('/good/') === true) response.end('one\ntwo\n');
		else response.writeHead(403, { 'content-type': 'application/json' }).end('{"kind":"Status","reason":"Forbidden"}');
	});
	await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
	t.teardown(() => server.close());
	const address = server.address();
	const port = typeof address === 'object' && address !== null ? address.port : 0;
	await using client = new ApiServer({ url: `http://127.0.0.1:${port}` });
	const { signal } = new AbortController();
	t.is(await readPodLog(client, { namespace: 'a', name: 'good' }, signal), 'one\ntwo\n');
	// Ctrl-C comes while the stream is being opened.
	const ending = new AbortController();
	const silent = readPodLog(client, { namespace: 'a', name: 'silent' }, ending.signal);
	ending.abort(new Error('interrupted'));
	await t.throwsAsync(silent, { message: 'interrupted' });
	t.is((await readPodLog(client, { namespace: 'a', name: 'long' }, signal)).length, longestLog);
	const error = await t.throwsAsync(readPodLog(client, { namespace: 'a', name: 'bad' }, signal), {
		instanceOf: RequestError,
	});
	t.is(error.status, 403);
});

test('the label by which the pod is found is on Job and pod', (t) => {
	const job = probeJob({ name: 'a', namespace, image: '', targets });
	t.is(job.metadata.labels?.[probeLabel], 'a');
	t.is((job as unknown as { spec: { template: KubeObject } }).spec.template.metadata.labels?.[probeLabel], 'a');
});
