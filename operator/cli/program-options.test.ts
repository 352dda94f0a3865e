import test from 'ava';
import { InvalidArgumentError } from 'commander';
import { imageReference } from './program-options.ts';

const digest = `sha256:${'a1'.repeat(32)}`;

for (const image of [
	'meshwright',
	'ghcr.io/meshwright/meshwright:0.1.0',
	`ghcr.io/meshwright/meshwright@${digest}`,
	`ghcr.io/meshwright/meshwright:0.1.0@${digest}`,
	'localhost:5000/a/b__c/d-e.f:v1',
	'[fd00::1]:5000/meshwright',
	'Registry.example.com/meshwright',
]) {
	test(`${image} is an image`, (t) => t.is(imageReference(image), image));
}

for (const image of [
	'',
	' ',
	'Meshwright:1',
	'a/b:',
	'a/b@',
	'a/b@sha256:abc',
	`a/b@${digest}0`,
	`a/b@${digest.toUpperCase()}`,
	`a/b@md5:${'a1'.repeat(16)}`,
	`@${digest}`,
	'a//b',
	'/a',
	'a/',
	'https://ghcr.io/a',
	'a b',
	'a:1\n',
	'a\u001b[2J',
	'a:b:c',
	`a/b:${'t'.repeat(129)}`,
	`${'n'.repeat(256)}`,
	'a/'.repeat(600),
]) {
	test(`${JSON.stringify(image.slice(0, 60))} is no image, and that is told`, (t) => {
		const error = t.throws(() => imageReference(image), { instanceOf: InvalidArgumentError });
		t.regex(error?.message ?? '', /must be an image with a tag or a digest/);
	});
}
