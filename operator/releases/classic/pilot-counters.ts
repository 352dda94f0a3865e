/**
 * What Pilot counts when something is wrong with what it sends to proxies, per release: `pilot/pkg/proxy/envoy/v2/` of each tag,
 * `ads.go` in 1.0 to 1.2 and `monitoring.go` from 1.3 on, with `cds.go`, `eds.go`, `lds.go`, `rds.go` and `discovery.go`.
 *
 * What can't be told from a proxy that goes away, or from what users do every day, is not here:
 * - `pilot_xds_pushes` of the types `…_senderr` before 1.4: whatever ends a stream while something is sent. 1.3 leaves out the code
 *   Unavailable, and 1.4 Canceled too (`recordSendError`).
 * - its type `rds_builderr` in 1.0: a gateway asks for a route whose Gateway was just deleted (`networking/core/v1alpha3/gateway.go`,
 *   `buildGatewayHTTPRouteConfig`). 1.1 and newer answer that without an error.
 * - `pilot_total_xds_internal_errors`: also streams that end with an error (`receiveThread`).
 * - `pilot_xds_push_timeout`, `pilot_xds_push_timeout_failures` (1.0 to 1.2): repeat `pilot_xds_push_errors`.
 * - `pilot_rds_expired_nonce`: an answer that a newer push has overtaken.
 * - `pilot_total_rejected_configs`: Gateways of users that contradict each other, in the version before as well.
 */
import type { Minor } from './minors.ts';

export interface PilotCounter {
	readonly metric: string;
	/** Values of its label `type` that count. Without it, all of its series do. */
	readonly types?: readonly string[];
	/**
	 * - `rejected`: a proxy refuses it
	 * - `unmade`: it could not be made, or Envoy's own rules say that it is wrong. 1.0 to 1.2 panic on the latter
	 * - `undelivered`: it did not reach a proxy in time whose connection is there
	 */
	readonly tells: 'rejected' | 'unmade' | 'undelivered';
}

const ofAll: readonly PilotCounter[] = [
	{ metric: 'pilot_total_xds_rejects', tells: 'rejected' },
	{ metric: 'pilot_xds_cds_reject', tells: 'rejected' },
	// 1.0 leaves these out of the total.
	{ metric: 'pilot_xds_eds_reject', tells: 'rejected' },
	{ metric: 'pilot_xds_lds_reject', tells: 'rejected' },
	{ metric: 'pilot_xds_rds_reject', tells: 'rejected' },
	{ metric: 'pilot_xds_pushes', types: ['cds_builderr', 'lds_builderr'], tells: 'unmade' },
	// A proxy took nothing for 5 s (`SendTimeout`).
	{ metric: 'pilot_xds_write_timeout', tells: 'undelivered' },
];

/** A proxy was busy for 5 s (`PushTimeout`): types `short` and `long` in 1.0, `retry` and `unrecoverable` in 1.1 and 1.2. */
const busy: PilotCounter = { metric: 'pilot_xds_push_errors', tells: 'undelivered' };

const from11: readonly PilotCounter[] = [
	...ofAll,
	{ metric: 'pilot_xds_pushes', types: ['rds_builderr'], tells: 'unmade' },
	// Nothing is pushed at all then. 1.0 has the metric, and never counts.
	{ metric: 'pilot_xds_push_context_errors', tells: 'unmade' },
];

const sendErrors = ['cds_senderr', 'eds_senderr', 'lds_senderr', 'rds_senderr'];

export const pilotCounters: Readonly<Record<Minor, readonly PilotCounter[]>> = {
	'1.0': [...ofAll, busy],
	'1.1': [...from11, busy],
	'1.2': [...from11, busy],
	'1.3': from11,
	'1.4': [...from11, { metric: 'pilot_xds_pushes', types: sendErrors, tells: 'undelivered' }],
};
