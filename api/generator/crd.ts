/** The CustomResourceDefinition. */
import { crdName, group, kind, plural, version } from '../v1/constants.ts';
import type { Schema } from './structural.ts';

/** Descriptions of the fields that every object has. */
const header: Readonly<Record<string, Schema>> = {
	apiVersion: { type: 'string', description: 'Group and version of this kind of object: meshwright.io/v1.' },
	kind: { type: 'string', description: 'Kind of this object: MeshInstallation.' },
	metadata: { type: 'object' },
};

const printerColumns = [
	{ name: 'Version', type: 'string', jsonPath: '.status.version', description: 'Version of Istio that runs.' },
	{
		name: 'Profile',
		type: 'string',
		jsonPath: '.spec.profile',
		description: 'What is installed when nothing more is said.',
	},
	{
		name: 'Ready',
		type: 'string',
		jsonPath: '.status.ready',
		description: 'Ready and desired pods of the control plane.',
	},
	{ name: 'Status', type: 'string', jsonPath: '.status.phase', description: 'One word for the state.' },
	{ name: 'Clusters', type: 'string', jsonPath: '.status.joinedClusters', description: 'Joined and listed clusters.' },
	{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since it was created.' },
	{
		name: 'Message',
		type: 'string',
		jsonPath: '.status.conditions[?(@.type=="Ready")].message',
		description: 'Why it is in this state.',
		priority: 1,
	},
];

/** The object that is applied to a cluster. */
export function customResourceDefinition(schema: Schema) {
	const { spec, status } = schema.properties ?? {};
	if (spec === undefined || status === undefined) {
		throw new Error('the schema has no spec or no status');
	}
	const root: Schema = {
		...withoutTitles(schema),
		properties: { ...header, spec: withoutTitles(spec), status: withoutTitles(status) },
		required: ['spec'],
		// A fieldPath has to name a field of the schema, and the schema has none of metadata's.
		'x-kubernetes-validations': (schema['x-kubernetes-validations'] ?? []).map(({ fieldPath, ...rule }) => rule),
	};
	return {
		apiVersion: 'apiextensions.k8s.io/v1',
		kind: 'CustomResourceDefinition',
		metadata: {
			name: crdName,
			labels: { 'app.kubernetes.io/name': 'meshwright', 'app.kubernetes.io/part-of': 'meshwright' },
		},
		spec: {
			group,
			scope: 'Cluster',
			names: {
				kind,
				listKind: `${kind}List`,
				plural,
				singular: kind.toLowerCase(),
				shortNames: ['mi'],
				categories: ['istio', 'meshwright'],
			},
			versions: [
				{
					name: version,
					served: true,
					storage: true,
					subresources: { status: {} },
					additionalPrinterColumns: printerColumns,
					schema: { openAPIV3Schema: root },
				},
			],
		},
	};
}

/** Titles name the TypeScript types. In a CustomResourceDefinition nobody reads them. */
function withoutTitles({ title: _title, properties, items, additionalProperties, ...rest }: Schema): Schema {
	return {
		...rest,
		...(properties === undefined
			? {}
			: {
					properties: Object.fromEntries(Object.entries(properties).map(([name, node]) => [name, withoutTitles(node)])),
				}),
		...(items === undefined ? {} : { items: withoutTitles(items) }),
		...(typeof additionalProperties === 'object' ? { additionalProperties: withoutTitles(additionalProperties) } : {}),
	};
}
