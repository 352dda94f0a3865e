/** Decides which news of a cluster are told at once, and describes what became of its Secret. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { ClusterObservation } from '../../../api/v1/index.ts';
import type { PublicationOutcome } from '../secret/publication.ts';
import type { ClusterNotice } from '../told.ts';

/** Whether two observations differ only in figures, which may wait. */
export function areOnlyFigures(before: ClusterObservation, after: ClusterObservation): boolean {
	return isDeepStrictEqual(withoutFigures(before), withoutFigures(after));
}

function withoutFigures({ latency: _, services: __, endpoints: ___, ...news }: ClusterObservation): unknown {
	return news;
}

/** The text for an Event. */
export function publicationNotice(cluster: string, outcome: Exclude<PublicationOutcome, 'unchanged'>): ClusterNotice {
	return {
		type: 'Normal',
		reason: { published: 'ClusterPublished', rotated: 'CredentialsRotated', repaired: 'DriftRepaired' }[outcome],
		message: {
			published: `cluster ${cluster} is published to Pilot: its token was used successfully`,
			rotated: `the token for cluster ${cluster} was renewed; the one before stays valid until its end`,
			repaired: `the Secret of cluster ${cluster} was changed or deleted and is as it should be again`,
		}[outcome],
	};
}
