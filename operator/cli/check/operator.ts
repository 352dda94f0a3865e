/** Whether the operator runs, leads, and may do what its meshes need. */

import { toChild } from '../../apply/child.ts';
import { type Account, isAllowedTo } from '../../clusters/checks/permission-review.ts';
import { lines } from '../../lines/index.ts';
import { missingOf } from '../../mesh/rights/held-rights.ts';
import { findingOfMissing } from '../../mesh/rights/missing.ts';
import { neededForAll } from '../../mesh/rights/needed.ts';
import { leaseName } from '../../options.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { orAbsent } from '../../runtime/errors.ts';
import { type Kind, kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { isRecord } from '../../runtime/object-shape.ts';
import { ownVersion } from '../version.ts';
import { type CheckResult, check, type Verdict } from './result.ts';

/** The name of the operator's Deployment and ServiceAccount in its manifests. */
const operatorName = 'meshwright';

export interface OperatorPlace {
	readonly namespace: string;
	/** Wall clock of the API server, milliseconds since 1970. */
	readonly nowMs: number;
	readonly signal: AbortSignal | undefined;
}

export async function checkOperator(api: ApiServer, place: OperatorPlace): Promise<readonly CheckResult[]> {
	const { namespace, signal } = place;
	const right = { verb: 'get', kind: kinds.Deployment, namespace } as const;
	let deployment: KubeObject | undefined;
	const runs = await check('operator-runs', `the operator runs in namespace ${namespace}`, right, async () => {
		deployment = await orAbsent(api.get({ ...kinds.Deployment, namespace, name: operatorName }, { signal }));
		return judgeDeployment(deployment, namespace);
	});
	const ofVersion = deployment === undefined ? [] : [judgeVersion(deployment)];
	const leads = await checkLease(api, place, deployment);
	return [runs, ...ofVersion, leads];
}

function judgeDeployment(deployment: KubeObject | undefined, namespace: string): Verdict {
	if (deployment === undefined) {
		return {
			state: 'failed',
			detail: `there is no Deployment ${namespace}/${operatorName}`,
			hint: 'run `meshwright install`, or name the namespace of the operator with --operator-namespace',
		};
	}
	const workload = toChild(deployment).workload;
	const { available = 0, desired = 0, podsRefused, stalled } = workload ?? {};
	const detail = `${available}/${desired} replicas are available`;
	const why = podsRefused ?? stalled;
	const hint = `kubectl -n ${namespace} describe pods -l app.kubernetes.io/name=meshwright`;
	if (available === 0) return { state: 'failed', detail: why === undefined ? detail : `${detail}: ${why}`, hint };
	return available < desired ? { state: 'warning', detail, hint } : { state: 'ok', detail };
}

/** The tag of the operator's image. Undefined when it has a digest alone, or no version for a tag. */
export function versionOfImage(image: string): string | undefined {
	return /:v?(\d+\.\d+\.\d+[-+.\w]*)(@|$)/.exec(image)?.[1];
}

function judgeVersion(deployment: KubeObject): CheckResult {
	const [image = ''] = toChild(deployment).workload?.images ?? [];
	const version = versionOfImage(image);
	const named = {
		name: 'operator-version',
		sentence: `the operator is of the version of this command, ${ownVersion}`,
	} as const;
	if (version === undefined) return { ...named, state: 'skipped', detail: `its image, ${image}, does not say` };
	if (version === ownVersion) return { ...named, state: 'ok' };
	return {
		...named,
		state: 'warning',
		detail: `it is ${version}`,
		hint: 'run `meshwright install` to bring it up to date, or use the command of that version: render and diff tell what their own version does',
	};
}

async function checkLease(
	api: ApiServer,
	{ namespace, nowMs, signal }: OperatorPlace,
	deployment: KubeObject | undefined,
): Promise<CheckResult> {
	const right = { verb: 'get', kind: kinds.Lease, namespace } as const;
	return check('operator-leads', 'one of its replicas has the lease, and works', right, async () => {
		if (deployment !== undefined && !JSON.stringify(deployment.spec).includes('"--leader-elect"'))
			return { state: 'skipped', detail: 'it runs without --leader-elect' };
		return judgeLease(
			await orAbsent(api.get({ ...kinds.Lease, namespace, name: leaseName }, { signal })),
			nowMs,
			namespace,
		);
	});
}

/** Judges the lease by the clock of the API server. Pure. */
export function judgeLease(lease: KubeObject | undefined, nowMs: number, namespace: string): Verdict {
	const hint = `kubectl -n ${namespace} logs -l app.kubernetes.io/name=meshwright --prefix`;
	const spec = isRecord(lease?.spec) ? lease.spec : {};
	const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 15 } = spec;
	if (holderIdentity === '') return { state: 'failed', detail: 'nobody has it', hint };
	const agoMs = nowMs - Date.parse(String(renewTime));
	// A second more, since the server tells the time to the second.
	return agoMs > Number(leaseDurationSeconds) * 1_000 + 1_000
		? {
				state: 'failed',
				detail: `${String(holderIdentity)} has not renewed it for ${Math.round(agoMs / 1000)} s`,
				hint,
			}
		: { state: 'ok', detail: String(holderIdentity) };
}

const review: Kind = {
	apiVersion: 'authorization.k8s.io/v1',
	kind: 'SubjectAccessReview',
	plural: 'subjectaccessreviews',
	namespaced: false,
};

/** Asks whether the operator's account may do what a mesh needs. Only who may ask about others is answered. */
export function checkOperatorRights(
	api: ApiServer,
	mesh: ResolvedMesh,
	{ namespace: operatorNamespace, signal }: OperatorPlace,
): Promise<CheckResult> {
	const right = { verb: 'create', kind: review } as const;
	return check('operator-rights', 'the operator may do what it needs', right, async () => {
		const all = { verb: '*', group: '*', resource: '*' };
		const account = serviceAccount(operatorNamespace, operatorName);
		if (await isAllowedTo(api, account, all, signal)) return { state: 'ok' };
		const needed = missingOf([], neededForAll(lines, mesh));
		const answers = await Promise.all(
			needed.map(
				({ right: one, namespace }) =>
					'url' in one ||
					isAllowedTo(api, account, { ...one, ...(namespace === undefined ? {} : { namespace }) }, signal),
			),
		);
		const missing = needed.filter((_, index) => answers[index] === false);
		if (missing.length === 0) return { state: 'ok', detail: `${needed.length} single rights` };
		const { message } = findingOfMissing(missing, { namespace: mesh.namespace, operatorNamespace });
		const [detail = message, ...hints] = message.split('. ');
		return { state: 'failed', detail, hint: hints.join('. ') };
	});
}

function serviceAccount(namespace: string, name: string): Account {
	return {
		user: `system:serviceaccount:${namespace}:${name}`,
		groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
	};
}
