/** How many worker threads a proxy gets when nobody has set it (istio 1.1-1.4 `pkg/kube/inject/concurrency.go`). */
import { parseQuantity } from '../../api/v1/index.ts';
import type { PodContainer } from './pod.ts';

/**
 * Gives the proxy as many threads as its CPU limit, or else its request, rounded up to whole CPUs. Leaves it as it is when
 * the number is set, or when there is neither limit nor request.
 */
export function withConcurrency(container: PodContainer): PodContainer {
	const args: readonly unknown[] = Array.isArray(container.args) ? container.args : [];
	if (args.includes('--concurrency')) {
		return container;
	}
	const threads = threadsOf(container, 'limits') || threadsOf(container, 'requests');
	return threads === 0 ? container : { ...container, args: [...args, '--concurrency', String(threads)] };
}

function threadsOf({ resources }: PodContainer, kind: 'limits' | 'requests'): number {
	const amounts = (resources as Readonly<Record<string, Readonly<Record<string, string>>>> | undefined)?.[kind];
	if (amounts?.cpu === undefined) {
		return 0;
	}
	return Math.ceil(parseQuantity(amounts.cpu));
}
