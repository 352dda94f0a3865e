/** The backend `stdio`: log entries on the standard output of `istio-telemetry`. */
import type { ResolvedAdapter, ResolvedClassicMesh } from '../../../releases/classic/index.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import { logEntries } from './log-entries.ts';
import { everything } from './matches.ts';
import { handler, instance, rule } from './objects.ts';

/** Names as in the charts. */
const rules = { http: 'stdio', tcp: 'stdiotcp' } as const;

export function stdio(
	mesh: ResolvedClassicMesh,
	{ json }: Extract<ResolvedAdapter, { kind: 'stdio' }>,
): readonly KubeObject[] {
	const backend = handler(mesh, 'stdio', { outputAsJson: json });
	return [
		backend.object,
		...logEntries(mesh.release.minor).flatMap(({ name, traffic, params }) => {
			const entry = instance(mesh, 'logentry', name, params);
			return [entry.object, rule(mesh, rules[traffic], everything[traffic], backend, [entry])];
		}),
	];
}
