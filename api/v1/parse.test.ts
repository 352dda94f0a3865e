import test from 'ava';
import fc from 'fast-check';
import { apiVersion, kind, parseMeshInstallation, parseStatus, reasons } from './index.ts';
import { acceptedCases, refusedCases } from './testing/cases.ts';
import { replaceSomewhere } from './testing/nonsense.ts';

const smallest = { apiVersion, kind, metadata: { name: 'mesh' }, spec: { version: '1.4.10' } };

function problemsOf(object: unknown) {
	const result = parseMeshInstallation(object);
	return result.ok ? [] : result.problems;
}

test('the smallest installation gets the defaults of the API and nothing else', (t) => {
	t.deepEqual(parseMeshInstallation(smallest), {
		ok: true,
		installation: { ...smallest, spec: { version: '1.4.10', profile: 'minimal', namespace: 'istio-system' } },
	});
});

test('metadata comes through whole, also what the schema does not name', (t) => {
	const metadata = {
		name: 'mesh',
		uid: 'a',
		generation: 3,
		managedFields: [{ manager: 'kubectl' }],
		finalizers: ['x/y'],
	};
	const result = parseMeshInstallation({ ...smallest, metadata });
	t.deepEqual<unknown, unknown>(result.ok ? result.installation.metadata : undefined, metadata);
});

test('every problem is reported, each with path, reason, message and remedy', (t) => {
	const problems = problemsOf({
		apiVersion,
		kind,
		metadata: { name: 'a.b' },
		spec: {
			version: '1.4',
			profile: 'production',
			typo: 1,
			proxy: { drainDuration: '2m', adminPort: 0 },
			pilot: { replicas: 2, autoscaling: { minReplicas: 5, maxReplicas: 3 }, resources: { requests: { cpu: true } } },
			upgrade: { inactiveRevisionGracePeriod: '721h' },
		},
	});
	t.deepEqual(problems.map(({ path, reason }) => `${path} ${reason}`).sort(), [
		'metadata.name Invalid',
		'spec.pilot.autoscaling.minReplicas Invalid',
		'spec.pilot.replicas Invalid',
		'spec.pilot.resources.requests.cpu Invalid',
		'spec.proxy.adminPort Invalid',
		'spec.proxy.parentShutdownDuration Invalid',
		'spec.typo Invalid',
		'spec.upgrade.inactiveRevisionGracePeriod Invalid',
		'spec.version Invalid',
	]);
	for (const { path, message, remedy } of problems) {
		t.true(message.startsWith(path), message);
		t.not(remedy, '');
	}
});

test('messages are sentences that name the field and what it must be', (t) => {
	const messages = problemsOf({
		...smallest,
		spec: {
			profile: 'demo',
			namespace: 'n'.repeat(64),
			paused: 'yes',
			pilot: { replicas: 1001, extraArgs: [''], podLabels: { 'example.com/team': 7 }, env: {}, disruptionBudget: null },
			mesh: { tracing: { sampling: '1', zipkin: {} } },
		},
	}).map(({ message }) => message);
	t.deepEqual(messages.sort(), [
		'spec.mesh.tracing.sampling must be a number, not a text',
		'spec.mesh.tracing.zipkin.address is required',
		'spec.namespace must have at most 63 characters',
		'spec.paused must be true or false, not a text',
		'spec.pilot.env must be a list, not an object',
		'spec.pilot.extraArgs[0] must not be empty',
		'spec.pilot.podLabels[example.com/team] must be a text, not a number',
		'spec.pilot.replicas must be at most 1000',
		'spec.profile must be one of: minimal, default, production',
		'spec.version is required',
	]);
});

test('what is too little or too much has a remedy that fits what it is', (t) => {
	const remedies = problemsOf({
		...smallest,
		spec: {
			...smallest.spec,
			namespace: 'n'.repeat(64),
			pilot: { replicas: 0, extraArgs: [''] },
			proxy: { uid: 3_000_000_000 },
			overlays: [{ target: { kind: 'Service', name: 'istio-pilot' }, patch: [] }],
		},
	}).map(({ path, message, remedy }) => [message.slice(path.length + 1), remedy]);
	t.deepEqual(remedies.sort(), [
		['must be at least 1', 'Use a greater value.'],
		['must be at most 2147483647', 'Use a smaller value.'],
		['must have at most 63 characters', 'Shorten it.'],
		['must not be empty', 'Fill it, or remove it.'],
		['must not be empty', 'Fill it, or remove it.'],
	]);
});

test('a status in a form of another version is taken as absent and keeps nobody from work', (t) => {
	const result = parseMeshInstallation({ ...smallest, status: { observedGeneration: 'seven', novelty: [] } });
	t.true(result.ok);
	t.false(result.ok && 'status' in result.installation);
	const parsed = parseStatus({ observedGeneration: 'seven', novelty: [] });
	t.is(parsed.status, undefined);
	t.deepEqual(
		parsed.problems.map(({ path }) => path),
		['observedGeneration', 'novelty'],
		'and what is wrong with it can be told',
	);
	// What a newer version says besides hides nothing of what this one knows.
	const conditions = [{ type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: '' }];
	const newer = { observedGeneration: 7, novelty: [1], conditions: [{ ...conditions[0], weight: 2 }] };
	const { status, problems } = parseStatus(newer);
	t.deepEqual<unknown, unknown>(status, { observedGeneration: 7, conditions });
	t.deepEqual(problems.map(({ path }) => path).sort(), ['conditions[0].weight', 'novelty']);
	const upgrade = { from: '1.3.8', to: '1.4.10', state: 'Progressing' as const, stage: 'Pilot' };
	const partly = parseStatus({ observedGeneration: 7, phase: ['Ready'], version: '1.3.8', upgrade });
	t.deepEqual<unknown, unknown>(partly.status, { observedGeneration: 7, version: '1.3.8', upgrade });
	t.deepEqual(parseStatus(undefined), { status: undefined, problems: [] });
	t.deepEqual(parseStatus({ observedGeneration: 7 }), { status: { observedGeneration: 7 }, problems: [] });
});

test('an object of another kind or version is refused', (t) => {
	t.deepEqual(
		problemsOf({ ...smallest, apiVersion: 'meshwright.io/v2', kind: 'Mesh' }).map(({ message }) => message),
		['apiVersion must be one of: meshwright.io/v1', 'kind must be one of: MeshInstallation'],
	);
});

test('null is the same as absent, but not inside of what is passed on as it is', (t) => {
	const config = { failover: null };
	const result = parseMeshInstallation({
		...smallest,
		spec: {
			version: '1.4.10',
			namespace: null,
			images: null,
			pilot: { replicas: null, podLabels: { team: null } },
			mesh: { config },
		},
	});
	t.deepEqual<unknown, unknown>(result.ok ? result.installation.spec : result.problems, {
		version: '1.4.10',
		profile: 'minimal',
		namespace: 'istio-system',
		pilot: { podLabels: {} },
		mesh: { config },
	});
});

test('a value of the wrong type is one problem, whatever is in it', (t) => {
	const trap = { length: { toString: 1, valueOf: 1 } };
	const spec = {
		version: trap,
		namespace: [],
		pilot: { env: trap, extraArgs: [trap], disruptionBudget: { maxUnavailable: trap } },
	};
	t.deepEqual(
		problemsOf({ ...smallest, spec }).map(({ message }) => message),
		[
			'spec.version must be a text, not an object',
			'spec.namespace must be a text, not a list',
			'spec.pilot.disruptionBudget.maxUnavailable must be a whole number or a text',
			'spec.pilot.env must be a list, not an object',
			'spec.pilot.extraArgs[0] must be a text, not an object',
		],
	);
});

test('where quotes are all that is wrong, the message or the remedy says so', (t) => {
	const resources = (amount: unknown) => ({ requests: { cpu: amount } });
	const found = problemsOf({
		...smallest,
		metadata: { name: 'mesh', labels: { team: 7 } },
		spec: {
			...smallest.spec,
			pilot: {
				replicas: '2',
				nodeSelector: { pool: 1 },
				podAnnotations: { 'prometheus.io/scrape': true },
				resources: resources(0.5),
			},
			proxy: { resources: resources(1.5), initResources: resources(1e-7) },
			mesh: { tracing: { sampling: '100' } },
		},
	});
	t.deepEqual(
		new Map(found.map(({ path, message, remedy }) => [path, [message.slice(path.length + 1), remedy]])),
		new Map([
			['metadata.labels.team', ['must be a text, not a number', 'Write it in quotes, as "7".']],
			['spec.mesh.tracing.sampling', ['must be a number, not a text', 'Write it without quotes: 100.']],
			[
				'spec.proxy.resources.requests.cpu',
				[
					'must be a whole number, or an amount in quotes: "1.5", or 1500m, which is the same',
					'See kubectl explain meshinstallation.spec.proxy.resources.requests.cpu.',
				],
			],
			[
				'spec.proxy.initResources.requests.cpu',
				[
					'must be a whole number, or an amount such as 500m',
					'See kubectl explain meshinstallation.spec.proxy.initResources.requests.cpu.',
				],
			],
			['spec.pilot.replicas', ['must be a number, not a text', 'Write it without quotes: 2.']],
			[
				'spec.pilot.resources.requests.cpu',
				[
					'must be a whole number, or an amount in quotes: "0.5", or 500m, which is the same',
					'See kubectl explain meshinstallation.spec.pilot.resources.requests.cpu.',
				],
			],
			['spec.pilot.nodeSelector.pool', ['must be a text, not a number', 'Write it in quotes, as "1".']],
			[
				'spec.pilot.podAnnotations[prometheus.io/scrape]',
				['must be a text, not true', 'Write it in quotes, as "true".'],
			],
		]),
	);
});

test('what was parsed parses again to the same', (t) => {
	for (const { title, name = 'mesh', spec } of acceptedCases) {
		const first = parseMeshInstallation({ apiVersion, kind, metadata: { name }, spec });
		t.true(first.ok, title);
		if (first.ok) {
			t.deepEqual(parseMeshInstallation(first.installation), first, title);
		}
	}
});

test('the input is not changed', (t) => {
	for (const { spec } of [...acceptedCases, ...refusedCases]) {
		const before = JSON.stringify(spec);
		parseMeshInstallation({ ...smallest, spec });
		t.is(JSON.stringify(spec), before);
	}
});

test('it never throws, whatever it gets', (t) => {
	fc.assert(
		fc.property(
			fc.anything({
				withBigInt: true,
				withDate: true,
				withMap: true,
				withSet: true,
				withNullPrototype: true,
				withSparseArray: true,
			}),
			(nonsense) => {
				isWellFormed(t.true, parseMeshInstallation(nonsense));
				isWellFormed(t.true, parseMeshInstallation({ ...smallest, spec: nonsense }));
			},
		),
		{ numRuns: 300 },
	);
});

test('it never throws when good objects have nonsense somewhere inside', (t) => {
	const cases = [...acceptedCases, ...refusedCases].map(({ spec }) => spec);
	fc.assert(
		fc.property(
			fc.constantFrom(...cases),
			fc.anything({ withBigInt: true, withNullPrototype: true }),
			fc.array(fc.nat({ max: 7 }), { minLength: 6, maxLength: 6 }),
			(spec, nonsense, choices) => {
				isWellFormed(t.true, parseMeshInstallation({ ...smallest, spec: replaceSomewhere(spec, nonsense, choices) }));
			},
		),
		{ numRuns: 2000 },
	);
});

function isWellFormed(assert: (value: boolean) => void, result: ReturnType<typeof parseMeshInstallation>): void {
	if (result.ok) {
		return;
	}
	assert(result.problems.length > 0);
	for (const { path, reason, message, remedy } of result.problems) {
		assert(typeof path === 'string' && reason in reasons && message !== '' && remedy !== '');
	}
}
