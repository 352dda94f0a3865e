/**
 * What the cluster says against a change of version whose spec is not right yet. So everything is told at once, and nobody
 * corrects a field only to learn of the next obstacle.
 */
import { isObject, upgradeDespiteAnnotation } from '../../../api/v1/index.ts';
import { describeFinding, judge } from '../../plan/upgrade/insist.ts';
import type { Finding } from '../../status/finding.ts';
import type { StoredInstallation } from '../installation.ts';
import type { Prepared, PrepareOptions } from '../prepare.ts';
import type { UpgradeChecks } from './checks.ts';
import { targetOnce } from './target.ts';

/**
 * Blockers that are known by now. The mesh is woken when there are more.
 * @param prepared what became of the spec, the same value while it is the same
 */
export function againstInvalid(
	object: StoredInstallation,
	prepared: Prepared,
	checks: UpgradeChecks,
	options: PrepareOptions,
): readonly Finding[] {
	const { spec, status, metadata } = object;
	const from = status?.upgrade?.from ?? status?.version;
	const to = isObject(spec) && typeof spec.version === 'string' ? spec.version : undefined;
	const mesh =
		from === undefined || to === undefined || from === to ? undefined : targetOnce(object, prepared, options);
	if (from === undefined || to === undefined || mesh === undefined) {
		checks.forget(metadata.name);
		return [];
	}
	const found = checks.of(object, { from, to, former: undefined, next: { mesh } });
	if (found === 'looking') return [];
	return judge(found, metadata.annotations?.[upgradeDespiteAnnotation])
		.findings.filter(({ severity, isInsisted }) => severity === 'blocker' && !isInsisted)
		.map((finding) => ({
			condition: 'Compatible',
			reason: 'UpgradeBlocked',
			message: `${finding.name}: ${describeFinding(finding)}`,
			isStalled: true,
		}));
}
