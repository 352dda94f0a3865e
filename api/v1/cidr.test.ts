import test from 'ava';
import { isCidr, mappedIPv4 } from './cidr.ts';

for (const block of [
	'10.0.0.0/8',
	'0.0.0.0/0',
	'10.1.2.3/8',
	'255.255.255.255/32',
	'fd00::/8',
	'::/0',
	'2001:DB8::1/128',
]) {
	test(`${block} is an address block`, (t) => {
		t.true(isCidr(block));
	});
}

for (const text of [
	'',
	'*',
	'10.0.0.0',
	'10.0.0.0/',
	'10.0.0.0/33',
	'10.0.0.0/08',
	'10.0.0.0/-1',
	'10.0.0/8',
	'010.0.0.0/8',
	'fd00::/129',
	'fe80::%eth0/64',
	'::ffff:10.0.0.0/104',
	'::FFFF:a00:0/104',
	'0:0:0:0:0:ffff:10.0.0.0/104',
	' 10.0.0.0/8',
	'10.0.0.0/8/8',
]) {
	test(`${JSON.stringify(text)} is no address block`, (t) => {
		t.false(isCidr(text));
	});
}

test('IPv4 in the dress of IPv6 is known in any spelling', (t) => {
	for (const address of ['::ffff:10.1.2.255', '::FFFF:a01:2ff', '0:0:0:0:0:ffff:0a01:02ff', '0::ffff:10.1.2.255']) {
		t.is(mappedIPv4(address), '10.1.2.255', address);
	}
	for (const address of ['::', '::10.1.2.3', '::fffe:10.1.2.3', '1::ffff:a01:203', '64:ff9b::10.1.2.3', 'ffff::']) {
		t.is(mappedIPv4(address), undefined, address);
	}
});
