import test from 'ava';
import fc from 'fast-check';
import { hasTraceOf } from './credential-trace.ts';

const secret = fc.stringMatching(/^[A-Za-z0-9_-]{20,200}$/);

test('a piece of a credential is found in each form, wherever it begins', (t) => {
	fc.assert(
		fc.property(secret, fc.nat({ max: 999 }), (given, place) => {
			const letters = given.replaceAll(/[^A-Za-z0-9]/g, '');
			fc.pre(letters.length >= 20);
			const at = place % (letters.length - 17);
			const piece = letters.slice(at, at + 17);
			for (const text of [
				piece,
				piece.toLowerCase(),
				[...piece].join('-'),
				[...piece].reverse().join(''),
				Buffer.from(given)
					.toString('base64')
					.slice(at, at + 20),
				Buffer.from(given).toString('base64url'),
				Buffer.from(given)
					.toString('hex')
					.slice(2 * at),
			]) {
				fc.pre(text.replaceAll(/[^A-Za-z0-9]/g, '').length >= 14);
				t.true(hasTraceOf(`v1.${text}`, ['other', given]), text);
			}
		}),
	);
});

test('what clusters say of themselves has none', (t) => {
	const token = `eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.${Buffer.from('{"sub":"system:serviceaccount:a:b"}').toString('base64url')}.c2ln`;
	for (const text of [
		'v1.29.3-eks-a18cd3a',
		'6f5902ac-237f-4b0d-8f5c-1d3f2b1c7a10',
		'Deployment istio-system/istio-sidecar-injector was changed by kubectl-client-side-apply and is as rendered again',
		'a1b2c3d4e5f6.elb.eu-west-1.amazonaws.com',
		'',
	])
		t.false(hasTraceOf(text, [token, 'short', '']), text);
});
