/** The mesh configuration as an injector has read it. A field that is not written has the binary's default. */
import { fieldsOf, parseDuration } from '../../api/v1/index.ts';
import type { Minor } from '../releases/classic/index.ts';
import type { Opaque } from '../releases/index.ts';
import type { Setting } from './expression.ts';

/** The text of a field. Empty, 0 or false when neither the mesh configuration nor the binary sets it. */
export type InjectorSettings = (setting: Setting) => string;

/** Defaults of the binary (istio 1.0 `pilot/pkg/model/context.go`, 1.4 `pkg/config/mesh/mesh.go` DefaultProxyConfig). */
const proxyDefaults = {
	configPath: '/etc/istio/proxy',
	binaryPath: '/usr/local/bin/envoy',
	serviceCluster: 'istio-proxy',
	discoveryAddress: 'istio-pilot:15007',
	discoveryRefreshDelay: '1s',
	connectTimeout: '1s',
	proxyAdminPort: 15000,
	controlPlaneAuthPolicy: 'NONE',
	interceptionMode: 'REDIRECT',
} as const;

const meshDefaults = { proxyListenPort: 15001, enableTracing: true } as const;

/** The fields of a mesh configuration, written as the injector of that minor writes them. */
export function injectorSettings(meshConfig: Opaque, minor: Minor): InjectorSettings {
	const drain =
		minor === '1.0'
			? { drainDuration: '2s', parentShutdownDuration: '3s' }
			: { drainDuration: '45s', parentShutdownDuration: '1m0s' };
	const mesh = { ...meshDefaults, ...meshConfig };
	const proxy = { ...proxyDefaults, ...drain, ...fieldsOf(meshConfig.defaultConfig) };
	return ({ of, path, as }) => {
		const value = path.reduce<unknown>((parent, name) => fieldsOf(parent)[name], of === 'mesh' ? mesh : proxy);
		switch (as) {
			case 'duration':
				return typeof value === 'string' ? goDuration(parseDuration(value)) : '1s';
			case 'number':
				return String(value ?? 0);
			case 'truth':
				return String(value ?? false);
			case 'text':
			case 'name':
			case 'wrapped':
				return String(value ?? '');
		}
	};
}

/** Writes a duration as Go's `time.Duration` does: `45s`, `1m0s`, `1h0m0s`, `300ms`, `1.5s`, `0s`. */
export function goDuration(milliseconds: number): string {
	if (milliseconds === 0) {
		return '0s';
	}
	if (milliseconds < 1) {
		return `${Math.round(milliseconds * 1000)}µs`;
	}
	if (milliseconds < 1000) {
		return `${milliseconds}ms`;
	}
	const minutes = Math.floor(milliseconds / 60_000);
	// Starts from whole milliseconds, so that the division adds no digits.
	const seconds = `${(milliseconds - minutes * 60_000) / 1000}s`;
	if (minutes === 0) {
		return seconds;
	}
	const hours = Math.floor(minutes / 60);
	return hours === 0 ? `${minutes}m${seconds}` : `${hours}h${minutes % 60}m${seconds}`;
}
