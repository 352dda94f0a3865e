import test from 'ava';
import fc from 'fast-check';
import { checkPath, targetsOf } from './path.ts';

const known = ['1.0.9', '1.1.17', '1.2.10', '1.3.8', '1.4.10'];

const table: readonly (readonly [title: string, from: string, to: string, finding: string | undefined])[] = [
	['the same version', '1.3.8', '1.3.8', undefined],
	['a patch up', '1.3.7', '1.3.8', undefined],
	['several patches up', '1.3.1', '1.3.8', undefined],
	['a patch down', '1.3.8', '1.3.7', undefined],
	['one minor up', '1.3.8', '1.4.10', undefined],
	['two minors up', '1.2.10', '1.4.10', 'minor-skipped'],
	['four minors up', '1.0.9', '1.4.10', 'minor-skipped'],
	['one minor down', '1.4.10', '1.3.8', 'downgrade'],
	['a major up', '1.4.10', '2.0.0', 'major-change'],
	['a major down', '2.0.0', '1.4.10', 'major-change'],
	['a pre-release', '1.3.8', '1.4.0-rc.1', 'version-unknown'],
	['from a pre-release', '1.3.0-beta.2', '1.3.8', 'version-unknown'],
	['a minor alone', '1.3.8', '1.4', 'version-unknown'],
];

for (const [title, from, to, finding] of table) {
	test(`${title}, ${from} to ${to}: ${finding ?? 'taken'}`, (t) => {
		const findings = checkPath(from, to, known);
		t.deepEqual(
			findings.map(({ name }) => name),
			finding === undefined ? [] : [finding],
		);
		for (const { message, remedy } of findings) {
			t.true(message.includes(finding === 'version-unknown' && to === '1.3.8' ? from : to));
			t.not(remedy, '');
		}
	});
}

test('whoever skips a minor is told the version in between', (t) => {
	const [finding] = checkPath('1.2.10', '1.4.10', known);
	t.regex(finding?.remedy ?? '', /1\.3\.8/);
});

test('the possible targets are those that are not refused, nearest first', (t) => {
	t.deepEqual(targetsOf('1.2.10', known), ['1.3.8']);
	t.deepEqual(targetsOf('1.3.8', ['1.4.10', '1.3.9', '1.4.9', '2.0.0', '1.2.10']), ['1.3.9', '1.4.9', '1.4.10']);
	t.deepEqual(targetsOf('1.4.10', known), []);
});

test('a way is taken exactly when it stays in a minor or goes up by one', (t) => {
	const version = fc.record({ major: fc.nat(2), minor: fc.nat(6), patch: fc.nat(20) });
	fc.assert(
		fc.property(version, version, (from, to) => {
			const text = ({ major, minor, patch }: typeof from) => `${major}.${minor}.${patch}`;
			const isTaken = from.major === to.major && (to.minor === from.minor || to.minor === from.minor + 1);
			t.is(checkPath(text(from), text(to), known).length === 0, isTaken);
		}),
	);
});
