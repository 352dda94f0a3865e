/**
 * Checks what another API server says about itself before it goes into status, messages and rendered objects: the form must
 * be known and the length bounded. A single text that the status' schema refuses would keep the whole status from being
 * written.
 */
import { isIP } from 'node:net';

/** A UID. Whoever makes a cluster may have chosen it; Kubernetes' own have 36 characters. */
export function isUid(value: unknown): value is string {
	return typeof value === 'string' && /^[\w.-]{1,128}$/.test(value);
}

/** A version such as `v1.29.3-eks-a18cd3a`. Empty for anything else. */
export function versionText(value: unknown): string {
	return typeof value === 'string' && /^v?\d[\w.+~-]{0,126}$/.test(value) ? value : '';
}

/** An IP address, or a DNS name. */
export function isAddress(value: unknown): value is string {
	return (
		typeof value === 'string' &&
		value.length <= 253 &&
		((isIP(value) !== 0 && !value.includes('%')) || /^[a-z0-9_]([-\w.]*[a-z0-9_])?$/i.test(value))
	);
}

/** Kubernetes counts anything up to this (int32), and the status holds it. */
const most = 2 ** 31 - 1;

/** A number of objects. 0 for anything that is no number. */
export function countOf(value: unknown): number {
	return typeof value === 'number' && value > 0 ? Math.min(Math.floor(value), most) : 0;
}
