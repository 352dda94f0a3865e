import test from 'ava';
import { toChild } from '../apply/child.ts';
import { emptyMemory } from '../apply/installation-memory.ts';
import type { LiveObjects } from '../apply/live.ts';
import { render } from '../lines/testing.ts';
import { installation, meshOf } from '../render/testing.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { observeWorkloads } from './observe.ts';

function deploymentOf(version: string): KubeObject {
	const found = render(meshOf({ version })).find(({ kind }) => kind === 'Deployment');
	if (found === undefined) throw new Error('there is no Deployment');
	return found;
}

test('a Deployment whose new version is not written yet is told of as it stands', (t) => {
	const [old, next] = [deploymentOf('1.3.8'), deploymentOf('1.4.10')];
	const live = { get: (key: string) => (key === objectKey(old) ? toChild(old) : undefined) } as LiveObjects;
	const object = { ...(installation({ version: '1.4.10' }) as KubeObject), status: { components: [] } };
	const see = (rendered: KubeObject) =>
		observeWorkloads(object as never, [rendered], () => '1.4.10', emptyMemory(), live, undefined);
	t.like(see(next), [{ image: 'docker.io/istio/pilot:1.3.8', version: undefined }]);
	const other = JSON.parse(JSON.stringify(old).replaceAll('docker.io', 'corp.example')) as KubeObject;
	const waits = new Set([objectKey(old)]);
	const held = observeWorkloads(object as never, [other], () => '1.3.8', emptyMemory(), live, undefined, waits);
	t.like(held, [{ image: 'docker.io/istio/pilot:1.3.8', version: '1.3.8' }]);
	t.like(see(old), [{ image: 'docker.io/istio/pilot:1.3.8', version: '1.4.10' }]);
});
