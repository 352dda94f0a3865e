import test from 'ava';
import type { z } from 'zod';
import type { MeshInstallation, ParsedMeshInstallation } from './index.ts';
import type { meshInstallation } from './schema/mesh-installation.ts';

/** JSON has no undefined, but zod types a field with a default as if it could be undefined. */
type Json<Value> = Value extends readonly (infer Entry)[]
	? Json<Entry>[]
	: Value extends object
		? { [Key in keyof Value]: Json<Exclude<Value[Key], undefined>> }
		: Value;

type Input = Json<z.input<typeof meshInstallation>>;

/** Compiles only when each type is assignable to the other. */
const toGenerated = (input: Input): MeshInstallation => input;
const toInput = (generated: MeshInstallation): Input => generated;

/** Compiles only when optional fields can't be undefined and fields with a default are always there. */
const namespaceOf = ({ spec }: ParsedMeshInstallation): string => spec.namespace;

test('the generated types and the schema are the same for the compiler', (t) => {
	const object: MeshInstallation = {
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		metadata: { name: 'mesh' },
		spec: { version: '1.4.10', pilot: { disruptionBudget: { maxUnavailable: '50%' } } },
	};
	t.is<unknown, unknown>(toInput(toGenerated(object)), object);
	t.is(namespaceOf({ ...toInput(object), spec: { version: '1.4.10', profile: 'minimal', namespace: 'mesh' } }), 'mesh');
});
