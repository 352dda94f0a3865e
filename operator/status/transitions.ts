/** Which changes of a status are worth an Event: what a person would want to find in `kubectl describe` afterwards. */
import type { ParsedStatus, Reason } from '../../api/v1/index.ts';

export interface StatusNotice {
	readonly type: 'Normal' | 'Warning';
	/** CamelCase word. */
	readonly reason: string;
	readonly message: string;
}

/** What about the certificate authority is worth a warning. */
const authorityWarnings: readonly string[] = [
	'CAExpiring',
	'CAExpired',
	'CANotFound',
	'CAInvalid',
] satisfies readonly Reason[];

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
	const authority = find(after, 'CertificateAuthorityValid');
	if (
		authority !== undefined &&
		authorityWarnings.includes(authority.reason) &&
		authority.reason !== find(before, 'CertificateAuthorityValid')?.reason &&
		!notices.some(({ reason }) => reason === authority.reason)
	) {
		notices.push({ type: 'Warning', reason: authority.reason, message: authority.message });
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
