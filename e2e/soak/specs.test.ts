import test from 'ava';
import { renderedObjects } from '../support/installation.ts';
import { randomFrom } from './random.ts';
import { specOf, wishFor } from './specs.ts';

test('whatever the seed, users write specs that are valid', (t) => {
	for (let seed = 0; seed < 200; seed++) {
		const random = randomFrom(String(seed));
		const wish = { ...wishFor('mesh-0', random), isJoined: random.isLucky(0.5) };
		t.true(renderedObjects(wish.name, specOf(wish, true, random)).length > 5);
	}
});
