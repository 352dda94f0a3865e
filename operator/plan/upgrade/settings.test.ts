import test from 'ava';
import { formerSpec, recordSettings, settingsHash } from './settings.ts';

const before = { version: '1.3.8', profile: 'default', pilot: { replicas: 3 }, paused: false, upgrade: {} };
const inventory = {
	objects: 1,
	hash: 'h',
	version: '1.3.8',
	settings: settingsHash(before),
	spec: recordSettings(before) ?? '',
};
const after = { version: '1.4.10', profile: 'default', pilot: { replicas: 5 }, mesh: { tracing: { sampling: 1 } } };
const former = { version: '1.3.8', profile: 'default', pilot: { replicas: 3 } };

test('the spec to go back to is the recorded one, whatever has changed with the version', (t) => {
	t.deepEqual(formerSpec(inventory, '1.3.8', after), former);
	t.deepEqual(formerSpec(inventory, '1.3.8', before), former);
});

test('without a record it is known where only the version has changed', (t) => {
	const { spec: _, ...unrecorded } = inventory;
	t.deepEqual(formerSpec(unrecorded, '1.3.8', { ...before, version: '1.4.10' }), former);
	t.is(formerSpec(unrecorded, '1.3.8', after), undefined);
});

test('nothing is gone back to that was made for another version, that is not what was hashed, or that is none', (t) => {
	t.is(formerSpec(inventory, '1.2.10', after), undefined);
	t.is(formerSpec(inventory, undefined, after), undefined);
	t.is(formerSpec(undefined, '1.3.8', after), undefined);
	for (const spec of [recordSettings(after) ?? '', 'null', '[]', '{"profile":'])
		t.is(formerSpec({ ...inventory, spec }, '1.3.8', after), undefined);
});

test('a record hides nothing, is the same for equal settings, and is not kept when it is too long', (t) => {
	const [hidden, more] = ['a\u202e\u200bb 👍', { ключ: null, 1: [true] }];
	const spec = { overlays: [{ value: hidden, more }] };
	const text = recordSettings(spec);
	t.regex(text ?? '', /^[ -~]+$/);
	t.deepEqual(JSON.parse(text ?? ''), spec);
	t.is(recordSettings({ version: '1', overlays: [{ more, value: hidden }] }), text);
	t.is(recordSettings({ overlays: ['x'.repeat(64 * 1024)] }), undefined);
});
