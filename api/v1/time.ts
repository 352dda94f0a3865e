/**
 * A time as Kubernetes writes it, RFC 3339 in whole seconds: `2026-12-05T02:00:00Z`. `no time` for what never is.
 * @param ms milliseconds since 1970
 */
export function timeText(ms: number): string {
	return Number.isFinite(ms) ? `${new Date(ms).toISOString().slice(0, 19)}Z` : 'no time';
}
