/** A real injector, started as a process with the files of a mesh, asked as an API server asks it. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyPatch, type Operation } from 'rfc6902';
import { Agent, request } from 'undici';
import { issueServingCertificate } from '../../operator/certificates/index.ts';
import { type Guarded, startGuarded } from '../control-plane/guard.ts';
import { freePort } from '../control-plane/ports.ts';
import { deadlineMs } from '../support/eventually.ts';
import type { Answer, InjectorFiles, KubePod, PodRequest } from './webhook-types.ts';

export interface RealInjector extends AsyncDisposable {
	ask(request: PodRequest): Promise<Answer>;
}

/** Starts the program and waits until it serves. Throws with its output when it ends before. */
export async function startInjector(program: string, files: InjectorFiles): Promise<RealInjector> {
	const folder = await mkdtemp(join(tmpdir(), 'meshwright-injector-'));
	const { certChain, key, roots } = await issueServingCertificate({
		dnsNames: [servername],
		now: new Date(),
		lifetimeMs: 3_600_000,
		previousRoots: '',
	});
	const [port, monitoringPort, nowhere] = await Promise.all([freePort(), freePort(), freePort()]);
	const path = await writeAll(folder, {
		'certs/root-cert.pem': roots,
		'certs/cert-chain.pem': certChain,
		'certs/key.pem': key,
		'inject/config': files.config,
		'inject/values': files.values,
		'mesh/mesh': files.mesh,
		// Injectors want to patch their webhook; here nobody answers them.
		kubeconfig: JSON.stringify({
			apiVersion: 'v1',
			kind: 'Config',
			clusters: [{ name: 'none', cluster: { server: `http://127.0.0.1:${nowhere}` } }],
			users: [{ name: 'none', user: {} }],
			contexts: [{ name: 'none', context: { cluster: 'none', user: 'none' } }],
			'current-context': 'none',
		}),
	});
	let output = '';
	const child = await startGuarded(
		program,
		[
			`--caCertFile=${path('certs/root-cert.pem')}`,
			`--tlsCertFile=${path('certs/cert-chain.pem')}`,
			`--tlsKeyFile=${path('certs/key.pem')}`,
			`--injectConfig=${path('inject/config')}`,
			`--meshConfig=${path('mesh/mesh')}`,
			`--kubeconfig=${path('kubeconfig')}`,
			`--port=${port}`,
			'--log_output_level=default:warn',
			...(files.minor === '1.0' ? [] : [`--injectValues=${path('inject/values')}`]),
			...(['1.3', '1.4'].includes(files.minor) ? [`--monitoringPort=${monitoringPort}`] : []),
			...(files.minor === '1.4' ? ['--reconcileWebhookConfig=false'] : []),
		],
		{
			cwd: folder,
			env: {},
			output: (line) => {
				output = `${output}${line}\n`.slice(-4000);
			},
		},
	);
	const agent = new Agent({ connect: { ca: roots, servername } });
	const injector: RealInjector = {
		ask: (given) => ask(`https://127.0.0.1:${port}/inject`, agent, given),
		async [Symbol.asyncDispose]() {
			await child.end();
			await agent.close();
			await rm(folder, { recursive: true, force: true });
		},
	};
	try {
		await waitUntilServing(child, `https://127.0.0.1:${port}/inject`, agent, () => output);
	} catch (error) {
		await injector[Symbol.asyncDispose]();
		throw error;
	}
	return injector;
}

async function writeAll(folder: string, files: Readonly<Record<string, string>>): Promise<(name: string) => string> {
	for (const [name, content] of Object.entries(files)) {
		await mkdir(join(folder, name, '..'), { recursive: true });
		await writeFile(join(folder, name), content);
	}
	return (name) => join(folder, name);
}

const servername = 'injector.test';

async function waitUntilServing(child: Guarded, url: string, agent: Agent, output: () => string): Promise<void> {
	const deadline = Date.now() + deadlineMs;
	for (;;) {
		const isLate = Date.now() > deadline;
		if (isLate || child.hasExited()) {
			const why = isLate ? 'it takes too long' : `it ended with ${await child.exited}`;
			throw new Error(`the injector does not serve: ${why}\n${output()}`);
		}
		try {
			// An empty body is answered with 400: then it serves.
			const { body } = await request(url, { method: 'POST', dispatcher: agent });
			await body.dump();
			return;
		} catch {
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}
}

interface Review {
	readonly response: { readonly allowed: boolean; readonly patch?: string };
}

async function ask(url: string, dispatcher: Agent, { namespace, pod }: PodRequest): Promise<Answer> {
	const review = {
		apiVersion: 'admission.k8s.io/v1beta1',
		kind: 'AdmissionReview',
		request: {
			uid: randomUUID(),
			kind: { group: '', version: 'v1', kind: 'Pod' },
			resource: { group: '', version: 'v1', resource: 'pods' },
			namespace: pod.metadata.namespace ?? namespace,
			operation: 'CREATE',
			userInfo: { username: 'test' },
			object: pod,
		},
	};
	const { statusCode, body } = await request(url, {
		method: 'POST',
		dispatcher,
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify(review),
	});
	const text = await body.text();
	if (statusCode !== 200) {
		throw new Error(`the injector answers ${statusCode}: ${text}`);
	}
	const { response } = JSON.parse(text) as Review;
	if (!response.allowed) {
		return { kind: 'refused' };
	}
	return response.patch === undefined ? { kind: 'skipped' } : { kind: 'injected', pod: patched(pod, response.patch) };
}

/** The pod with the injector's JSON patch. Throws where the API server would refuse the patch. */
function patched(pod: KubePod, patch: string): KubePod {
	const result = structuredClone(pod);
	const failures = applyPatch(result, JSON.parse(Buffer.from(patch, 'base64').toString()) as Operation[]);
	for (const failure of failures) {
		if (failure !== null) {
			throw failure;
		}
	}
	return result;
}
