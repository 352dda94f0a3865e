/**
 * What another API server says of itself, in the form in which it goes on into status, messages and what is rendered here: of a
 * known form and of bounded length. One text that the schema of the status does not take would keep all of it from being written.
 */
import { isIP } from 'node:net';

/** A UID, as whoever makes clusters may have chosen it; Kubernetes' own have 36 characters. */
export function isUid(value: unknown): value is string {
	return typeof value === 'string' && /^[\w.-]{1,128}$/.test(value);
}

/** `v1.29.3-eks-a18cd3a`; empty for anything that is no version. */
export function versionText(value: unknown): string {
	return typeof value === 'string' && /^v?\d[\w.+~-]{0,126}$/.test(value) ? value : '';
}

/** An IP address, or a name as DNS has it. */
export function isAddress(value: unknown): value is string {
	return (
		typeof value === 'string' &&
		value.length <= 253 &&
		((isIP(value) !== 0 && !value.includes('%')) || /^[a-z0-9_]([-\w.]*[a-z0-9_])?$/i.test(value))
	);
}

/** As many as Kubernetes counts of anything (int32), and the status holds. */
const most = 2 ** 31 - 1;

/** A number of objects; 0 for anything that is none. */
export function countOf(value: unknown): number {
	return typeof value === 'number' && value > 0 ? Math.min(Math.floor(value), most) : 0;
}
