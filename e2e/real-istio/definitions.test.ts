/**
 * `crds/istio/istiod.json` is what follows from the Go module that is pinned. Where the module can't be had, the title of the
 * skipped test says so and why.
 */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { definitionData, pinnedApi, readDefinitions } from './definitions.ts';
import { formattedJson } from './formatted-json.ts';

const written = () => readFile(new URL('../../crds/istio/istiod.json', import.meta.url), 'utf8');
const pinned = await pinnedApi();
const made = await definitionData().catch((error: unknown) =>
	error instanceof Error ? error : new Error(String(error)),
);

test('crds/istio/istiod.json is of the version of istio.io/api that is pinned', async (t) => {
	t.is(JSON.parse(await written()).version, pinned, 'run: npm run crds');
});

if (made instanceof Error) {
	const [why] = made.message.split('\n').slice(-1);
	test.skip(`istio.io/api ${pinned} can't be had, so nobody knows whether crds/istio/istiod.json follows from it: ${why}`, () =>
		undefined);
} else {
	test('crds/istio/istiod.json is what follows from istio.io/api', async (t) => {
		t.is(await written(), await formattedJson(made), 'run: npm run crds');
	});
}

const definition = (versions: string, names = 'singular: thing, listKind: ThingList') => `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.example.istio.io
  labels: {app: istio-pilot, chart: istio, heritage: Tiller, release: istio}
  annotations: {helm.sh/resource-policy: keep}
spec:
  group: example.istio.io
  scope: Namespaced
  names: {kind: Thing, plural: things, ${names}}
  versions: [${versions}]
`;

const version = (name: string, more: string, field = 'count: {type: integer, description: How many.}') =>
	`{name: ${name}, served: true, ${more}, subresources: {status: {}}, schema: {openAPIV3Schema: {description: A thing., type: object, properties: {description: {type: string}, ${field}}}}}`;

test('descriptions and what Helm put there are left out, a field of that name stays', (t) => {
	const text = definition(`${version('v1beta1', 'storage: false')}, ${version('v1', 'storage: true')}`);
	t.deepEqual(readDefinitions(text), [
		{
			name: 'things.example.istio.io',
			group: 'example.istio.io',
			version: 'v1',
			alsoServed: ['v1beta1'],
			kind: 'Thing',
			plural: 'things',
			scope: 'Namespaced',
			categories: [],
			shortNames: [],
			labels: { app: 'istio-pilot' },
			columns: [],
			hasStatus: true,
			schema: { type: 'object', properties: { description: { type: 'string' }, count: { type: 'integer' } } },
		},
	]);
});

test('what the data can’t say is refused', (t) => {
	const stored = version('v1', 'storage: true');
	const other = version('v2', 'storage: false', 'size: {type: integer}');
	t.throws(() => readDefinitions(definition(`${stored}, ${other}`)), { message: /its versions differ in more/ });
	t.throws(() => readDefinitions(definition(version('v1', 'storage: false'))), { message: /no version is stored/ });
	t.throws(() => readDefinitions(definition(stored, 'singular: one, listKind: ThingList')), {
		message: /names do not/,
	});
	t.throws(() => readDefinitions(definition(version('v1', 'storage: true, deprecated: true'))), {
		message: /deprecated/,
	});
});
