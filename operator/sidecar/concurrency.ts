/** How many worker threads a proxy gets that is not told (istio 1.1-1.4 `pkg/kube/inject/concurrency.go`). */
import { parseQuantity } from '../../api/v1/index.ts';
import type { PodContainer } from './pod.ts';

/** The proxy with as many threads as its limit, or else its request, of CPU has whole ones; as it is where told, or where neither is there. */
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
	// In whole thousandths first, as the injector counts, and so that no digit comes of multiplying.
	return Math.ceil(Math.ceil(Number((parseQuantity(amounts.cpu) * 1000).toFixed(3))) / 1000);
}
