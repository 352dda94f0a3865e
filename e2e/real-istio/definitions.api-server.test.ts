/** A real API server takes the definitions of the istiod line, stores users' objects by them, and refuses what their rules refuse. */
import test from 'ava';
import { lines } from '../../operator/lines/index.ts';
import { istiodMeshOf } from '../../operator/lines/istiod-testing.ts';
import { renderCrds as classicCrds } from '../../operator/lines/testing.ts';
import type { IstioCrd } from '../../operator/releases/index.ts';
import { istiodCrds } from '../../operator/releases/istiod/crds.ts';
import { meshOf } from '../../operator/render/testing.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { ApiServerError } from '../control-plane/api-client.ts';
import { type Cluster, startCluster } from '../control-plane/cluster.ts';
import { untilEstablished } from '../support/installation.ts';
import { person } from '../support/mesh-cluster.ts';
import { usersObjects } from './users-objects.ts';

let cluster: Cluster;
let api: ApiServer;

test.before(async () => {
	cluster = await startCluster({ name: 'definitions' });
	api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
});

test.after.always(async () => {
	await api?.close();
	await cluster?.stop();
});

async function applyAll(definitions: readonly KubeObject[]): Promise<readonly string[]> {
	const warnings: string[] = [];
	for (const object of definitions) {
		const written = await api.apply(object, { fieldManager: person, force: true, fieldValidation: 'Strict' });
		warnings.push(...written.warnings.map((warning) => `${object.metadata.name}: ${warning}`));
	}
	for (const { metadata } of definitions) await untilEstablished(api, metadata.name);
	return warnings;
}

function collection({ group, plural }: IstioCrd, version: string): string {
	return `/apis/${group}/${version}/namespaces/default/${plural}`;
}

function create(crd: IstioCrd, name: string, spec: unknown, version = crd.version): Promise<unknown> {
	return cluster.request({
		method: 'POST',
		path: `${collection(crd, version)}?fieldValidation=Strict`,
		body: { apiVersion: `${crd.group}/${version}`, kind: crd.kind, metadata: { name }, spec },
	});
}

function versionsOf({ version, alsoServed = [] }: IstioCrd): readonly string[] {
	return [version, ...alsoServed];
}

test('definitions take the place of those of 1.4, users’ objects are stored in every version, and rules refuse what they say', async (t) => {
	const classic = classicCrds(meshOf({ version: '1.4.10' }));
	await applyAll(classic);
	const virtualService = istiodCrds.find(({ kind }) => kind === 'VirtualService') as IstioCrd;
	await create(virtualService, 'from-1-4', { hosts: ['old'] }, 'v1alpha3');

	const definitions = lines.renderCrds(istiodMeshOf({ version: '1.32.0' }));
	t.deepEqual(await applyAll(definitions), [], 'no warnings');
	for (const { kind, apiVersion, metadata, spec } of definitions) {
		const stored = await api.get({ apiVersion, kind, name: metadata.name });
		t.like(stored.spec, spec as object, metadata.name);
	}
	t.like(await cluster.request({ path: `${collection(virtualService, 'v1')}/from-1-4` }), {
		apiVersion: 'networking.istio.io/v1',
		spec: { hosts: ['old'] },
	});

	for (const crd of istiodCrds) {
		for (const version of versionsOf(crd)) {
			const name = `accepted-${version}`;
			await create(crd, name, usersObjects.accepted[crd.kind], version);
			for (const other of versionsOf(crd)) {
				t.like(await cluster.request({ path: `${collection(crd, other)}/${name}` }), {
					apiVersion: `${crd.group}/${other}`,
					spec: usersObjects.accepted[crd.kind],
				});
			}
		}
		for (const { spec, message } of usersObjects.refused[crd.kind] ?? []) {
			const error = await t.throwsAsync(create(crd, 'refused', spec), { instanceOf: ApiServerError });
			t.is(error?.status, 422, `${crd.kind}: ${error?.message}`);
			t.true(error?.message.includes(message), `${crd.kind}: ${error?.message}`);
		}
	}
	t.deepEqual(Object.keys(usersObjects.accepted), istiodCrds.map(({ kind }) => kind).toSorted());
});
