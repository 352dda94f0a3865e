import test from 'ava';
import fc from 'fast-check';
import { areTooMany, blocksOutside, fewBlocks, firstOverlap, mergeBlocks, mostBlocks, readBlock } from './cidrs.ts';

function overlap(a: string, b: string): boolean {
	return firstOverlap([a], [b]) !== undefined;
}

/** The block as messages write it. A text that is no block stays as it is. */
function normalBlock(text: string): string {
	return readBlock(text) ?? text;
}

const shared: readonly (readonly [a: string, b: string, shares: boolean])[] = [
	['10.0.0.0/8', '10.1.0.0/16', true],
	['10.0.0.0/16', '10.1.0.0/16', false],
	['10.0.0.0/16', '10.0.255.255/32', true],
	['10.0.0.0/16', '10.1.0.0/32', false],
	['10.1.2.3/8', '10.200.0.0/16', true],
	['0.0.0.0/0', '203.0.113.7/32', true],
	['0.0.0.0/0', '::/0', false],
	['fd00::/8', 'fd12:3456::/32', true],
	['fd00:1::/32', 'fd00:2::/32', false],
	['FD00:0:0:0::/64', 'fd00::1/128', true],
	['::ffff:10.0.0.0/104', '10.9.0.0/16', true],
	['::ffff:a00:0/104', '10.9.0.0/16', true],
	['::ffff:0:0/96', '192.0.2.0/24', true],
	['::ffff:10.0.0.0/104', '11.0.0.0/8', false],
	['fe80::1:2:3:4/128', 'fe80::1.2.3.4/96', false],
	['nonsense', '10.0.0.0/8', false],
	['10.0.0.0/33', '10.0.0.0/8', false],
	['10.0.0.0', '10.0.0.0/8', false],
];

for (const [a, b, shares] of shared) {
	test(`${a} and ${b} ${shares ? 'share addresses' : 'share nothing'}`, (t) => {
		t.is(overlap(a, b), shares);
		t.is(overlap(b, a), shares);
	});
}

const written: readonly (readonly [text: string, normal: string])[] = [
	['10.1.2.3/16', '10.1.0.0/16'],
	['FD00:0:0:0::1/64', 'fd00::/64'],
	['2001:db8:0:0:1:0:0:1/128', '2001:db8::1:0:0:1/128'],
	['::/0', '::/0'],
	['::ffff:10.1.2.3/112', '10.1.0.0/16'],
	['64:ff9b::192.0.2.33/128', '64:ff9b::c000:221/128'],
	['not a block', 'not a block'],
];

for (const [text, normal] of written) {
	test(`${text} is written ${normal}`, (t) => {
		t.is(normalBlock(text), normal);
	});
}

const noBlocks = [
	'',
	'/8',
	'10.0.0.0',
	'10.0.0.0/',
	'10.0.0.0/8/8',
	'10.0.0.0/-1',
	'10.0.0.0/33',
	'10.0.0.0/0008',
	'10.0.0/8',
	'10.0.0.0.0/8',
	'010.0.0.0/8',
	'300.1.2.3/8',
	'1.2.3.4/99',
	'::/129',
	'fe80::1%eth0/64',
	'1:2:3:4:5:6:7/64',
	'1::2::3/64',
	'12345::/16',
	'::ffff:10.0.0.256/104',
	' 10.0.0.0/8',
	'10.0.0.0/8\n',
];

for (const text of noBlocks) {
	test(`${JSON.stringify(text)} is no block, and in a list as if it were not there`, (t) => {
		t.is(readBlock(text), undefined);
		t.deepEqual(mergeBlocks(['10.0.0.0/8', text, 'fd00::/8']), ['10.0.0.0/8', 'fd00::/8']);
		t.deepEqual(fewBlocks([text]), []);
		t.is(firstOverlap([text, '10.0.0.0/8'], [text, 'fd00::/8']), undefined);
	});
}

test('the whole of a family is one block', (t) => {
	t.deepEqual(mergeBlocks(['128.0.0.0/1', '8000::/1', '0.0.0.0/1', '::/1']), ['0.0.0.0/0', '::/0']);
	t.deepEqual(fewBlocks(['0.0.0.0/2', '128.0.0.0/2', '::/2', '8000::/2'], 1), ['0.0.0.0/0', '::/0']);
	t.deepEqual(mergeBlocks(['::fffe:0:0/95', '::ffff:0:0/96']), ['0.0.0.0/0', '::fffe:0:0/95']);
});

test('the blocks of 5,000 nodes are few, and the same addresses', (t) => {
	const nodes = Array.from({ length: 5_000 }, (_, index) => `10.${128 + (index >> 8)}.${index & 255}.0/24`);
	t.deepEqual(mergeBlocks(nodes), [
		'10.128.0.0/12',
		'10.144.0.0/15',
		'10.146.0.0/16',
		'10.147.0.0/17',
		'10.147.128.0/21',
	]);
	t.deepEqual(fewBlocks(nodes), mergeBlocks(nodes));
});

test('the blocks of 2,500 nodes with a gap after each are widened until they are few', (t) => {
	const nodes = Array.from({ length: 2_500 }, (_, index) => `10.${128 + (index >> 7)}.${(2 * index) & 255}.0/24`);
	t.is(mergeBlocks(nodes).length, 2_500);
	t.deepEqual(fewBlocks(nodes), [
		'10.128.0.0/12',
		'10.144.0.0/15',
		'10.146.0.0/16',
		'10.147.0.0/17',
		'10.147.128.0/21',
	]);
});

test('families are widened each for itself', (t) => {
	const four = ['10.0.0.0/24', '10.0.2.0/24'];
	t.deepEqual(fewBlocks([...four, 'fd00::/64', 'fd00:0:0:2::/64', 'fd00:0:0:4::/64'], 2), [
		...four,
		'fd00::/62',
		'fd00:0:0:4::/63',
	]);
});

test('the overlap that is named is the one with the lowest address', (t) => {
	t.deepEqual(firstOverlap(['fd00::/8', '10.9.0.0/16', '10.4.0.0/14'], ['fd00::/8', '10.0.0.0/8']), {
		a: '10.4.0.0/14',
		b: '10.0.0.0/8',
	});
	t.deepEqual(firstOverlap(['10.0.0.0/8'], ['192.168.0.0/16', '10.3.7.9/24']), { a: '10.0.0.0/8', b: '10.3.7.0/24' });
	t.is(firstOverlap([], ['10.0.0.0/8']), undefined);
});

test('5,000 blocks are compared with 5,000 in no time', (t) => {
	const blocks = (base: number) =>
		Array.from({ length: 5_000 }, (_, index) => `10.${base + (index >> 8)}.${index & 255}.0/24`);
	const before = process.threadCpuUsage();
	t.is(firstOverlap(blocks(0), blocks(100)), undefined);
	// Measures CPU time, because others on this machine do not lengthen that.
	const { user, system } = process.threadCpuUsage(before);
	t.true(user + system < 2_000_000);
});

test('blocks without any order, as many as no cluster has, are made few in no time', (t) => {
	// Numbers that look random, and are the same at each run (Numerical Recipes' generator).
	let state = 1;
	const next = () => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return (state >>> 16).toString(16);
	};
	const blocks = Array.from({ length: 20_000 }, () => `${Array.from({ length: 8 }, next).join(':')}/128`);
	const before = process.threadCpuUsage();
	const few = fewBlocks(blocks);
	const { user, system } = process.threadCpuUsage(before);
	t.true(few.length > 0 && few.length <= mostBlocks);
	t.deepEqual(mergeBlocks([...few, ...blocks]), few, 'all addresses are in them');
	t.true(user + system < 2_000_000);
});

function meet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
	return [...one].some((address) => other.has(address));
}

// Properties. Blocks differ in few bits, so that they meet.

const block = fc.oneof(
	fc
		.record({ address: fc.nat(0xff), bits: fc.integer({ min: 22, max: 32 }), mapped: fc.boolean() })
		.map(({ address, bits, mapped }) =>
			mapped ? `::ffff:10.0.0.${address}/${bits + 96}` : `10.0.${address & 3}.${address}/${bits}`,
		),
	fc
		.record({ address: fc.nat(0xff), bits: fc.integer({ min: 118, max: 128 }) })
		.map(({ address, bits }) => `fd00::${address.toString(16)}/${bits}`),
);
const blocks = fc.array(block, { maxLength: 12 });

/** Every address of a small block, found in a simple way that shares no code with the tested one. */
function addresses(text: string): readonly string[] {
	const [address = '', length = '0'] = text.split('/');
	const isFour = address.includes('.');
	const bits = isFour && address.startsWith('::') ? Number(length) - 96 : Number(length);
	const value = isFour
		? address
				.replace('::ffff:', '')
				.split('.')
				.reduce((sum, part) => sum * 256n + BigInt(part), 0n)
		: BigInt(`0x${address.replace('fd00::', '') || '0'}`);
	const size = 2n ** BigInt((isFour ? 32 : 128) - bits);
	const first = (value / size) * size;
	return Array.from({ length: Number(size) }, (_, index) => `${isFour ? 4 : 6} ${first + BigInt(index)}`);
}

function covered(texts: readonly string[]): ReadonlySet<string> {
	return new Set(texts.flatMap(addresses));
}

test('blocks overlap exactly when they have an address in common, whichever is named first', (t) => {
	fc.assert(
		fc.property(block, block, (a, b) => {
			t.is(overlap(a, b), meet(covered([a]), covered([b])));
			t.is(overlap(a, b), overlap(b, a));
		}),
	);
});

test('the normal form of a block is its own normal form, and has the same addresses', (t) => {
	fc.assert(
		fc.property(block, (text) => {
			const normal = normalBlock(text);
			t.is(normalBlock(normal), normal);
			t.deepEqual(addresses(normal), addresses(text));
		}),
	);
});

test('whatever a text holds, it is a block or none, and no error', (t) => {
	const nearly = fc.stringMatching(/^[0-9a-f:.]{0,16}\/[0-9]{0,4}$/);
	fc.assert(
		fc.property(fc.oneof(fc.string(), nearly), (text) => {
			const read = readBlock(text);
			t.true(read === undefined || normalBlock(read) === read);
		}),
	);
});

test('lists overlap exactly when two of their blocks do, and two that do are named', (t) => {
	fc.assert(
		fc.property(blocks, blocks, (as, bs) => {
			const found = firstOverlap(as, bs);
			t.is(found !== undefined, meet(covered(as), covered(bs)));
			if (found !== undefined) {
				t.true(as.map(normalBlock).includes(found.a));
				t.true(bs.map(normalBlock).includes(found.b));
				t.true(overlap(found.a, found.b));
			}
		}),
	);
});

test('merging keeps exactly the same addresses in disjoint blocks, and nothing is left to merge', (t) => {
	fc.assert(
		fc.property(blocks, (given) => {
			const merged = mergeBlocks(given);
			const all = merged.flatMap(addresses).sort();
			t.deepEqual(all, [...covered(given)].sort());
			t.deepEqual(mergeBlocks(merged), merged);
			t.deepEqual(mergeBlocks(given.toReversed()), merged);
		}),
	);
});

test('fewer blocks cover all addresses, and are as few as asked for', (t) => {
	fc.assert(
		fc.property(blocks, fc.integer({ min: 1, max: 4 }), (given, most) => {
			const few = fewBlocks(given, most);
			const all = covered(few);
			t.true([...covered(given)].every((address) => all.has(address)));
			t.true(few.filter((text) => text.includes(':')).length <= most);
			t.true(few.filter((text) => !text.includes(':')).length <= most);
			if (mergeBlocks(given).length <= most) t.deepEqual(few, mergeBlocks(given));
		}),
	);
	t.is(mostBlocks, 32);
});

/** Whether both have the same bits in the shorter prefix, compared as text. */
function sharesPrefix(
	a: readonly [address: number, bits: number],
	b: readonly [address: number, bits: number],
): boolean {
	const common = Math.min(a[1], b[1]);
	const start = (address: number) => address.toString(2).padStart(32, '0').slice(0, common);
	return start(a[0]) === start(b[0]);
}

test('anywhere among the addresses, blocks overlap exactly when the shorter prefix is a part of the longer', (t) => {
	const where = fc.tuple(fc.nat(0xffffffff), fc.integer({ min: 0, max: 32 }));
	const text = ([address, bits]: readonly [number, number], mapped: boolean) => {
		const dotted = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
		return mapped ? `::ffff:${dotted}/${bits + 96}` : `${dotted}/${bits}`;
	};
	fc.assert(
		fc.property(where, where, fc.boolean(), (a, b, mapped) => {
			const near = [(a[0] ^ (b[0] >>> (a[1] % 32))) >>> 0, b[1]] as const;
			t.is(overlap(text(a, mapped), text(near, false)), sharesPrefix(a, near));
		}),
	);
});

test('no cluster has a whole family of addresses, and none is that large by its Nodes', (t) => {
	for (const texts of [['0.0.0.0/0'], ['::/0'], ['::ffff:0:0/96'], ['10.0.0.0/8', '11.0.0.0/24'], ['fd00::/31']])
		t.true(areTooMany(texts), texts.join());
	for (const texts of [[], ['10.0.0.0/8'], ['10.0.0.0/8', '10.1.0.0/16'], ['fd00::/32'], ['10.0.0.0/9', 'fd00::/48']])
		t.false(areTooMany(texts), texts.join());
});

test('blocks that others contain are known', (t) => {
	t.deepEqual(blocksOutside(['10.1.0.0/16', '10.2.0.0/16'], ['10.1.0.0/17', '10.1.128.0/17']), ['10.2.0.0/16']);
	t.deepEqual(blocksOutside(['::ffff:10.1.0.0/120', 'fd00::/64'], ['10.0.0.0/8', 'fd00::/65']), ['fd00::/64']);
	t.deepEqual(blocksOutside(['10.1.0.0/16'], []), ['10.1.0.0/16']);
	t.deepEqual(blocksOutside(['10.1.0.0/16'], undefined), []);
});
