/** The whole object: the single source of the CRD, of the types for API consumers and of the parser. */
import { z } from 'zod';
import { apiVersion, kind } from '../constants.ts';
import { optional } from './fields.ts';
import { withRules } from './rules.ts';
import { spec } from './spec.ts';
import { status } from './status.ts';

const strings = z.record(z.string(), z.string());

/** The part of `metadata` that the operator reads. The API server checks metadata itself; nothing in it is refused here. */
const metadata = z
	.looseObject({
		name: z.string().min(1).max(253).describe('Name of the installation.'),
		uid: optional(z.string()).describe('Set by the API server.'),
		resourceVersion: optional(z.string()).describe('Set by the API server.'),
		generation: optional(z.number()).describe('Set by the API server: counts changes of the spec.'),
		creationTimestamp: optional(z.string()).describe('Set by the API server.'),
		deletionTimestamp: optional(z.string()).describe('Set by the API server when the object is being deleted.'),
		labels: optional(strings).describe('Labels.'),
		annotations: optional(strings).describe('Annotations.'),
		finalizers: optional(z.array(z.string())).describe('Who must agree before the object goes.'),
	})
	.meta({ title: 'ObjectMeta' });

export const meshInstallation = withRules(
	z.strictObject({
		apiVersion: z.literal(apiVersion).describe('Group and version of this kind of object.'),
		kind: z.literal(kind).describe('Kind of this object.'),
		metadata: metadata.describe('Name, labels and annotations.'),
		spec: spec.describe('What is wanted.'),
		status: optional(status).describe('What is. Written by the operator.'),
	}),
	{
		rule: "size(self.metadata.name) <= 63 && !self.metadata.name.contains('.')",
		message: 'name must be a DNS label of at most 63 characters: it becomes the value of a label',
		remedy: 'Use a shorter name without dots.',
		at: 'metadata.name',
		holds: ({ metadata: { name } }) => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name),
	},
).meta({
	title: 'MeshInstallation',
	description: 'An Istio service mesh: its control plane in this cluster, and the clusters that join it.',
});
