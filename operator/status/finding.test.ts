import test from 'ava';
import { BlockedError, ConflictError, InvalidError, RequestError, TransientError } from '../runtime/errors.ts';
import { type Finding, findingOfError, findingOfProblem, joinMessages } from './finding.ts';

const refusal = (status: number) => new RequestError('refused', { status, reason: 'x' });

const table: readonly [title: string, error: unknown, expected: Omit<Finding, 'message'>][] = [
	[
		'what the user must change',
		new InvalidError('ForeignObject', 'm'),
		{ condition: 'Installed', reason: 'ForeignObject', isStalled: true },
	],
	[
		'what the user must change in the spec',
		new InvalidError('NamespaceTaken', 'm'),
		{ condition: 'Valid', reason: 'NamespaceTaken', isStalled: true },
	],
	[
		'a release that does not fit',
		new InvalidError('FieldNotInRelease', 'm'),
		{ condition: 'Compatible', reason: 'FieldNotInRelease', isStalled: true },
	],
	[
		'something that will come',
		new BlockedError('NamespaceTerminating', 'm'),
		{ condition: 'Installed', reason: 'NamespaceTerminating', isStalled: false },
	],
	[
		'a fight',
		new BlockedError('LoopDetected', 'm'),
		{ condition: 'Installed', reason: 'LoopDetected', isStalled: true },
	],
	['a conflict', new ConflictError('m'), { condition: 'Installed', reason: 'Conflict', isStalled: false }],
	['a refusal for good', refusal(422), { condition: 'Installed', reason: 'ApplyFailed', isStalled: true }],
	[
		'a policy that refuses',
		new RequestError('m', {
			status: 422,
			reason: 'Invalid',
			admission: { outcome: 'refused', by: 'policy', name: 'p' },
		}),
		{ condition: 'Installed', reason: 'AdmissionRefused', isStalled: true },
	],
	[
		'a webhook that does not answer',
		new TransientError('m', { status: 500, admission: { outcome: 'failed', by: 'webhook', name: 'w' } }),
		{ condition: 'Installed', reason: 'AdmissionFailed', isStalled: false, isPassing: true },
	],
	['a missing permission', refusal(403), { condition: 'Installed', reason: 'ApplyFailed', isStalled: true }],
	[
		'a namespace or kind that is not there yet',
		refusal(404),
		{ condition: 'Installed', reason: 'ApplyFailed', isStalled: false },
	],
	[
		'an API server that does not answer',
		new TransientError('m'),
		{ condition: 'Installed', reason: 'ApiServerUnavailable', isStalled: false },
	],
	['a defect', new Error('m'), { condition: 'Installed', reason: 'ApplyFailed', isStalled: false }],
];
for (const [title, error, expected] of table) {
	test(`${title}: ${expected.condition} is false for ${expected.reason}${expected.isStalled ? ', and somebody must act' : ''}`, (t) => {
		const finding = findingOfError(error);
		t.like(finding, expected);
		t.true(finding.message.endsWith((error as Error).message), finding.message);
	});
}

test('what is thrown and is no error is told as text', (t) => {
	t.is(findingOfError('oops').message, 'oops');
});

test('a problem of the spec names its path and its remedy, where it has them', (t) => {
	const problem = { path: 'spec.pilot', reason: 'NotSupportedYet', message: 'not supported yet', remedy: 'Remove it.' };
	t.deepEqual(findingOfProblem(problem), {
		condition: 'Valid',
		reason: 'NotSupportedYet',
		message: 'spec.pilot: not supported yet (Remove it.)',
		isStalled: true,
	});
	t.is(findingOfProblem({ ...problem, path: '', remedy: '' }).message, 'not supported yet');
	t.is(findingOfProblem({ ...problem, reason: 'UnsupportedVersion' }).condition, 'Compatible');
});

test('ten findings are told in full and the others counted', (t) => {
	const findings = Array.from({ length: 12 }, (_, index) => findingOfError(new Error(`e${index}`)));
	t.is(joinMessages(findings.slice(0, 2)), 'e0; e1');
	t.true(joinMessages(findings).endsWith('e9; and 2 more'));
});
