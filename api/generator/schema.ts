/** The structural schema of the whole object. Fields that are not supported yet get a rule that refuses them. */
import { z } from 'zod';
import { meshInstallation } from '../v1/schema/mesh-installation.ts';
import { notSupportedMessage, notSupportedYet } from '../v1/support.ts';
import { type Schema, toStructural } from './structural.ts';

/** The object as consumers write it. Kubernetes knows the schema of `metadata`. */
export function structuralSchema(): Schema {
	const json = z.toJSONSchema(meshInstallation, {
		target: 'openapi-3.0',
		io: 'input',
		reused: 'inline',
		cycles: 'throw',
		unrepresentable: 'throw',
	});
	const { metadata: _metadata, ...properties } = json.properties ?? {};
	const root = toStructural({ ...json, properties });
	return notSupportedYet.reduce((schema, gap) => withGap(schema, gap.split('.'), gap, 0), root);
}

/** Adds the rule that refuses the field to the field's parent, where it can say `!has(self.field)`. */
function withGap(node: Schema, path: readonly string[], gap: string, depth: number): Schema {
	const [name, ...below] = path;
	const child = name === undefined ? undefined : node.properties?.[name];
	if (name === undefined || child === undefined) {
		throw new Error(`api/v1/support.ts: the schema has no field ${gap}`);
	}
	if (below.length > 0) {
		return { ...node, properties: { ...node.properties, [name]: withGap(child, below, gap, depth + 1) } };
	}
	return {
		...node,
		properties: { ...node.properties, [name]: { ...child, description: `Not supported yet. ${child.description}` } },
		'x-kubernetes-validations': [
			...(node['x-kubernetes-validations'] ?? []),
			{
				rule: `!has(self.${name})`,
				message: notSupportedMessage(gap),
				fieldPath: `.${name}`,
				reason: 'FieldValueForbidden',
			},
		],
	};
}
