/** The word of a process on the loopback, heard as the operator hears that of a pod. */
import { OwnWords, type Word } from '../../operator/mesh/upgrade/own-words.ts';
import type { OwnWord } from '../../operator/plan/upgrade/own-word.ts';

export interface HeardOptions {
	/** Between two readings of counters. */
	readonly settleMs?: number;
	/** Instead of that of the pod. */
	readonly port?: number;
	/** The authorities of a webhook, PEM. */
	readonly ca?: string;
}

export async function heard(
	word: OwnWord,
	{ settleMs = 1_000, port = word.port, ca }: HeardOptions = {},
): Promise<Word> {
	const { promise: woken, resolve: wake, reject } = Promise.withResolvers<void>();
	const words = new OwnWords({
		reach: () => ({ address: '127.0.0.1', port }),
		onChange: () => wake(),
		onError: reject,
		deadlineMs: 30_000,
		settleMs,
	});
	const question = { stageKey: 'one', word, pods: [{ name: `${word.deployment}-0`, address: '10.0.0.1' }], ca };
	try {
		words.of('real', question);
		await woken;
		return words.of('real', question);
	} finally {
		words.stop();
	}
}
