/** The Events about revisions beside each other: each step of each of them once. */
import type { ParsedStatus } from '../../api/v1/index.ts';
import type { StatusNotice } from './status-notice.ts';

type Revision = NonNullable<ParsedStatus['revisions']>[number];

/** The Events for the step from one status to the next. */
export function revisionTransitions(before: ParsedStatus | undefined, after: ParsedStatus): readonly StatusNotice[] {
	const [was, is] = [before?.revisions ?? [], after.revisions ?? []];
	const changed = is.flatMap((one): readonly StatusNotice[] => {
		const old = was.find(({ name }) => name === one.name);
		return old?.state === one.state ? [] : noticeOf(one, old);
	});
	const gone = was
		.filter(({ name, state }) => state === 'Going' && !is.some((one) => one.name === name))
		.map(({ name, version }) => normal('RevisionRemoved', `revision ${name} of ${version} is gone`));
	return [...changed, ...gone];
}

function noticeOf({ name, version, state, namespaces = 0, proxies = 0 }: Revision, old: Revision | undefined) {
	const about = `revision ${name} of ${version}`;
	const use = `${namespaces} namespaces and ${proxies} proxies use it`;
	switch (state) {
		case 'Coming':
			return [normal('RevisionComing', `${about} comes beside the one that runs`)];
		case 'Active':
			// One that stood alone is told of from now on.
			return old === undefined ? [] : [normal('RevisionActive', `${about} is the one in use`)];
		case 'Standing':
			return [normal('RevisionStanding', `${about} stays until nobody uses it: ${use}`)];
		case 'Going':
			return [
				normal('RevisionGoing', `${about} is removed: nobody has used it for spec.upgrade.inactiveRevisionGracePeriod`),
			];
	}
}

function normal(reason: string, message: string): StatusNotice {
	return { type: 'Normal', reason, message };
}
