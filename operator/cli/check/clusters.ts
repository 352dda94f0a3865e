/** Whether the joined clusters of a mesh are ready, as the operator sees them. Pure. */
import type { KubeObject } from '../../runtime/object.ts';
import { clustersOf, leftBehindLines } from '../clusters/view.ts';
import type { CheckResult } from './result.ts';

export function checkClusters(installation: KubeObject): readonly CheckResult[] {
	const { name: mesh } = installation.metadata;
	const joined = clustersOf(installation).map(
		({ name, isReady, reasons }): CheckResult => ({
			name: 'cluster-ready',
			sentence: `cluster ${name} is joined and ready`,
			...(isReady
				? { state: 'ok' }
				: {
						state: 'failed',
						detail: reasons.join('; '),
						hint: `\`meshwright clusters check ${mesh} --cluster ${name}\` looks at it from here`,
					}),
		}),
	);
	const left = leftBehindLines(installation).map(
		(line): CheckResult => ({
			name: 'cluster-ready',
			sentence: 'no cluster was left behind',
			state: 'warning',
			detail: line,
			hint: 'delete there what is named',
		}),
	);
	return [...joined, ...left];
}
