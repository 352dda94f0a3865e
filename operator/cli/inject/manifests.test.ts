/** Injects into manifests as people write them, and takes the proxy out again. */
import test from 'ava';
import { stringify } from 'yaml';
import { classicReleases } from '../../releases/classic/index.ts';
import { meshOf } from '../../render/testing.ts';
import { injectPod } from '../../sidecar/index.ts';
import { CommandError } from '../command-error.ts';
import { readManifestValues } from '../manifest-text.ts';
import { byDefinition, uninjection } from './inject.ts';
import { type ChangedManifests, changeManifests } from './manifests.ts';
import { others, workloads } from './testing.ts';

const everything = [...Object.values(workloads), others].join('---\n');

function inject(text: string, version = '1.4.10', spec: object = {}): ChangedManifests {
	return changeManifests(
		'app.yaml',
		text,
		byDefinition({ how: 'definition', injectPod }, meshOf({ version, ...spec }), 'default'),
	);
}

function uninject(text: string): ChangedManifests {
	return changeManifests('app.yaml', text, uninjection);
}

interface Value {
	readonly [field: string]: Value;
}

function documents(text: string): readonly Value[] {
	return readManifestValues(text) as readonly Value[];
}

/** Names of containers and init containers of every pod in a text, wherever it is. */
function containersIn(value: unknown): readonly string[] {
	if (typeof value !== 'object' || value === null) {
		return [];
	}
	return Object.entries(value).flatMap(([key, entry]) =>
		['containers', 'initContainers'].includes(key) && Array.isArray(entry)
			? entry.map(({ name }) => String(name))
			: containersIn(entry),
	);
}

for (const { version } of classicReleases) {
	for (const [kind, text] of Object.entries(workloads)) {
		test(`${version}: the pod of a ${kind} gets the proxy, and no line of the text is lost or moved`, (t) => {
			const { text: injected, changed, notes } = inject(text, version);
			t.is(changed, 1);
			t.deepEqual(notes, []);
			const names = containersIn(documents(injected));
			t.true(names.includes('istio-proxy') && names.includes('istio-init'), names.join());
			if (!text.includes('*labels') && kind !== 'DaemonSet') {
				// Added lines are separate lines: the old ones are all there, in their order.
				const lines = injected.split('\n');
				let next = 0;
				for (const line of text.split('\n')) {
					next = lines.indexOf(line, next) + 1;
					t.true(next > 0, line);
				}
			}
		});

		test(`${version}: a ${kind} that was injected and uninjected is the same text, and injecting twice is injecting once`, (t) => {
			const { text: injected } = inject(text, version);
			t.is(inject(injected, version).text, injected);
			const { text: back } = uninject(injected);
			if (text.includes('*labels') && version === '1.4.10') {
				t.is(back, text.replace('*labels', '\n        app: db').replace('labels: \n', 'labels:\n'));
			} else {
				t.is(back, text);
			}
		});
	}

	test(`${version}: a whole file goes there and back, and what holds no pod keeps every byte`, (t) => {
		const { text } = inject(everything, version);
		t.true(text.endsWith(`---\n${others}`));
		t.is(documents(uninject(text).text).length, documents(everything).length);
		t.deepEqual(documents(uninject(text).text), documents(everything));
	});
}

test('a proxy of another release is replaced, in its place', (t) => {
	for (const text of Object.values(workloads)) {
		const { text: old } = inject(text, '1.0.9');
		const { text: replaced, notes } = inject(old, '1.4.10');
		t.deepEqual(notes, []);
		t.deepEqual(documents(replaced), documents(inject(text, '1.4.10').text));
		t.false(replaced.includes('1.0.9'));
		for (const [comment] of text.matchAll(/#.*/g)) {
			t.true(replaced.includes(comment), comment);
		}
	}
});

function withoutNulls(value: unknown): unknown {
	return JSON.parse(JSON.stringify(value, (_, entry) => entry ?? undefined));
}

test('a field without a value is no field, and stays as it was written', (t) => {
	const pod = `apiVersion: v1
kind: Pod
metadata:
  name: a
  labels: ~
  annotations:
spec:
  initContainers:
  containers:
  - name: a
    ports:
    volumeMounts: null
    livenessProbe:
  - name: b
    ports:
    - containerPort: 80
      protocol:
  securityContext:
  volumes: ~`;
	for (const { version } of classicReleases) {
		const { text, notes } = inject(pod, version);
		t.deepEqual(notes, []);
		for (const lines of [
			'    ports:\n    volumeMounts: null\n    livenessProbe:\n',
			'      protocol:\n  - name: istio-proxy\n',
			'  securityContext:\n',
		]) {
			t.true(text.includes(lines), text);
		}
		t.deepEqual(
			withoutNulls(documents(text)),
			documents(inject(stringify(withoutNulls(documents(pod)[0])), version).text),
		);
		t.is(inject(text, version).text, text);
		t.deepEqual(containersIn(documents(uninject(text).text)), ['a', 'b']);
	}
});

for (const [title, text] of [
	['a List', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: Object.values(workloads).flatMap(documents) })],
	[
		'a List in a List',
		JSON.stringify({
			apiVersion: 'v1',
			kind: 'List',
			items: [{ apiVersion: 'v1', kind: 'List', items: Object.values(workloads).flatMap(documents) }],
		}),
	],
	[
		'a PodList whose items do not say what they are',
		JSON.stringify(
			{
				apiVersion: 'v1',
				kind: 'PodList',
				items: [{ metadata: { name: 'a' }, spec: { containers: [{ name: 'c' }] } }],
			},
			null,
			'\t',
		),
	],
	[
		'a row of JSON objects',
		`${Object.values(workloads)
			.flatMap(documents)
			.map((object) => JSON.stringify(object))
			.join('\n')}\n`,
	],
	[
		'a List in block style',
		`apiVersion: v1\nkind: List\nitems:\n${Object.values(workloads)
			.map((one) => `- # one of them\n${one.replaceAll(/^(?=.)/gm, '  ')}`)
			.join('')}`,
	],
] as const) {
	test(`every pod of ${title} gets the proxy`, (t) => {
		const wanted = containersIn(documents(text)).filter((name) => name !== 'first').length;
		const { text: injected, changed } = inject(text);
		t.is(changed, wanted);
		t.is(containersIn(documents(injected)).filter((name) => name === 'istio-proxy').length, wanted);
		t.deepEqual(documents(uninject(injected).text), documents(text));
		t.is(inject(injected).text, injected);
		if (text.startsWith('{')) {
			const values = title === 'a row of JSON objects' ? injected.trimEnd().split('\n') : [injected];
			t.deepEqual(
				values.map((value) => JSON.parse(value) as Value),
				documents(injected),
				'JSON stays JSON',
			);
			t.is(uninject(injected).text, text);
		}
	});
}

test('an anchor that other places use is left to them', (t) => {
	const [object] = documents(inject(workloads.StatefulSet ?? '').text);
	t.deepEqual(object?.spec?.selector as unknown, { matchLabels: { app: 'db' } });
	t.deepEqual(object?.spec?.template?.metadata?.labels as unknown, { app: 'db', 'security.istio.io/tlsMode': 'istio' });
});

test('the proxy is called after what the user wrote, and its labels', (t) => {
	const job = inject(workloads.Job ?? '').text;
	t.regex(job, /- --serviceCluster\n\s+- once\.\$\(POD_NAMESPACE\)/);
	t.regex(job, /kubernetes:\/\/apis\/batch\/v1\/namespaces\/\$\(POD_NAMESPACE\)\/jobs\/once/);
	t.regex(inject(workloads.Deployment ?? '').text, /- --serviceCluster\n\s+- web\.\$\(POD_NAMESPACE\)/);
});

test('what is left as it is is told with file, document and reason', (t) => {
	const text = `apiVersion: v1
kind: Pod
metadata: {name: host, namespace: a}
spec: {hostNetwork: true, containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: system, namespace: kube-system}
spec: {containers: [{name: c}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: by-choice}
spec: {template: {metadata: {annotations: {sidecar.istio.io/inject: "false"}}, spec: {containers: [{name: c}]}}}
`;
	const { text: same, changed, notes } = inject(text);
	t.is(same, text);
	t.is(changed, 0);
	t.deepEqual(notes, [
		"app.yaml: document 1: Pod a/host is left as it is: spec.hostNetwork is true: the rules of a proxy would be the node's",
		'app.yaml: document 2: Pod kube-system/system is left as it is: pods in the namespace kube-system never get a proxy',
		'app.yaml: document 3: Deployment by-choice is left as it is: the annotation sidecar.istio.io/inject is false',
	]);
});

test('the namespace that is given counts for objects without one', (t) => {
	const change = byDefinition({ how: 'definition', injectPod }, meshOf({ version: '1.4.10' }), 'kube-system');
	t.is(changeManifests('a', workloads.Job ?? '', change).changed, 0);
	t.is(changeManifests('a', workloads.StatefulSet ?? '', change).changed, 1);
});

test('everything that is wrong is told at once, each with file, document, path and remedy', (t) => {
	const text = `${others}---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {metadata: {annotations: {status.sidecar.istio.io/port: "x", traffic.sidecar.istio.io/includeInboundPorts: "-"}}, spec: {containers: [{name: c}]}}}
---
apiVersion: v1
kind: List
items:
- {apiVersion: batch/v1, kind: Job, metadata: {generateName: j-}, spec: {template: {metadata: {annotations: {sidecar.istio.io/inject: true}}, spec: {containers: [{name: c}, {image: d}]}}}}
- {apiVersion: v1, kind: Pod, metadata: {name: p}}
- {apiVersion: v1, kind: Pod, metadata: {name: q, annotations: [a]}, spec: {containers: [{name: c, ports: [80]}]}}
`;
	const error = t.throws(() => inject(text), { instanceOf: CommandError });
	t.deepEqual(error?.message.split('\n'), [
		'app.yaml: document 4: Deployment web: spec.template.metadata.annotations[status.sidecar.istio.io/port] must be a port number, not "x"',
		'  do: correct the value, or remove the annotation',
		'app.yaml: document 4: Deployment web: spec.template.metadata.annotations[traffic.sidecar.istio.io/includeInboundPorts] must be port numbers, separated by commas, or "*", not "-"',
		'  do: correct the value, or remove the annotation',
		'app.yaml: document 5: Job j-: spec.template.metadata.annotations[sidecar.istio.io/inject]: its value is not text',
		"  do: write it in quotes: sidecar.istio.io/inject: 'true'",
		'app.yaml: document 5: Job j-: spec.template.spec.containers[1]: it has no name',
		'  do: correct it: the API server would refuse it as well',
		'app.yaml: document 5: Pod p: spec: there is no pod here',
		'  do: correct it: the API server would refuse it as well',
		'app.yaml: document 5: Pod q: metadata.annotations: it is not an object',
		'  do: correct it: the API server would refuse it as well',
		'app.yaml: document 5: Pod q: spec.containers[0].ports: it is not a list of objects',
		'  do: correct it: the API server would refuse it as well',
	]);
});

const template = '{metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: i}]}}';
const ofOtherGroups: readonly (readonly [apiVersion: string, kind: string, spec: string])[] = [
	['extensions/v1beta1', 'Deployment', `{template: ${template}}`],
	['extensions/v1beta1', 'DaemonSet', `{template: ${template}}`],
	['apps/v1beta2', 'Deployment', `{template: ${template}}`],
	['apps.openshift.io/v1', 'DeploymentConfig', `{template: ${template}}`],
	['argoproj.io/v1alpha1', 'Rollout', `{template: ${template}}`],
	['serving.knative.dev/v1', 'Service', `{template: ${template}}`],
	['example.com/v1', 'Nightly', `{jobTemplate: {spec: {template: ${template}}}}`],
];

test('a kind of any group with a pod template is injected, in lists as well, and goes back to the byte', (t) => {
	for (const [apiVersion, kind, spec] of ofOtherGroups) {
		const object = `{apiVersion: ${apiVersion}, kind: ${kind}, metadata: {name: a}, spec: ${spec}}`;
		for (const text of [object, `apiVersion: v1\nkind: List\nitems:\n- ${object}\n`]) {
			const { text: injected, changed, notes } = inject(text);
			t.is(changed, 1, kind);
			t.deepEqual(notes, []);
			t.deepEqual(containersIn(documents(injected)).toSorted(), ['c', 'istio-init', 'istio-proxy']);
			t.is(uninject(injected).text, text);
			t.is(inject(injected).text, injected);
		}
	}
});

test('containers in places where nothing is injected are told, and stay to the byte', (t) => {
	const text = `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: steps-}
spec:
  templates:
  - {name: one, container: {image: i}}
  - {name: two, container: {image: j}}
---
apiVersion: kubeflow.org/v1
kind: TFJob
metadata: {name: train}
spec: {tfReplicaSpecs: {Worker: {template: {spec: {containers: [{name: tensorflow, image: t}]}}}}}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: unnamed}
spec: {template: {spec: {containers: [{image: i}]}}}
---
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: sealed}
spec: {template: {metadata: {name: sealed}}}
`;
	const { text: same, changed, notes } = inject(text);
	t.is(same, text);
	t.is(changed, 0);
	const rest =
		', and only pods in spec.template and spec.jobTemplate.spec.template, with containers that have names, are changed';
	t.deepEqual(notes, [
		`app.yaml: document 1: Workflow steps- is left as it is: it has containers in spec.templates[0].container, spec.templates[1].container${rest}`,
		`app.yaml: document 2: TFJob train is left as it is: it has containers in spec.tfReplicaSpecs.Worker.template.spec.containers${rest}`,
		`app.yaml: document 3: Service unnamed is left as it is: it has containers in spec.template.spec.containers${rest}`,
	]);
});

test('annotations that change nothing are told with file, document and path, of pods that are left alone as well', (t) => {
	const text = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {sidecar.istio.io/inject: "false", example.com/a: b}}
spec: {template: {metadata: {annotations: {sidecar.istio.io/injected: "false"}}, spec: {containers: [{name: c}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: p, annotations: {sidecar.istio.io/logLevel: debug}}
spec: {hostNetwork: true, containers: [{name: c}]}
`;
	t.deepEqual(
		inject(text).notes.filter((note) => note.startsWith('warning: ')),
		[
			'warning: app.yaml: document 1: Deployment web: metadata.annotations[sidecar.istio.io/inject] changes nothing: it is read in spec.template.metadata.annotations alone',
			'warning: app.yaml: document 1: Deployment web: spec.template.metadata.annotations[sidecar.istio.io/injected] changes nothing: Istio 1.4 does not know it; the nearest name that is known is sidecar.istio.io/inject',
			'warning: app.yaml: document 2: Pod p: metadata.annotations[sidecar.istio.io/logLevel] changes nothing: Istio 1.4 does not support it, later releases do',
		],
	);
});

test("what is the pod's own under a name of Istio's is refused, by inject and uninject, with all else that is wrong", (t) => {
	const pod = (status: string) => `apiVersion: v1
kind: Pod
metadata: {name: p, annotations: {${status}}}
spec: {containers: [{name: c}, {name: istio-proxy, image: own}], volumes: [{name: istio-envoy, emptyDir: {}}]}
`;
	const error = t.throws(() => inject(pod('')), { instanceOf: CommandError });
	t.deepEqual(error?.message.split('\n'), [
		"app.yaml: document 1: Pod p: spec.containers[istio-proxy] is a container of the pod's own with a name that is Istio's: the pod has no annotation sidecar.istio.io/status, so an injection has not put it there",
		'  do: give the container another name; remove it if it is the rest of an earlier injection',
		"app.yaml: document 1: Pod p: spec.volumes[istio-envoy] is a volume of the pod's own with a name that is Istio's: the pod has no annotation sidecar.istio.io/status, so an injection has not put it there",
		'  do: give the volume another name; remove it if it is the rest of an earlier injection',
	]);
	t.is(uninject(pod('')).changed, 0);
	t.throws(() => uninject(pod('sidecar.istio.io/status: injected')), {
		instanceOf: CommandError,
		message: /the annotation sidecar\.istio\.io\/status names nothing, so an injection has not put it there/,
	});
});

test('a file that is no YAML is told with the document that breaks', (t) => {
	const error = t.throws(() => inject('a: 1\n---\nb: [\n'), { instanceOf: CommandError });
	t.regex(error?.message ?? '', /^app\.yaml: document 2 is not YAML: /);
});

test('uninject leaves pods alone that nothing was injected into', (t) => {
	const { text, changed, notes } = uninject(everything);
	t.is(text, everything);
	t.is(changed, 0);
	t.is(notes.length, Object.keys(workloads).length);
	t.regex(notes[0] ?? '', /Deployment web is left as it is: nothing was injected/);
});
