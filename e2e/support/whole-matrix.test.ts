import test from 'ava';
import { profileNames } from '../../api/v1/index.ts';
import { lines } from '../../operator/lines/index.ts';
import { isMatrixWhole, onDiagonal, wholeMatrixVariable } from './whole-matrix.ts';

test('a part of each matrix is tried unless all of it is asked for', (t) => {
	t.false(isMatrixWhole({}));
	t.false(isMatrixWhole({ [wholeMatrixVariable]: '0' }));
	t.true(isMatrixWhole({ [wholeMatrixVariable]: '1' }));
	t.throws(() => isMatrixWhole({ [wholeMatrixVariable]: 'yes' }), {
		message: /^MESHWRIGHT_WHOLE_MATRIX=yes: 1 tries all/,
	});
});

test('of profiles and releases the part has each release once, and each profile in each line', (t) => {
	const part = lines.releases.flatMap(({ version, line }, row) =>
		profileNames.flatMap((profile, column) =>
			onDiagonal(row, column, profileNames.length) ? [{ version, line, profile }] : [],
		),
	);
	t.deepEqual(
		part.map(({ version }) => version),
		lines.releases.map(({ version }) => version),
	);
	for (const line of new Set(part.map((cell) => cell.line))) {
		const profiles = part.filter((cell) => cell.line === line).map(({ profile }) => profile);
		t.deepEqual([...new Set(profiles)].sort(), [...profileNames].sort(), line);
	}
});
