/** What differs between what two versions render of the same settings. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { isWorkload } from '../../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { found } from './catalogue.ts';
import type { UpgradeFinding } from './finding.ts';
import { fieldsAt, listAt } from './pods-of.ts';

/** A component before and after: a workload. */
export interface ComponentChange {
	readonly name: string;
	/** The images of its containers. Empty when the version does not have it. */
	readonly before: readonly string[];
	readonly after: readonly string[];
	/** Whether its pods are replaced. */
	readonly rolls: boolean;
}

export function componentChanges(
	before: readonly KubeObject[],
	after: readonly KubeObject[],
): readonly ComponentChange[] {
	const workloads = (objects: readonly KubeObject[]) =>
		new Map(objects.filter(isWorkload).map((object) => [objectKey(object), object]));
	const [was, is] = [workloads(before), workloads(after)];
	return [...new Set([...was.keys(), ...is.keys()])].sort().map((key) => {
		const [old, next] = [was.get(key), is.get(key)];
		return {
			name: (next ?? old)?.metadata.name ?? '',
			before: imagesIn(old),
			after: imagesIn(next),
			rolls: !isDeepStrictEqual(fieldsAt(old, 'spec', 'template'), fieldsAt(next, 'spec', 'template')),
		};
	});
}

function imagesIn(deployment: KubeObject | undefined): readonly string[] {
	return listAt(fieldsAt(deployment, 'spec', 'template', 'spec'), 'containers').map(({ image }) => String(image));
}

/** The tag of an image, with or without a digest behind it. */
export function tagOf(image: string): string | undefined {
	const [name = ''] = image.split('@');
	return /:([^:/]+)$/.exec(name)?.[1];
}

/** Ports of Services of the control plane that go with the new version. */
export function checkPorts(before: readonly KubeObject[], after: readonly KubeObject[]): readonly UpgradeFinding[] {
	const services = new Map(after.filter(({ kind }) => kind === 'Service').map((object) => [objectKey(object), object]));
	return before.flatMap((service) => {
		const next = service.kind === 'Service' ? services.get(objectKey(service)) : undefined;
		if (next === undefined) return [];
		const [old, now] = [portsOf(service), portsOf(next)];
		const [gone, come] = [missing(old, now), missing(now, old)];
		if (gone.length === 0) return [];
		const added = come.length === 0 ? '' : `; it gets ${come.join(', ')}`;
		const { namespace, name } = service.metadata;
		return [found('ports-change', `Service ${namespace}/${name}`, `loses port ${gone.join(', ')}${added}`)];
	});
}

function portsOf({ spec }: KubeObject): readonly string[] {
	return listAt(fieldsAt({ spec }, 'spec'), 'ports').map(({ port, name }) => `${String(port)} ${String(name ?? '')}`);
}

function missing(ports: readonly string[], from: readonly string[]): readonly string[] {
	const numbers = new Set(from.map((port) => port.split(' ')[0]));
	return ports.filter((port) => !numbers.has(port.split(' ')[0]));
}
