/** What of a mesh of istiod belongs to one revision, and what all of them share. Pure. */
import { defaultRevision, revisionLabel, tagLabel } from '../../../api/v1/index.ts';
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import { defaultTag, defaultValidator, ownNames, withdrawn } from '../../render/istiod/index.ts';
import { isWebhook, kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { istiodQuestions } from './questions.ts';

function isInjector({ kind }: KubeObject): boolean {
	return kind === kinds.MutatingWebhookConfiguration.kind;
}

export const istiodRevisions = {
	isOwn: (
		place: { readonly namespace: string; readonly revision?: string },
		{ metadata }: Pick<KubeObject, 'metadata'>,
	): boolean => ownNames(place).has(metadata.name),
	defaultOf: ({ defaultTo }: ResolvedIstiodMesh): string | undefined => defaultTo,
	tagsOf: ({ tags, defaultTo = defaultRevision }: ResolvedIstiodMesh): ReadonlyMap<string, string> =>
		new Map([
			[defaultTag, defaultTo],
			...tags.map(({ name, revision = defaultRevision }) => [name, revision] as const),
		]),
	isDefaultTag: (object: KubeObject): boolean =>
		isInjector(object) && object.metadata.labels?.[tagLabel] === defaultTag,
	isUnnamed: (object: KubeObject): boolean =>
		isInjector(object) &&
		object.metadata.labels?.[tagLabel] === undefined &&
		object.metadata.labels?.[revisionLabel] === defaultRevision,
	withdrawn,
	leadsTo: (object: KubeObject): string | undefined => {
		const { name, labels } = object.metadata;
		return isWebhook(object) && (labels?.[tagLabel] !== undefined || name === defaultValidator)
			? (labels?.[revisionLabel] ?? defaultRevision)
			: undefined;
	},
	questions: istiodQuestions,
};
