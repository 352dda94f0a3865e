/** What those who play Citadel and istiod have in common: they work in rounds, and sign by the authority that their pods mount or by their own. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import type { Reflector } from '../../operator/runtime/watch/reflector.ts';
import { type Authority, authoritySecret } from './certificate-authority.ts';
import { orAbsent } from './eventually.ts';

export type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };

/** A Deployment of whoever signs. */
export interface SignerDeployment extends KubeObject {
	readonly spec?: {
		readonly replicas?: number;
		readonly template?: {
			readonly spec?: {
				readonly volumes?: readonly { readonly name: string; readonly secret?: { readonly secretName?: string } }[];
			};
		};
	};
	readonly status?: { readonly availableReplicas?: number; readonly observedGeneration?: number };
}

/** Time until a round is tried again that failed. */
const retryMs = 100;

/** Makes a round after each change of what is followed, one at a time. The returned function ends it. */
export function workInRounds(
	followed: readonly Pick<Reflector<KubeObject>, 'addHandler' | 'start' | 'stop'>[],
	round: () => Promise<void>,
): () => void {
	let isOver = false;
	let isDue = false;
	let isBusy = false;
	const work = () => {
		isDue = true;
		if (isBusy) return;
		isBusy = true;
		void (async () => {
			while (isDue && !isOver) {
				isDue = false;
				try {
					await round();
				} catch {
					// The cluster or a namespace goes, or somebody was faster; each change brings another round, as does this.
					await sleep(retryMs);
					isDue = true;
				}
			}
			isBusy = false;
		})();
	};
	for (const reflector of followed) {
		reflector.addHandler(work);
		reflector.start();
	}
	return () => {
		isOver = true;
		for (const reflector of followed) reflector.stop();
	};
}

/**
 * The authority that the pods mount. Otherwise their own, which they keep in a Secret.
 * @param makeOwn makes one where they have none yet
 */
export async function authorityOf(
	api: ApiServer,
	{ metadata: { namespace = '' }, spec }: SignerDeployment,
	selfSigned: string,
	makeOwn: () => Promise<Authority>,
): Promise<Authority> {
	const mounted = spec?.template?.spec?.volumes?.find(({ name }) => name === 'cacerts')?.secret?.secretName;
	const stored = await orAbsent(api.get<Secret>({ ...kinds.Secret, namespace, name: mounted ?? selfSigned }));
	if (stored !== undefined) return { certificate: textOf(stored, 'ca-cert.pem'), key: textOf(stored, 'ca-key.pem') };
	const own = await makeOwn();
	await api.create({ ...authoritySecret(namespace, selfSigned, own), type: 'istio.io/ca-root' });
	return own;
}

export function textOf({ data = {} }: Secret, key: string): string {
	return Buffer.from(data[key] ?? '', 'base64').toString('utf8');
}
