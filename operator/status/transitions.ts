/**
 * Chooses the changes of a status that become Events: those that a person wants to find in `kubectl describe` afterwards.
 */
import type { ClusterReason, ParsedStatus, Reason } from '../../api/v1/index.ts';

import { revisionTransitions } from './revision-events.ts';
import type { StatusNotice } from './status-notice.ts';
import { upgradeTransitions } from './upgrade-events.ts';

/** Reasons of `CertificateAuthorityValid` that become warnings. */
const authorityWarnings: readonly string[] = [
	'CAExpiring',
	'CAOutlived',
	'CAExpired',
	'CANotFound',
	'CAInvalid',
	'CAKeyUnsupported',
	'CARootUnusable',
] satisfies readonly Reason[];

/** Reasons for which work in a cluster failed. */
const failures: ReadonlySet<string> = new Set<ClusterReason>([
	'RemoteApplyFailed',
	'TokenNotProven',
	'TokenTooShort',
	'TokenUnusable',
	'SecretConflict',
]);

function find(status: ParsedStatus | undefined, type: string) {
	return status?.conditions?.find((condition) => condition.type === type);
}

/** The Events for the step from one status to the next. */
export function describeTransitions(before: ParsedStatus | undefined, after: ParsedStatus): readonly StatusNotice[] {
	const notices: StatusNotice[] = [];
	const ready = find(after, 'Ready');
	const wasReady = find(before, 'Ready');
	if (ready !== undefined && ready.status !== wasReady?.status) {
		if (ready.status === 'True') notices.push({ type: 'Normal', reason: 'Ready', message: ready.message });
		else if (ready.status === 'False' && wasReady?.status === 'True') {
			notices.push({
				type: ready.reason === 'Deleting' ? 'Normal' : 'Warning',
				reason: ready.reason,
				message: ready.message,
			});
		}
	}
	const stalled = find(after, 'Stalled');
	const wasStalled = find(before, 'Stalled');
	if (
		stalled !== undefined &&
		stalled.reason !== wasStalled?.reason &&
		!notices.some(({ reason }) => reason === stalled.reason)
	) {
		notices.push({ type: 'Warning', reason: stalled.reason, message: stalled.message });
	}
	const installed = find(after, 'Installed');
	if (
		installed?.reason === 'DeletionFailed' &&
		find(before, 'Installed')?.reason !== installed.reason &&
		!notices.some(({ reason }) => reason === installed.reason)
	) {
		notices.push({ type: 'Warning', reason: installed.reason, message: installed.message });
	}
	const authority = find(after, 'CertificateAuthorityValid');
	if (
		authority !== undefined &&
		authorityWarnings.includes(authority.reason) &&
		authority.reason !== find(before, 'CertificateAuthorityValid')?.reason &&
		!notices.some(({ reason }) => reason === authority.reason)
	) {
		notices.push({ type: 'Warning', reason: authority.reason, message: authority.message });
	}
	notices.push(...clusterTransitions(before, after));
	notices.push(
		...upgradeTransitions(before, after).filter(({ reason }) => !notices.some((one) => one.reason === reason)),
	);
	notices.push(...revisionTransitions(before, after));
	const operator = after.operatorUpgrade;
	if (
		operator !== undefined &&
		operator.state !== 'Applying' &&
		(operator.state !== before?.operatorUpgrade?.state || operator.to !== before.operatorUpgrade.to)
	) {
		notices.push({ type: 'Normal', reason: `OperatorChanges${operator.state}`, message: operator.message });
	}
	if (before?.version !== undefined && after.version !== undefined && before.version !== after.version) {
		notices.push({
			type: 'Normal',
			reason: 'VersionChanged',
			message: `runs ${after.version} now, before ${before.version}`,
		});
	}
	return notices;
}

/** The Events about joined clusters. Who leaves a cluster tells that itself. */
function clusterTransitions(before: ParsedStatus | undefined, after: ParsedStatus): readonly StatusNotice[] {
	return (after.clusters ?? []).flatMap((cluster) => {
		const old = before?.clusters?.find(({ name }) => name === cluster.name);
		return (cluster.conditions ?? []).flatMap((condition): readonly StatusNotice[] => {
			const { type, status, reason, message } = condition;
			const was = old?.conditions?.find((one) => one.type === type);
			const about = `cluster ${cluster.name}: ${message}`;
			if (status === was?.status && reason === was.reason) return [];
			switch (type) {
				case 'Reachable':
					if (status === 'False') return [{ type: 'Warning', reason, message: about }];
					return status === 'True' && was?.status === 'False'
						? [{ type: 'Normal', reason: 'ClusterReachable', message: `cluster ${cluster.name} answers again` }]
						: [];
				case 'Compatible':
				case 'DataPlaneReady':
					return status === 'False' ? [{ type: 'Warning', reason, message: about }] : [];
				case 'Joined':
					if (status === 'True' && was?.status !== 'True')
						return [{ type: 'Normal', reason: 'ClusterJoined', message: about }];
					return status === 'False' && isFailure(reason) ? [{ type: 'Warning', reason, message: about }] : [];
				case 'Ready': {
					// When work in a joined cluster fails, no other condition tells it.
					const isJoined = cluster.conditions?.some((one) => one.type === 'Joined' && one.status === 'True') === true;
					return isJoined && status === 'False' && isFailure(reason)
						? [{ type: 'Warning', reason, message: about }]
						: [];
				}
				case 'CredentialsValid':
					return isLate(reason) ? [{ type: 'Warning', reason, message: about }] : [];
				default:
					return [];
			}
		});
	});
}

function isFailure(reason: string): boolean {
	return failures.has(reason);
}

function isLate(reason: string): boolean {
	return reason === 'CredentialsExpiring' || reason === 'CredentialsExpired';
}
