import test from 'ava';
import { render } from '../../../lines/testing.ts';
import { classicReleases, type Minor } from '../../../releases/classic/index.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import { at, meshOf } from '../../testing.ts';
import { attributeManifests } from './attributes.ts';

type Fields = Readonly<Record<string, unknown>>;

const on = { enabled: true };
const statsd = { address: 'statsd.monitoring:8125' };
const custom = { name: 'own', address: 'own.monitoring:8080', templates: ['metric', 'logentry'] };
const allAdapters = [{ prometheus: {} }, { stdio: {} }, { statsd }, { custom }];

/** Mixer's own objects of a mesh. */
function config(version: string, adapters?: readonly Fields[], more: Fields = {}): readonly KubeObject[] {
	const mixer = { policy: on, telemetry: on, ...(adapters === undefined ? {} : { adapters }), ...more };
	return render(meshOf({ version, mixer })).filter(({ apiVersion }) => apiVersion === 'config.istio.io/v1alpha2');
}

function keys(objects: readonly KubeObject[]): readonly string[] {
	return objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
}

function get(objects: readonly KubeObject[], key: string): unknown {
	const found = objects.find(({ kind, metadata }) => `${kind}/${metadata.name}` === key);
	if (found === undefined) {
		throw new Error(`no ${key} among ${keys(objects).join(', ')}`);
	}
	return at(found, 'spec');
}

/** The full name that Mixer makes from a rule's reference: `canonicalize` in `mixer/pkg/runtime/config/util.go`. */
function canonical(reference: string, kind: 'handler' | 'instance'): string {
	const [name = '', ofKind = kind, ...rest] = reference.split('.');
	if (rest.length > 0) {
		throw new Error(`${reference} is ambiguous`);
	}
	return `${ofKind}/${name}`;
}

const namesOf10 = ['requestcount', 'requestduration', 'requestsize', 'responsesize', 'tcpbytesent', 'tcpbytereceived'];
const namesFrom11 = [...namesOf10, 'tcpconnectionsopened', 'tcpconnectionsclosed'];
const manifests = ['attributemanifest/istioproxy', 'attributemanifest/kubernetes'];
const podRules = ['rule/kubeattrgenrulerule', 'rule/tcpkubeattrgenrulerule'];
const promRules = ['rule/promhttp', 'rule/promtcp', 'rule/promtcpconnectionclosed', 'rule/promtcpconnectionopen'];

const defaults: Readonly<Record<Minor, readonly string[]>> = {
	'1.0': [
		...manifests,
		...namesOf10.map((name) => `metric/${name}`),
		'prometheus/handler',
		'rule/promhttp',
		'rule/promtcp',
	],
	'1.1': [
		...manifests,
		...podRules,
		...promRules,
		...namesFrom11.map((name) => `metric/${name}`),
		'handler/kubernetesenv',
		'handler/prometheus',
		'kubernetes/attributes',
	],
	'1.2': [
		...manifests,
		...podRules,
		...promRules,
		...namesFrom11.map((name) => `instance/${name}`),
		'handler/kubernetesenv',
		'handler/prometheus',
		'instance/attributes',
	],
	get '1.3'() {
		return this['1.2'];
	},
	get '1.4'() {
		return this['1.2'];
	},
};

for (const { version, minor } of classicReleases) {
	const all = config(version, allAdapters);
	const typed = minor === '1.0';
	const typedInstances = minor === '1.0' || minor === '1.1';

	test(`${version}: by default Prometheus is told of requests and connections, in the kinds of the release`, (t) => {
		t.deepEqual([...keys(config(version))].sort(), [...defaults[minor]].sort());
	});

	test(`${version}: every rule names a handler and instances that exist, and every instance is used`, (t) => {
		const existing = new Set(keys(all));
		const used = new Set<string>();
		for (const rule of all.filter(({ kind }) => kind === 'rule')) {
			for (const action of at(rule, 'spec', 'actions') as readonly Fields[]) {
				const names = [
					canonical(String(action.handler), 'handler'),
					...(action.instances as readonly string[]).map((name) => canonical(name, 'instance')),
				];
				for (const name of names) {
					t.true(existing.has(name), `${rule.metadata.name}: ${name}`);
					used.add(name);
				}
			}
		}
		t.deepEqual(
			[...existing].filter((key) => !/^(rule|attributemanifest)\//.test(key) && !used.has(key)),
			[],
		);
		t.is(existing.size, all.length, 'no object twice');
	});

	test(`${version}: the labels of each Prometheus metric are the dimensions of its instance`, (t) => {
		const params = typed ? get(all, 'prometheus/handler') : at(get(all, 'handler/prometheus'), 'params');
		t.deepEqual(at(params, 'metricsExpirationPolicy'), { metricsExpiryDuration: '10m' });
		const metrics = at(params, 'metrics') as readonly Fields[];
		t.is(metrics.length, typed ? 6 : 8);
		for (const { instance_name: fullName, label_names: labels } of metrics) {
			const [name = '', kind = '', namespace] = String(fullName).split('.');
			t.is(kind, typedInstances ? 'metric' : 'instance');
			t.is(namespace, 'istio-system');
			const instance = get(all, `${kind}/${name}`);
			const dimensions = at(typedInstances ? instance : at(instance, 'params'), 'dimensions') as Fields;
			t.deepEqual<unknown, unknown>(labels, Object.keys(dimensions));
		}
	});

	test(`${version}: expressions speak of attributes that the release knows, and of no others`, (t) => {
		const known = new Set(Object.values(attributeManifests(minor)).flatMap((manifest) => Object.keys(manifest)));
		const used = new Set<string>();
		/** Leaves out texts in quotes, which are constants, and what a template is given. */
		const expression = (text: string) => {
			for (const [name] of text.replaceAll(/"[^"]*"/g, '').matchAll(/(?<![$.\w])[a-z]\w*(\.\w+)+/g)) {
				used.add(name);
			}
		};
		const walk = (value: unknown): void => {
			if (typeof value === 'string') {
				expression(value);
			} else if (typeof value === 'object' && value !== null) {
				Object.values(value).forEach(walk);
			}
		};
		for (const object of all) {
			if (['instance', 'metric', 'logentry', 'kubernetes'].includes(object.kind)) {
				walk(at(object, 'spec'));
			} else if (object.kind === 'rule') {
				walk(at(object, 'spec', 'match'));
			}
		}
		t.true(used.size > 30);
		t.deepEqual(
			[...used].filter((name) => !known.has(name)),
			[],
		);
	});

	test(`${version}: log entries go to standard output`, (t) => {
		const objects = config(version, [{ stdio: { json: false } }]);
		const handler = typed ? get(objects, 'stdio/handler') : at(get(objects, 'handler/stdio'), 'params');
		t.deepEqual(handler, { outputAsJson: false });
		const kind = typedInstances ? 'logentry' : 'instance';
		t.is(keys(objects).filter((key) => key.startsWith('metric/')).length, 0, 'nothing that nobody asked for');
		t.deepEqual(at(get(objects, 'rule/stdio'), 'actions', 0), {
			handler: typed ? 'handler.stdio' : 'stdio',
			instances: [typedInstances ? 'accesslog.logentry' : 'accesslog'],
		});
		const tcp = get(objects, `${kind}/tcpaccesslog`);
		t.is(at(typedInstances ? tcp : at(tcp, 'params'), 'severity'), '"Info"');
	});

	test(`${version}: statsd gets the metrics that the handler knows, by their full names`, (t) => {
		const objects = config(version, [
			{
				statsd: {
					...statsd,
					prefix: 'istio.',
					flushDuration: '1s',
					flushBytes: 1432,
					samplingRate: 0.5,
					metrics: {
						requestcount: { nameTemplate: 'requests.{{.response_code}}' },
						[`queue.${typedInstances ? 'metric' : 'instance'}.shop`]: { type: 'GAUGE', nameTemplate: 'queue' },
					},
				},
			},
		]);
		const params = typed
			? get(objects, 'statsd/meshwright-statsd')
			: at(get(objects, 'handler/meshwright-statsd'), 'params');
		const suffix = `${typedInstances ? 'metric' : 'instance'}.istio-system`;
		t.like(params, {
			...statsd,
			prefix: 'istio',
			flushDuration: '1s',
			flushBytes: 1432,
			samplingRate: 0.5,
		});
		t.is(Object.keys(at(params, 'metrics') as Fields).length, (typed ? 6 : 8) + 1);
		t.deepEqual(at(params, 'metrics', `requestcount.${suffix}`), {
			type: 'COUNTER',
			nameTemplate: 'requests.{{.response_code}}',
		});
		t.like(at(params, 'metrics', `requestduration.${suffix}`), { type: 'DISTRIBUTION' });
		const handed = objects
			.filter(({ kind, metadata }) => kind === 'rule' && metadata.name.startsWith('meshwright-statsd-'))
			.flatMap((rule) => at(rule, 'spec', 'actions', 0, 'instances') as readonly string[]);
		t.is(handed.length, typed ? 6 : 8);
		for (const reference of handed) {
			t.not(at(params, 'metrics', `${reference.split('.')[0] ?? ''}.${suffix}`), undefined, reference);
		}
	});

	test(`${version}: an adapter outside of Mixer is given what it takes, under names of its own`, (t) => {
		const params = { license: 'abc', metrics: [{ name: 'requestcount', labels: {} }], nothing: {} };
		const objects = config(version, [{ custom: { ...custom, params } }]);
		t.deepEqual(get(objects, 'handler/meshwright-grpc-own'), {
			adapter: 'own',
			connection: { address: 'own.monitoring:8080' },
			params,
		});
		const own = objects.filter(({ metadata }) => metadata.name.startsWith('meshwright-grpc-own'));
		t.deepEqual(
			[...new Set(own.map(({ kind }) => kind))].sort(),
			['handler', 'instance', 'rule'],
			'one form in all releases',
		);
		const count = get(objects, 'instance/meshwright-grpc-own-requestcount');
		t.is(at(count, 'template'), 'metric');
		t.is(at(count, 'params', 'value'), '1');
		const rest = keys(objects).filter((key) => !key.includes('meshwright-grpc-own'));
		t.false(
			rest.some((key) => /requestcount|accesslog|prom/.test(key)),
			'nothing for backends that are not asked for',
		);
	});

	test(`${version}: templates without content have parameters all the same`, (t) => {
		const templates = ['checknothing', 'reportnothing'];
		const objects = config(version, [{ custom: { ...custom, templates } }]);
		for (const template of templates) {
			t.deepEqual(get(objects, `instance/meshwright-grpc-own-${template}`), { template, params: {} });
			t.deepEqual(get(objects, `rule/meshwright-grpc-own-${template}`), {
				actions: [{ handler: 'meshwright-grpc-own', instances: [`meshwright-grpc-own-${template}`] }],
			});
		}
	});
}

test('pods are looked up where the adapter can run: not in 1.0, which would wait for an API that is gone', (t) => {
	t.false(keys(config('1.0.9')).some((key) => /kubeattr|kubernetesenv|attributes$/.test(key)));
	t.deepEqual(get(config('1.1.17'), 'handler/kubernetesenv'), { compiledAdapter: 'kubernetesenv' });
	t.is(
		at(get(config('1.1.17'), 'kubernetes/attributes'), 'attribute_bindings', 'source.ip'),
		'$out.source_pod_ip | ip("0.0.0.0")',
	);
	t.is(
		at(get(config('1.4.10'), 'instance/attributes'), 'attributeBindings', 'source.ip'),
		'$out.source_pod_ip | ip("0.0.0.0")',
	);
	t.true(keys(config('1.4.10', undefined, { telemetry: { enabled: false } })).includes('handler/kubernetesenv'));
});

test('probes and scrapes are not measured, as far as the release’s charts leave them out', (t) => {
	const match = (version: string) => String(at(get(config(version), 'rule/promhttp'), 'match'));
	t.is(match('1.0.9'), 'context.protocol == "http" || context.protocol == "grpc"');
	t.true(match('1.1.17').includes('"kube-probe*"') && !match('1.1.17').includes('Prometheus'));
	t.is(
		match('1.4.10'),
		'(context.protocol == "http" || context.protocol == "grpc") && (match((request.useragent | "-"), "kube-probe*") == false) && (match((request.useragent | "-"), "Prometheus*") == false)',
	);
});

test('the number of attributes is that of the charts', (t) => {
	const count = (minor: Minor) =>
		Object.values(attributeManifests(minor)).map((manifest) => Object.keys(manifest).length);
	t.deepEqual(count('1.0'), [52, 28]);
	t.deepEqual(count('1.1'), [63, 26]);
	t.deepEqual(count('1.2'), [63, 26]);
	t.deepEqual(count('1.3'), [64, 26]);
	t.deepEqual(count('1.4'), [64, 26]);
});
