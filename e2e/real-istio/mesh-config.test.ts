import test from 'ava';
import { mergedFields } from './mesh-config.ts';

test('fields of several releases are one table, which says what came later', (t) => {
	const old = { messages: { MeshConfig: { b: 'string', a: 'enum Mode' } }, enums: { Mode: ['OFF'] } };
	const next = {
		messages: { MeshConfig: { a: 'enum Mode', b: 'string', c: 'list Thing' }, Thing: { d: 'bool' } },
		enums: { Mode: ['OFF', 'ON'] },
	};
	t.deepEqual(
		mergedFields([
			['1.30', old],
			['1.31', next],
			['1.32', next],
		]),
		{
			messages: {
				MeshConfig: { a: 'enum Mode', b: 'string', c: 'list Thing since 1.31' },
				Thing: { d: 'bool since 1.31' },
			},
			enums: { Mode: ['OFF', 'ON'] },
		},
	);
	t.throws(
		() =>
			mergedFields([
				['1.30', old],
				['1.31', { messages: { MeshConfig: { b: 'bool' } }, enums: {} }],
			]),
		{
			message: 'MeshConfig.b is string, and in 1.31 bool',
		},
	);
});
