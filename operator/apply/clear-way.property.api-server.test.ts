/**
 * Others may write anything that a real API server accepts. Whatever they write into what we render, one pass makes our
 * fields as rendered again, and takes away no field of others that could have stayed.
 */
import test from 'ava';
import fc from 'fast-check';
import { type Cluster, startCluster } from '../../e2e/control-plane/cluster.ts';
import { render } from '../lines/testing.ts';
import { meshOf } from '../render/testing.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { RequestError, TransientError } from '../runtime/errors.ts';
import { groupOf, type KubeObject, objectKey, referenceOf } from '../runtime/object.ts';
import { isRecord } from '../runtime/object-shape.ts';
import { Comparison, describePath, type FieldPath } from './foreign-fields.ts';
import { asChild, fieldManager, repairFieldManager } from './identity.ts';
import { type Connections, connectTo, World } from './testing-world.ts';

/** Edits that the API server accepts, over all kinds. */
const edits = 150;
const stranger = 'stranger';
/** Kinds in which fields exclude or bound each other. They are edited more often. */
const kindsWithUnions = [
	'Deployment',
	'Deployment',
	'Deployment',
	'Deployment',
	'PodDisruptionBudget',
	'HorizontalPodAutoscaler',
	'Service',
];

let cluster: Cluster;
let admin: ApiServer;
let connect: Connections['connect'];

test.before(async () => {
	cluster = await startCluster();
	({ admin, connect } = connectTo(cluster));
});

test.after.always(async () => {
	await admin?.close();
	await cluster?.stop();
});

interface Schema {
	readonly $ref?: string;
	readonly allOf?: readonly Schema[];
	readonly oneOf?: readonly Schema[];
	readonly type?: string;
	readonly format?: string;
	readonly enum?: readonly unknown[];
	readonly properties?: Readonly<Record<string, Schema>>;
	readonly additionalProperties?: Schema;
	readonly items?: Schema;
	readonly 'x-kubernetes-group-version-kind'?: readonly {
		readonly kind: string;
		readonly version: string;
		readonly group: string;
	}[];
}

type Schemas = Readonly<Record<string, Schema>>;

/** The schemas of the API server's own kinds, by their names. */
async function schemasOf(apiVersion: string): Promise<Schemas> {
	const path = groupOf(apiVersion) === '' ? `/openapi/v3/api/${apiVersion}` : `/openapi/v3/apis/${apiVersion}`;
	const { body } = await admin.request<{ components: { schemas: Schemas } }>({ method: 'GET', path });
	return body.components.schemas;
}

function schemaOf({ apiVersion, kind }: KubeObject, schemas: Schemas): Schema | undefined {
	return Object.values(schemas).find((schema) =>
		schema['x-kubernetes-group-version-kind']?.some(
			(one) => one.kind === kind && apiVersion === (one.group === '' ? one.version : `${one.group}/${one.version}`),
		),
	);
}

function resolve(schema: Schema, schemas: Schemas): Schema {
	const [first] = schema.allOf ?? [];
	const reference = schema.$ref ?? first?.$ref;
	if (reference !== undefined) return resolve(schemas[reference.slice('#/components/schemas/'.length)] ?? {}, schemas);
	return schema.oneOf?.[0] === undefined ? schema : { ...schema.oneOf[0], ...schema };
}

/** Words that mean something in many fields. A field that accepts none of them stays as it is. */
const words = [
	'pilot',
	'istio',
	'a',
	'http',
	'TCP',
	'UDP',
	'Recreate',
	'RollingUpdate',
	'Always',
	'Never',
	'Local',
	'Cluster',
];
const moreWords = [
	'/x',
	'10m',
	'1Gi',
	'50%',
	'ClientIP',
	'None',
	'Ignore',
	'Fail',
	'File',
	'127.0.0.1',
	'config-volume',
	'',
];
const numbers = [0, 1, 2, 3, 15, 80, 8080, 15_010, 65_535];

class Dice {
	readonly #random: fc.GeneratorValue;

	constructor(random: fc.GeneratorValue) {
		this.#random = random;
	}

	below(count: number): number {
		return this.#random(fc.nat, { max: count - 1 });
	}

	one<T>(items: readonly T[]): T {
		return items[this.below(items.length)] as T;
	}
}

/** Any value that has the shape of a schema. */
function anyValue(given: Schema, schemas: Schemas, dice: Dice, depth = 0): unknown {
	const schema = resolve(given, schemas);
	if (schema.enum !== undefined) return dice.one(schema.enum);
	switch (schema.type) {
		case 'boolean':
			return dice.below(2) === 1;
		case 'integer':
		case 'number':
			return dice.one(numbers);
		case 'string':
			return schema.format === 'int-or-string' && dice.below(2) === 1
				? dice.one(numbers)
				: dice.one([...words, ...moreWords]);
		case 'array':
			return [anyValue(schema.items ?? {}, schemas, dice, depth + 1)];
		default: {
			const names = Object.keys(schema.properties ?? {});
			if (names.length === 0) {
				return schema.additionalProperties === undefined
					? {}
					: { [dice.one(words)]: anyValue(schema.additionalProperties, schemas, dice, depth + 1) };
			}
			const some = depth > 3 ? [] : names.filter(() => dice.below(names.length) < 2);
			return Object.fromEntries(
				some.map((name) => [name, anyValue(schema.properties?.[name] ?? {}, schemas, dice, depth + 1)]),
			);
		}
	}
}

/** Changes one thing somewhere in a value: sets, removes or replaces a field or an item. */
function mutate(value: unknown, given: Schema, schemas: Schemas, dice: Dice): unknown {
	const schema = resolve(given, schemas);
	if (Array.isArray(value)) {
		const items = schema.items ?? {};
		const index = dice.below(value.length + 1);
		if (index === value.length) return [...value, anyValue(items, schemas, dice)];
		if (dice.below(8) === 0) return value.toSpliced(index, 1);
		return value.with(index, mutate(value[index], items, schemas, dice));
	}
	if (isRecord(value)) {
		const open = schema.additionalProperties;
		const names = Object.keys(open === undefined ? (schema.properties ?? {}) : value);
		const present = names.filter((name) => value[name] !== undefined);
		const name =
			present.length > 0 && dice.below(3) > 0
				? dice.one(present)
				: dice.one([...names, ...(open === undefined ? [] : words)]);
		const below = open ?? schema.properties?.[name] ?? {};
		const { [name]: old, ...rest } = value;
		const fate = dice.below(10);
		if (fate === 0) return rest;
		// One member of a union instead of another: a `value` for a `valueFrom`.
		if (fate < 4 && open === undefined && old !== undefined) {
			const other = dice.one(names);
			return { ...rest, [other]: anyValue(schema.properties?.[other] ?? {}, schemas, dice) };
		}
		return {
			...rest,
			[name]: old === undefined || fate === 4 ? anyValue(below, schemas, dice) : mutate(old, below, schemas, dice),
		};
	}
	return anyValue(schema, schemas, dice);
}

/** The object with an edit in one of the parts that users write. */
function edited(object: KubeObject, schema: Schema, schemas: Schemas, dice: Dice): KubeObject {
	const { properties = {} } = resolve(schema, schemas);
	const names = Object.keys(object).filter((name) => !['apiVersion', 'kind', 'metadata', 'status'].includes(name));
	if (names.length === 0 || dice.below(12) === 0) {
		const annotations = { ...object.metadata.annotations, [dice.one(words)]: 'mine' };
		return { ...object, metadata: { ...object.metadata, annotations } };
	}
	const name = dice.one(names);
	return { ...object, [name]: mutate(object[name], properties[name] ?? {}, schemas, dice) };
}

function isStranger({ manager }: { readonly manager?: string }): boolean {
	return manager === stranger;
}

function extraFields(live: KubeObject, rendered: KubeObject): readonly FieldPath[] {
	return new Comparison(live, rendered, (entry) => !isStranger(entry))
		.extraFields()
		.filter(({ managers }) => managers.length > 0)
		.map(({ path }) => path);
}

async function isRefused(request: Promise<unknown>): Promise<boolean> {
	try {
		await request;
		return false;
	} catch (error) {
		if (error instanceof RequestError && (error.status === 422 || error.status === 400)) return true;
		// Two ports of a Service with one node port are an error of the API server's own.
		if (error instanceof TransientError && error.status === 500) return true;
		throw error;
	}
}

test('whatever others write validly into what we render, it is as rendered after one pass, and no harmless field of theirs is lost', async (t) => {
	t.timeout(300_000);
	const world = new World(t, { connect, admin }, 'clear-any');
	const mesh = meshOf({ version: '1.4.10', profile: 'production', namespace: 'clear-any' }, 'clear-any');
	// Istio's own kinds have schemas that accept everything, so nobody can make an apply of theirs invalid.
	world.objects = render(mesh).filter(({ apiVersion }) => !groupOf(apiVersion).endsWith('.istio.io'));
	const process = world.start();
	t.deepEqual((await process.settle()).errors, []);
	const objects = world.objects.filter(({ kind }) => kind !== 'Namespace');
	const schemas = new Map<string, Schemas>();
	for (const { apiVersion } of objects)
		if (!schemas.has(apiVersion)) schemas.set(apiVersion, await schemasOf(apiVersion));
	const kinds = [...new Set(objects.map((object) => object.kind)), ...kindsWithUnions];
	const kindsEdited = new Set<string>();
	const seen = { accepted: 0, inTheWay: 0, kept: 0 };

	const property = fc.asyncProperty(fc.gen(), async (random) => {
		const dice = new Dice(random);
		// One kind after the other, so that each has its turn however many edits are refused.
		const kind = kinds[seen.accepted % kinds.length];
		const rendered = dice.one(objects.filter((object) => object.kind === kind));
		const known = schemas.get(rendered.apiVersion) ?? {};
		const before = await admin.get(referenceOf(rendered));
		let edit = before;
		for (let times = 1 + dice.below(3); times > 0; times--)
			edit = edited(edit, schemaOf(rendered, known) ?? {}, known, dice);
		fc.pre(!(await isRefused(admin.replace(edit, { fieldManager: stranger }))));
		seen.accepted++;
		kindsEdited.add(rendered.kind);
		const spoilt = await admin.get(referenceOf(rendered));

		process.now += 3_600_000;
		const { errors } = await process.pass();
		if (errors.length > 0) throw new Error(`${objectKey(rendered)}: ${errors.join('; ')}\n${JSON.stringify(edit)}`);
		const after = await admin.get(referenceOf(rendered));
		if (after.metadata.managedFields?.some(({ manager }) => manager === repairFieldManager) === true)
			throw new Error(`${objectKey(rendered)}: the repair's own entry is left`);
		const owned = asChild(rendered, process.owner);
		const same = await admin.apply(owned, { fieldManager, force: true });
		if (same.resourceVersion !== after.metadata.resourceVersion)
			throw new Error(`${objectKey(rendered)} is not as rendered`);

		const left = new Set(extraFields(after, owned).map(describePath));
		for (const path of extraFields(spoilt, owned)) {
			if (left.has(describePath(path))) {
				seen.kept++;
				continue;
			}
			seen.inTheWay++;
			const back = withField(after, spoilt, path);
			if (!(await isRefused(admin.replace(back, { fieldManager: stranger, dryRun: true }))))
				throw new Error(`${objectKey(rendered)}: ${describePath(path)} was in nobody's way, and is gone`);
		}
	});
	const outcome = await fc.check(property, { numRuns: edits, maxSkipsPerRun: 100, endOnFailure: true });
	t.is(outcome.errorInstance, null, String(outcome.errorInstance));
	t.log(JSON.stringify({ ...seen, kinds: [...kindsEdited].sort() }));
	t.true(seen.inTheWay > 0 && seen.kept > 0);
	t.deepEqual([...kindsEdited].sort(), [...new Set(objects.map(({ kind }) => kind))].sort());
});

/** `object` with a field of `source` put back. */
function withField(object: KubeObject, source: KubeObject, path: FieldPath): KubeObject {
	const put = (to: unknown, from: unknown, [step, ...rest]: FieldPath): unknown => {
		if (step === undefined) return from;
		if (step.startsWith('f:')) {
			const name = step.slice(2);
			const below = isRecord(to) ? to : {};
			return { ...below, [name]: put(below[name], isRecord(from) ? from[name] : undefined, rest) };
		}
		const is = (item: unknown): boolean =>
			step.startsWith('v:')
				? JSON.stringify(item) === step.slice(2)
				: isRecord(item) &&
					Object.entries(JSON.parse(step.slice(2)) as object).every(([key, value]) => item[key] === value);
		const there = (Array.isArray(from) ? from : []).find(is);
		const items: readonly unknown[] = Array.isArray(to) ? to : [];
		const at = items.findIndex(is);
		return at === -1 ? [...items, there] : items.with(at, put(items[at], there, rest));
	};
	return put(object, source, path) as KubeObject;
}
