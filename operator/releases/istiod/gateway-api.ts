/**
 * The oldest definitions of the Gateway API that istiod looks at, by kind. One below, or one that says no version, it ignores
 * (istio 1.30 and 1.31 `pkg/config/schema/gatewayapi/minimumversions.go`). The first three have no such limit: any bundle that
 * serves them as v1 will do.
 */
import { isSince, type Minor } from './minors.ts';

export function gatewayApiOf(minor: Minor): Readonly<Record<string, string>> {
	return {
		gatewayclasses: '1.0.0',
		gateways: '1.0.0',
		httproutes: '1.0.0',
		grpcroutes: '1.1.0',
		backendtlspolicies: '1.4.0',
		tlsroutes: '1.5.0',
		...(isSince(minor, '1.31') ? { tcproutes: '1.6.0' } : {}),
	};
}
