/** `meshwright diff`: shows what the operator would change in the cluster for the installations of a file. */
import { describeObject } from '../../runtime/object.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { readDesired, serverVersionOf } from '../desired.ts';
import { toYaml } from '../document.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Format, formatValue } from '../output.ts';
import { type LimitOptions, limitsOf } from '../program-options.ts';
import { painter, print, printDocument } from '../terminal.ts';
import { type Change, findChanges } from './find-changes.ts';
import { comparable } from './normalise.ts';
import { unifiedDiff } from './unified-diff.ts';

export interface DiffOptions extends ConnectionOptions, LimitOptions {
	readonly filename: readonly string[];
	readonly output: Format;
	readonly showNew: boolean;
}

export async function diff(options: DiffOptions): Promise<number> {
	await using api = await connect(options);
	const installations = await readDesired(options.filename, {
		serverVersion: await serverVersionOf(api),
		limits: limitsOf(options),
	});
	const changes: Change[] = [];
	for (const desired of installations) {
		changes.push(...(await findChanges(api, desired)));
	}
	if (options.output === 'text') {
		await print(formatChanges(changes, options.showNew));
	} else {
		await printDocument(formatValue(changes.map(toData), options.output));
	}
	return changes.some(({ kind }) => kind !== 'kept') ? exitCodes.differs : exitCodes.ok;
}

function diffOf(change: Change): string[] {
	const before = 'before' in change ? toYaml(comparable(change.before)) : '';
	const after = 'after' in change ? toYaml(comparable(change.after)) : '';
	return unifiedDiff({ before: 'live', after: 'wanted' }, before, after);
}

function toData(change: Change): object {
	const { object, kind } = change;
	return {
		change: kind,
		apiVersion: object.apiVersion,
		kind: object.kind,
		...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }),
		name: object.metadata.name,
		...('because' in change ? { because: change.because } : {}),
		...(kind === 'update' ? { diff: `${diffOf(change).join('\n')}\n` } : {}),
	};
}

function changeLines(change: Change, showNew: boolean): string[] {
	const paint = painter('stdout');
	const colour = (line: string): string => {
		if (line.startsWith('@@')) {
			return paint('cyan', line);
		}
		return line.startsWith('+') ? paint('green', line) : line.startsWith('-') ? paint('red', line) : line;
	};
	const name = describeObject(change.object);
	switch (change.kind) {
		case 'create':
			return [paint('green', `+ ${name} would be created`), ...(showNew ? diffOf(change).slice(2).map(colour) : [])];
		case 'update':
			return [paint('yellow', `~ ${name} would change`), ...diffOf(change).map(colour)];
		case 'delete':
			return [paint('red', `- ${name} would be deleted: ${change.because}`)];
		case 'refuse':
			return [paint('red', `! ${name} would be refused: ${change.because}`)];
		case 'kept':
			return []; // They are told together, below.
	}
}

function formatChanges(changes: readonly Change[], showNew: boolean): string[] {
	const paint = painter('stdout');
	const lines = changes.flatMap((change) => changeLines(change, showNew));
	const keptFor = Map.groupBy(
		changes.filter((change) => change.kind === 'kept'),
		({ because }) => because,
	);
	for (const [because, kept] of keptFor) {
		const names = kept.map(({ object }) => describeObject(object)).join(', ');
		lines.push(paint('dim', `= ${names} would be left as it is: ${because}`));
	}
	const count = (kind: Change['kind']): number => changes.filter((change) => change.kind === kind).length;
	const sum = `${count('create')} to create, ${count('update')} to change, ${count('delete')} to delete, ${count('refuse')} refused`;
	return changes.some(({ kind }) => kind !== 'kept') ? [...lines, '', sum] : [...lines, 'Nothing would change.'];
}
