import test from 'ava';
import { admissionFailureIn } from './admission.ts';

const table: readonly [words: string, expected: string | undefined][] = [
	['admission webhook "a.example.com" denied the request: no', 'refused webhook a.example.com'],
	['admission webhook "a.example.com" denied the request without explanation', 'refused webhook a.example.com'],
	[
		'Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: Post "https://b.c.svc:443/?timeout=10s": context deadline exceeded',
		'failed webhook a.example.com',
	],
	[
		"deployments.apps \"x\" is forbidden: ValidatingAdmissionPolicy 'no-latest' with binding 'all' denied request: no",
		'refused policy no-latest',
	],
	["policy 'mirror' with binding 'mirror' denied request: expression failed", 'failed policy mirror'],
	['exceeded quota: none', undefined],
	['admission webhook "<b>" denied the request', undefined],
];
for (const [words, expected] of table) {
	test(`who kept it away: ${words.slice(0, 60)}`, (t) => {
		const found = admissionFailureIn(words);
		t.is(found && `${found.outcome} ${found.by} ${found.name}`, expected);
	});
}
