/** Whether the definitions of custom resources are there, and are such that what is stored can be read. */
import { isDeepStrictEqual } from 'node:util';
import { group, plural } from '../../../api/v1/index.ts';
import { toChild } from '../../apply/child.ts';
import { missingVersions } from '../../apply/crd-plan.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { orAbsent } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { isRecord, recordsIn } from '../../runtime/object-shape.ts';
import { manifests } from '../manifests.ts';
import { type CheckResult, check, type Verdict } from './result.ts';

const right = { verb: 'get', kind: kinds.CustomResourceDefinition } as const;
const mostNamed = 5;

/** The definition of MeshInstallation. */
export function checkOwnDefinition(api: ApiServer, signal: AbortSignal | undefined): Promise<CheckResult> {
	const [wanted] = manifests().filter(({ kind }) => kind === kinds.CustomResourceDefinition.kind);
	return check(
		'own-definition',
		'MeshInstallation is defined, as this version of Meshwright defines it',
		right,
		async () => {
			const name = `${plural}.${group}`;
			const live = await orAbsent(api.get({ ...kinds.CustomResourceDefinition, name }, { signal }));
			const hint = 'run `meshwright install`';
			if (live === undefined || wanted === undefined) return { state: 'failed', detail: 'it is not', hint };
			const problems = problemsOf(wanted, live);
			if (problems.length > 0) return { state: 'failed', detail: problems.join('; '), hint };
			return isDeepStrictEqual(schemasOf(live), schemasOf(wanted))
				? { state: 'ok' }
				: {
						state: 'warning',
						detail: 'its fields are those of another version of Meshwright',
						hint: `${hint}, or use the command of the version that is installed`,
					};
		},
	);
}

/** Istio's definitions, as the release of a mesh reads them. */
export function checkIstioDefinitions(
	api: ApiServer,
	wanted: readonly KubeObject[],
	signal: AbortSignal | undefined,
): Promise<CheckResult> {
	const sentence = 'Istio’s definitions are there, and serve what this release reads';
	return check('istio-definitions', sentence, right, async (): Promise<Verdict> => {
		if (wanted.length === 0) return { state: 'skipped', detail: 'Pilot reads them in another cluster' };
		const found = await Promise.all(
			wanted.map(async (crd) => {
				const live = await orAbsent(
					api.get({ ...kinds.CustomResourceDefinition, name: crd.metadata.name }, { signal }),
				);
				const problems = live === undefined ? ['is missing'] : problemsOf(crd, live);
				return problems.map((problem) => `${crd.metadata.name} ${problem}`);
			}),
		);
		const problems = found.flat();
		if (problems.length === 0) return { state: 'ok', detail: `${wanted.length} of them` };
		const more = problems.length - mostNamed;
		return {
			state: 'failed',
			detail: `${problems.slice(0, mostNamed).join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
			hint: 'the operator makes and mends its own; of one that somebody else made, serve the named version',
		};
	});
}

/** What is wrong with a definition, each as the end of a sentence. Pure. */
export function problemsOf(wanted: KubeObject, live: KubeObject): readonly string[] {
	const facts = toChild(live).crd;
	if (facts === undefined) return [];
	const missing = missingVersions(wanted, facts);
	const unserved = storedVersionsOf(live).filter((version) => !facts.servedVersions.includes(version));
	return [
		...(facts.established ? [] : ['is not Established']),
		...(missing.length === 0 ? [] : [`does not serve ${missing.join(', ')}`]),
		...(unserved.length === 0 ? [] : [`has objects stored as ${unserved.join(', ')}, which is served no more`]),
	];
}

function storedVersionsOf({ status }: KubeObject): readonly string[] {
	const { storedVersions } = isRecord(status) ? status : {};
	return Array.isArray(storedVersions) ? storedVersions.filter((version) => typeof version === 'string') : [];
}

function schemasOf({ spec }: KubeObject): readonly unknown[] {
	return recordsIn(isRecord(spec) ? spec.versions : undefined).map(({ name, schema }) => [name, schema]);
}
