/** What a cluster has before an istiod comes: definitions, its namespace, and one with injection. */
import { lines } from '../../operator/lines/index.ts';
import { istiodMeshOf } from '../../operator/lines/istiod-testing.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { untilEstablished } from '../support/installation.ts';
import { makeNamespace, person } from '../support/mesh-cluster.ts';

/**
 * Makes namespace `shop`, whose new pods are injected, with the account that they have. Nobody else makes it without
 * controllers.
 */
export async function makeReadyForIstio(api: ApiServer, namespace: string): Promise<void> {
	const apply = (object: KubeObject) => api.apply(object, { fieldManager: person, force: true });
	const definitions = lines.renderCrds(istiodMeshOf({ version: '1.32.0' }));
	for (const definition of definitions) await apply(definition);
	for (const { metadata } of definitions) await untilEstablished(api, metadata.name);
	for (const each of [namespace, 'shop']) await makeNamespace(api, each);
	const labels = { 'istio-injection': 'enabled' };
	await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels } });
	await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'shop' } });
}
