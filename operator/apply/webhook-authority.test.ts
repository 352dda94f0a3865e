import test from 'ava';
import type { ManagedFieldsEntry } from '../runtime/object.ts';
import { awaitsAuthority } from './webhook-authority.ts';

function owned(manager: string, ...entries: readonly (readonly [string, ...string[]])[]): ManagedFieldsEntry {
	return {
		manager,
		operation: 'Update',
		fieldsV1: {
			'f:webhooks': Object.fromEntries(
				entries.map(([name, ...fields]) => [
					`k:{"name":"${name}"}`,
					{ '.': {}, 'f:clientConfig': Object.fromEntries(fields.map((field) => [`f:${field}`, {}])) },
				]),
			),
		},
	};
}

const awaits = (...managedFields: readonly ManagedFieldsEntry[]) =>
	awaitsAuthority({ metadata: { name: 'webhook', managedFields } });

test('a webhook awaits its authority until somebody has written one into each of its entries', (t) => {
	const made = owned('meshwright', ['a', 'service'], ['b', 'service']);
	t.true(awaits(made));
	t.true(awaits(made, owned('pilot-discovery', ['a', 'caBundle'])));
	t.false(awaits(made, owned('pilot-discovery', ['a', 'caBundle'], ['b', 'caBundle'])));
	t.false(awaits(made, owned('pilot-discovery', ['a', 'caBundle']), owned('somebody', ['b', 'caBundle'])));
	t.true(awaits(made, owned('somebody', ['a', 'url'])), 'whatever else somebody writes');
});

test('what tells nothing awaits nothing', (t) => {
	t.false(awaits());
	t.false(awaits({ manager: 'x', fieldsV1: { 'f:webhooks': { '.': {} } } }));
	t.false(awaits({ manager: 'x', fieldsV1: { 'f:webhooks': 'x', 'f:metadata': {} } }));
});
