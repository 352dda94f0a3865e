import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import test from 'ava';
import { InvalidError } from '../../runtime/errors.ts';
import { guardedLookup, refusedAddress } from './address-guard.ts';

const strict = { allowLoopback: false, allowProxies: false };
const loopback = { allowLoopback: true, allowProxies: false };

const refused: Readonly<Record<string, readonly string[]>> = {
	loopback: [
		...[
			'127.0.0.1',
			'127.255.255.254',
			'127.1',
			'0x7f.1',
			'0177.0.0.1',
			'2130706433',
			'0x7f000001',
			'127.0.0.1.',
			'127.0.0.1..',
		],
		...[
			'2130706433..',
			'%31%32%37.0.0.1',
			'１２７.0.0.1',
			'127。0。0。1',
			'::1',
			'[::1]',
			'0:0:0:0:0:0:0:1',
			'::1%lo',
			'[::1%25lo]',
		],
		...[
			'::ffff:127.0.0.1',
			'::ffff:7f00:1',
			'::ffff:0:127.0.0.1',
			'::127.0.0.1',
			'64:ff9b::127.0.0.1',
			'64:ff9b:1::7f00:1',
			'2002:7f00:1::',
		],
		...[
			'localhost',
			'LocalHost',
			'localhost.',
			'a.localhost',
			'localhost.localdomain',
			'localhost6',
			'ip6-localhost',
			'ip6-loopback',
			'loc%61lhost',
		],
	],
	metadata: [
		...[
			'169.254.169.254',
			'2852039166',
			'0xa9fea9fe',
			'0251.254.169.254',
			'169.254.43518',
			'::ffff:a9fe:a9fe',
			'64:ff9b::a9fe:a9fe',
		],
		...[
			'169.254.170.2',
			'169.254.170.23',
			'fd00:ec2::254',
			'fd00:ec2::23',
			'[FD00:0EC2:0:0::0254]',
			'fd20:ce::254',
			'100.100.100.200',
		],
		...[
			'168.63.129.16',
			'192.0.0.192',
			'metadata',
			'metadata.google.internal',
			'METADATA.google.internal.',
			'metadata.goog',
			'instance-data',
		],
	],
	'link-local': ['169.254.0.1', 'fe80::1', 'fe80::1%eth0', '[fe80::1%25eth0]', 'febf:ffff::', '::ffff:169.254.0.1'],
	unspecified: ['0.0.0.0', '0', '0x0', '0.1.2.3', '::', '[::]', '::ffff:0.0.0.0', '64:ff9b::'],
	multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff00::', '::ffff:224.0.0.1'],
	broadcast: ['255.255.255.255', '4294967295', '0xffffffff'],
	'neither a host': [
		...[
			'',
			'.',
			'..',
			'[]',
			'[',
			':',
			':::',
			'1.2.3.4.5',
			'256.1.1.1',
			'1.2.3.400',
			'a b',
			'a\tb',
			'a\0b',
			'a\n',
			'user@host',
			'host:80',
			'a/b',
		],
		...[
			'a?b',
			'a#b',
			'a\\b',
			'a..b',
			'a.'.repeat(130),
			`a${'.'.repeat(900_000)}b`,
			':'.repeat(900_000),
			'$(id)',
			'*.example',
			'a%00b',
			'a%2fb',
			'[10.0.0.1]:80',
			'::ffff:1.2.3.4.5',
			'[::1',
			'::1]',
		],
	],
};

for (const [what, hosts] of Object.entries(refused)) {
	test(`refused as ${what}, in every spelling`, (t) => {
		for (const host of hosts) {
			t.regex(refusedAddress(host, strict) ?? 'taken', new RegExp(what), JSON.stringify(host));
			t.is(refusedAddress(host, loopback) !== undefined, what !== 'loopback', `with loopback: ${JSON.stringify(host)}`);
		}
	});
}

test('addresses and names of API servers are taken', (t) => {
	for (const host of [
		...[
			'10.0.0.1',
			'172.16.0.1',
			'192.168.1.1',
			'100.64.0.1',
			'100.100.100.201',
			'8.8.8.8',
			'240.1.2.3',
			'192.0.2.1',
			'169.253.255.255',
		],
		...[
			'2001:db8::1',
			'[2001:db8::1]',
			'fd00::1',
			'fd00:ec3::254',
			'::ffff:10.0.0.1',
			'64:ff9b::10.0.0.1',
			'2002:a00:1::',
			'fec0::1',
		],
		...[
			'api.example',
			'api.example.',
			'kubernetes.default.svc',
			'a_b.example',
			'xn--bcher-kva.example',
			'bücher.example',
			'localhost.example',
			'notlocalhost',
		],
	]) {
		t.is(refusedAddress(host, strict), undefined, host);
	}
});

/** A resolver that returns these addresses in the requested form. */
function resolver(...addresses: readonly string[]): LookupFunction {
	return (_hostname, options, callback) => {
		const answers = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
		if (options.all === true) callback(null, answers);
		else callback(null, answers[0]?.address ?? '', answers[0]?.family);
	};
}

function ask(lookup: LookupFunction, hostname: string, all: boolean): Promise<string | LookupAddress[]> {
	return new Promise((resolve, reject) => {
		lookup(hostname, { all }, (error, address) => (error === null ? resolve(address) : reject(error)));
	});
}

test('a name is answered with its addresses, in the form that was asked for', async (t) => {
	const lookup = guardedLookup(strict, resolver('10.0.0.1', '2001:db8::1'));
	t.is(await ask(lookup, 'api.example', false), '10.0.0.1');
	t.deepEqual(await ask(lookup, 'api.example', true), [
		{ address: '10.0.0.1', family: 4 },
		{ address: '2001:db8::1', family: 6 },
	]);
});

test('a name is refused when any of its addresses is', async (t) => {
	for (const addresses of [
		['169.254.169.254'],
		['10.0.0.1', '127.0.0.1'],
		['10.0.0.1', '2001:db8::1', '::ffff:169.254.169.254'],
		['fe80::1%eth0'],
		['not-an-address'],
	]) {
		for (const all of [false, true]) {
			const error = await t.throwsAsync(ask(guardedLookup(strict, resolver(...addresses)), 'api.example', all), {
				instanceOf: InvalidError,
				message: /^api\.example was not dialled/,
			});
			t.is(error.reason, 'KubeconfigUnsafe');
		}
	}
});

test('a name of loopback is refused before it is resolved, and taken where loopback is allowed', async (t) => {
	const never: LookupFunction = () => t.fail();
	await t.throwsAsync(ask(guardedLookup(strict, never), 'localhost', true), { instanceOf: InvalidError });
	t.is(await ask(guardedLookup(loopback, resolver('127.0.0.1')), 'localhost', false), '127.0.0.1');
});

test("a resolver's failure and empty answer stay what they are", async (t) => {
	const failing: LookupFunction = (_hostname, _options, callback) =>
		callback(Object.assign(new Error('x'), { code: 'EAI_AGAIN' }), '');
	await t.throwsAsync(ask(guardedLookup(strict, failing), 'api.example', false), { code: 'EAI_AGAIN' });
	for (const all of [false, true]) {
		await t.throwsAsync(ask(guardedLookup(strict, resolver()), 'api.example', all), { code: 'ENOTFOUND' });
	}
});

test("the system's resolver is asked where no other is given", async (t) => {
	t.regex(String(await ask(guardedLookup(loopback), 'localhost', false)), /^(?:127\.0\.0\.1|::1)$/);
});
