/** What istioctl of a line says of an installation, each command as a user gives it. */
import type { ExecutionContext } from 'ava';
import type { Cluster } from '../control-plane/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { istioctlIn } from './istioctl.ts';
import type { RealIstio } from './locate.ts';

export interface Expected {
	/** Names of istiod's pods. */
	readonly istiods: readonly string[];
	/** Pods with a proxy that is connected, as `name.namespace`. */
	readonly proxies: readonly string[];
	readonly revision: string;
}

/** Lines of a table without their padding, the head first. */
function rows(text: string): readonly string[] {
	return text
		.trim()
		.split('\n')
		.map((line) =>
			line
				.trim()
				.split(/\s{2,}|\t/)
				.join(' | '),
		);
}

/** Asks for everything that a user would look at, and finds nothing that is wrong. */
export async function istioctlFinds(
	t: ExecutionContext,
	real: RealIstio,
	cluster: Cluster,
	{ istiods, proxies, revision }: Expected,
): Promise<void> {
	const { version } = real.pins;
	const ask = (...args: readonly string[]) => istioctlIn(real, cluster, ...args);

	const states = await eventually('all proxies have what they should have', async () => {
		const text = await ask('proxy-status');
		return proxies.every((proxy) => text.includes(proxy)) && !text.includes('STALE') && text;
	});
	for (const proxy of proxies) {
		const row = rows(states).find((line) => line.startsWith(proxy)) ?? '';
		t.true(row.includes(version) && istiods.some((istiod) => row.includes(istiod)), states);
		t.regex(await ask('proxy-config', 'secret', proxy), /default +Cert Chain +ACTIVE +true/, proxy);
	}

	const versions = await ask('version');
	for (const program of ['client', 'control plane', 'data plane'])
		t.true(versions.includes(`${program} version: ${version}`), versions);

	t.regex(await ask('analyze', '--all-namespaces'), /No validation issues found/);
	t.regex(await ask('experimental', 'precheck'), /No issues found/);
	const clusters = await ask('remote-clusters');
	for (const istiod of istiods) t.regex(clusters, new RegExp(`synced +${istiod}`));
	t.regex(await ask('tag', 'list'), new RegExp(`^ *${revision} *$|No Istio revision tags found`, 'm'));
}
