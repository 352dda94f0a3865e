/** Asks an API server which permissions we have (SelfSubjectAccessReview). Stores nothing, and everybody may ask. */
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { describePermissions, type Permission, permissionKey, type RoleName } from './permissions.ts';

export interface MissingPermissions {
	/** Missing permissions that joining needs, as sentences: `create serviceaccounts/token in namespace istio-system`. */
	readonly needed: readonly string[];
	/** Missing permissions without which less is known before joining. */
	readonly optional: readonly string[];
}

type Question = Pick<Permission, 'verb' | 'group' | 'resource' | 'namespace' | 'name'>;

/** This many questions are asked in parallel. The client's own bound is for everything that is asked of a cluster. */
const sideBySide = 8;

/**
 * In a review `*` means all (k8s.io/api/authorization/v1 `ResourceAttributes`), so one question is enough for an
 * administrator.
 */
const everything: Question = { verb: '*', group: '*', resource: '*' };

/** The permissions that are missing. Rejects as `ApiServer.request` does. */
export async function reviewPermissions(
	api: ApiServer,
	permissions: readonly Permission[],
	signal?: AbortSignal,
): Promise<MissingPermissions> {
	if (await isAllowed(api, everything, signal)) {
		return { needed: [], optional: [] };
	}
	const questions = new Map(permissions.map((permission) => [permissionKey(permission), permission]));
	const refused = new Set(await refusedOf(api, [...questions], signal));
	const missing = permissions.filter((permission) => refused.has(permissionKey(permission)));
	const grantable = await grantableRoles(api, missing, signal);
	const left = missing.filter(({ toGrant }) => toGrant === undefined || !grantable.has(roleKey(toGrant)));
	return {
		needed: describePermissions(left.filter(({ isOptional }) => isOptional !== true)),
		optional: describePermissions(left.filter(({ isOptional }) => isOptional === true)),
	};
}

async function refusedOf(
	api: ApiServer,
	questions: readonly (readonly [key: string, question: Question])[],
	signal: AbortSignal | undefined,
): Promise<readonly string[]> {
	const refused: string[] = [];
	const rest = questions.values();
	const ask = async () => {
		for (const [key, question] of rest) {
			if (!(await isAllowed(api, question, signal))) {
				refused.push(key);
			}
		}
	};
	await Promise.all(Array.from({ length: sideBySide }, ask));
	return refused;
}

/** The roles that we may grant without holding their rights, by `escalate` and `bind`. */
async function grantableRoles(
	api: ApiServer,
	missing: readonly Permission[],
	signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
	const roles = new Map(missing.flatMap(({ toGrant }) => (toGrant === undefined ? [] : [[roleKey(toGrant), toGrant]])));
	const answers = await Promise.all(
		[...roles].map(async ([key, { kind, name, namespace }]) => {
			const role = {
				group: 'rbac.authorization.k8s.io',
				resource: kind === 'Role' ? 'roles' : 'clusterroles',
				name,
				...(namespace === undefined ? {} : { namespace }),
			};
			const may = await Promise.all(['escalate', 'bind'].map((verb) => isAllowed(api, { verb, ...role }, signal)));
			return may.every(Boolean) ? [key] : [];
		}),
	);
	return new Set(answers.flat());
}

function roleKey({ kind, name, namespace = '' }: RoleName): string {
	return `${kind} ${namespace}/${name}`;
}

/** Whether an authorizer allows something. Rejects as `ApiServer.request` does. */
export async function isAllowed(api: ApiServer, question: Question, signal: AbortSignal | undefined): Promise<boolean> {
	return review(api, 'SelfSubjectAccessReview', {}, question, signal);
}

/** An account, as authorizers know it. */
export interface Account {
	readonly user: string;
	readonly groups: readonly string[];
}

/**
 * Whether an authorizer allows something to somebody else (SubjectAccessReview). Only who may ask is answered. Rejects as
 * `ApiServer.request` does.
 */
export async function isAllowedTo(
	api: ApiServer,
	{ user, groups }: Account,
	question: Question,
	signal: AbortSignal | undefined,
): Promise<boolean> {
	return review(api, 'SubjectAccessReview', { user, groups }, question, signal);
}

async function review(
	api: ApiServer,
	kind: 'SelfSubjectAccessReview' | 'SubjectAccessReview',
	subject: object,
	question: Question,
	signal: AbortSignal | undefined,
): Promise<boolean> {
	const [resource, subresource] = question.resource.split('/');
	const { verb, group, namespace, name } = question;
	const { body } = await api.request<{ readonly status?: { readonly allowed?: unknown } }>({
		method: 'POST',
		path: `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`,
		body: {
			apiVersion: 'authorization.k8s.io/v1',
			kind,
			spec: { ...subject, resourceAttributes: { verb, group, resource, subresource, namespace, name } },
		},
		kind,
		isReadOnly: true,
		isIdempotent: true,
		signal,
	});
	return body?.status?.allowed === true;
}
