/**
 * Istio's custom resource definitions as the data file of the istiod line has them (`crds/istio/istiod.json`): schemas,
 * versions, columns and rules of the Go module `istio.io/api`, without descriptions, and without what Helm's charts put on
 * them. Go checks the module by the go.sum in `modules/api`.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { IstioCrd } from '../../operator/releases/index.ts';
import { moduleFolder } from '../control-plane/go-module.ts';

const apiModule = 'istio.io/api';
const directory = fileURLToPath(new URL('modules/api/', import.meta.url));
/** Where the module has all definitions, one document each. */
const file = 'kubernetes/customresourcedefinitions.gen.yaml';

export interface DefinitionData {
	/** Version of `istio.io/api`. */
	readonly version: string;
	readonly definitions: readonly IstioCrd[];
}

/** The version of the module that go.mod requires. */
export async function pinnedApi(): Promise<string> {
	const version = new RegExp(`^require ${apiModule} (\\S+)$`, 'm').exec(
		await readFile(path.join(directory, 'go.mod'), 'utf8'),
	)?.[1];
	if (version === undefined) throw new Error(`${directory}go.mod requires no ${apiModule}`);
	return version;
}

/** Makes the data from the module, which Go fetches where it is not there. Throws where it can't. */
export async function definitionData(): Promise<DefinitionData> {
	const folder = await moduleFolder(apiModule, directory);
	return { version: await pinnedApi(), definitions: readDefinitions(await readFile(path.join(folder, file), 'utf8')) };
}

const column = z.strictObject({
	name: z.string(),
	type: z.string(),
	jsonPath: z.string(),
	description: z.string().optional(),
});
const version = z.strictObject({
	name: z.string(),
	served: z.literal(true),
	storage: z.boolean(),
	subresources: z.strictObject({ status: z.strictObject({}) }),
	additionalPrinterColumns: z.array(column).default([]),
	schema: z.strictObject({ openAPIV3Schema: z.record(z.string(), z.unknown()) }),
});
/** Strict, so that whatever a later version of the module brings is seen. */
const definition = z.strictObject({
	apiVersion: z.literal('apiextensions.k8s.io/v1'),
	kind: z.literal('CustomResourceDefinition'),
	metadata: z.strictObject({
		name: z.string(),
		labels: z.record(z.string(), z.string()),
		annotations: z.strictObject({ 'helm.sh/resource-policy': z.literal('keep') }),
	}),
	spec: z.strictObject({
		group: z.string(),
		scope: z.enum(['Namespaced', 'Cluster']),
		names: z.strictObject({
			kind: z.string(),
			listKind: z.string(),
			plural: z.string(),
			singular: z.string(),
			shortNames: z.array(z.string()).default([]),
			categories: z.array(z.string()).default([]),
		}),
		versions: z.array(version).min(1),
	}),
});

/** Labels that say which chart made it. */
const ofHelm: readonly string[] = ['chart', 'heritage', 'release'];

/** @throws where a definition has something that the data can't say */
export function readDefinitions(text: string): readonly IstioCrd[] {
	return parseAllDocuments(text)
		.map((document): unknown => document.toJS())
		.filter((document) => document !== null)
		.map((document) => crdOf(definition.parse(document)))
		.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function crdOf({ metadata, spec }: z.infer<typeof definition>): IstioCrd {
	const { kind, listKind, singular, plural, shortNames, categories } = spec.names;
	const versions = spec.versions.map(({ schema, additionalPrinterColumns, ...version }) => ({
		name: version.name,
		isStored: version.storage,
		columns: additionalPrinterColumns.map(({ name, type, jsonPath }) => ({ name, type, jsonPath })),
		schema: withoutDescriptions(schema.openAPIV3Schema) as IstioCrd['schema'] & object,
	}));
	const stored = versions.find(({ isStored }) => isStored);
	if (stored === undefined) throw new Error(`${metadata.name}: no version is stored`);
	const { columns, schema } = stored;
	const isSame = versions.every((other) => isDeepStrictEqual([other.columns, other.schema], [columns, schema]));
	if (!isSame) throw new Error(`${metadata.name}: its versions differ in more than their descriptions`);
	if (listKind !== `${kind}List` || singular !== kind.toLowerCase()) {
		throw new Error(`${metadata.name}: its names do not follow from its kind`);
	}
	return {
		name: metadata.name,
		group: spec.group,
		version: stored.name,
		alsoServed: versions.map(({ name }) => name).filter((name) => name !== stored.name),
		kind,
		plural,
		scope: spec.scope,
		categories,
		shortNames,
		labels: Object.fromEntries(Object.entries(metadata.labels).filter(([name]) => !ofHelm.includes(name))),
		columns,
		hasStatus: true,
		schema,
	};
}

/** Below `properties` the keys are names of fields, and `description` may be one of them. */
function withoutDescriptions(value: unknown, areNames = false): unknown {
	if (Array.isArray(value)) return value.map((each) => withoutDescriptions(each));
	if (typeof value !== 'object' || value === null) return value;
	return Object.fromEntries(
		Object.entries(value)
			.filter(([key]) => areNames || key !== 'description')
			.map(([key, each]) => [key, withoutDescriptions(each, key === 'properties' && !areNames)]),
	);
}
