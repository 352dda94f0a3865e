import test from 'ava';
import { commandOf, readOptions } from './options.ts';

test('without options it takes ten minutes, twenty meshes and a seed by chance', (t) => {
	const { seed, ...rest } = readOptions([]);
	t.deepEqual(rest, { minutes: 10, meshes: 20 });
	t.regex(seed, /^\d+$/);
});

test('the command that it tells runs the same again', (t) => {
	const options = readOptions(['--minutes', '0.5', '--meshes', '3', '--seed', 'x-1']);
	t.deepEqual(readOptions(commandOf(options).split(' -- ')[1]?.split(' ')), options);
});

for (const [args, words] of [
	[['--minutes', '0'], /--minutes must be a number above 0/],
	[['--minutes', 'long'], /--minutes must be a number above 0/],
	[['--meshes', '51'], /--meshes must be a whole number from 1 to 50/],
	[['--seed', '../x'], /--seed must have 1 to 40 letters/],
	[['--mesh', '3'], /Unknown option '--mesh'/],
] as const) {
	test(`${args.join(' ')} is refused in words`, (t) => {
		t.throws(() => readOptions(args), { message: words });
	});
}
