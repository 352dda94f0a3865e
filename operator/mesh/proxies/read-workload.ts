/** Reads a workload, and the PodDisruptionBudgets about its pods. Whatever their fields hold, it throws nothing. Pure. */
import { restartedAtAnnotation, restartedForAnnotation } from '../../../api/v1/index.ts';
import type { BudgetSeen, WorkloadSeen } from '../../plan/proxies/restarts.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { isRecord, recordsIn } from '../../runtime/object-shape.ts';
import { type Labels, selects } from '../webhooks/webhook-facts.ts';

type Fields = Readonly<Record<string, unknown>>;

export function readWorkload({ kind, metadata, spec, status }: KubeObject): WorkloadSeen {
	const [said, is] = [fieldsOf(spec), fieldsOf(status)];
	const template = fieldsOf(said.template);
	const pods = fieldsOf(template.metadata);
	const podSpec = fieldsOf(template.spec);
	const restartedAt = Date.parse(String(fieldsOf(pods.annotations)[restartedAtAnnotation] ?? ''));
	const strategy = fieldsOf(kind === 'Deployment' ? said.strategy : said.updateStrategy);
	const rolling = fieldsOf(strategy.rollingUpdate);
	const wanted = numberOf(kind === 'DaemonSet' ? is.desiredNumberScheduled : said.replicas, 1);
	const updated = numberOf(kind === 'DaemonSet' ? is.updatedNumberScheduled : is.updatedReplicas, 0);
	const available = numberOf(kind === 'DaemonSet' ? is.numberAvailable : is.availableReplicas, 0);
	const isSeen = numberOf(is.observedGeneration, 0) >= (metadata.generation ?? 0);
	const hasOld = kind === 'Deployment' && numberOf(is.replicas, 0) > updated;
	const progressing = recordsIn(is.conditions).find(({ type }) => type === 'Progressing');
	return {
		isSettled: isSeen && updated >= wanted && available >= wanted && !hasOld,
		stalled:
			isSeen && progressing?.status === 'False' ? String(progressing.reason ?? 'Unknown').slice(0, 64) : undefined,
		isPaused: said.paused === true,
		isByHand: strategy.type === 'OnDelete' || numberOf(rolling.partition, 0) > 0,
		hasOwnProxy: [...recordsIn(podSpec.containers), ...recordsIn(podSpec.initContainers)].some(
			({ name }) => name === 'istio-proxy',
		),
		restartedFor: metadata.annotations?.[restartedForAnnotation],
		restartedAtMs: Number.isNaN(restartedAt) ? undefined : restartedAt,
		takesAway: takenAway(kind, strategy.type, rolling, wanted),
		podLabels: labelsOf(pods.labels),
	};
}

/** The budgets of these that are about pods with these labels. */
export function budgetsFor(budgets: readonly KubeObject[], labels: Labels): readonly BudgetSeen[] {
	return budgets.flatMap(({ metadata, spec, status }) => {
		const { selector } = fieldsOf(spec);
		// A budget without a selector is about no pod (kubernetes policy/v1 `PodDisruptionBudgetSpec.selector`).
		if (!isRecord(selector) || !selects(selector, labels)) return [];
		const { disruptionsAllowed } = fieldsOf(status);
		return [{ name: metadata.name, disruptionsAllowed: numberOf(disruptionsAllowed, 0) }];
	});
}

/** How many pods a roll-out may take away before others are there, by the defaults of apps/v1 (`pkg/apis/apps/v1/defaults.go`). */
function takenAway(kind: string, type: unknown, rolling: Fields, wanted: number): number {
	if (kind === 'DaemonSet') {
		const surges = scaled(rolling.maxSurge ?? 0, wanted, Math.ceil) > 0;
		return surges && rolling.maxUnavailable === undefined ? 0 : scaled(rolling.maxUnavailable ?? 1, wanted, Math.ceil);
	}
	if (kind === 'StatefulSet') return Math.max(1, scaled(rolling.maxUnavailable ?? 1, wanted, Math.floor));
	if (type === 'Recreate') return wanted;
	const away = scaled(rolling.maxUnavailable ?? '25%', wanted, Math.floor);
	// When both are nothing, one pod goes first (`pkg/controller/deployment/util`, ResolveFenceposts).
	return away === 0 && scaled(rolling.maxSurge ?? '25%', wanted, Math.ceil) === 0 ? 1 : away;
}

function scaled(value: unknown, of: number, round: (value: number) => number): number {
	if (typeof value === 'number') return value;
	const percent = typeof value === 'string' ? Number.parseInt(value, 10) : Number.NaN;
	return Number.isNaN(percent) ? 0 : round((of * percent) / 100);
}

function fieldsOf(value: unknown): Fields {
	return isRecord(value) ? value : {};
}

function numberOf(value: unknown, otherwise: number): number {
	return typeof value === 'number' ? value : otherwise;
}

function labelsOf(value: unknown): Labels {
	return Object.fromEntries(
		Object.entries(fieldsOf(value)).flatMap(([name, text]) => (typeof text === 'string' ? [[name, text]] : [])),
	);
}
