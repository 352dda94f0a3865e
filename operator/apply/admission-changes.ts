/**
 * Finds what the API server stored otherwise than it was sent: a webhook or a policy changes it at admission. Nothing in
 * `managedFields` shows that, because the change counts as ours. Pure.
 */
import { canonicalQuantity, digest, isObject, isQuantity } from '../../api/v1/index.ts';
import type { KubeObject } from '../runtime/object.ts';

/** More fields of one object are not told. */
const mostFields = 8;

/** Fields by which items of a list are told apart. The first that all items have counts. */
const itemKeys = ['name', 'mountPath', 'containerPort', 'port', 'key', 'topologyKey', 'type'] as const;

/** What the API server stored otherwise. */
export interface AdmissionChanges {
	/** `spec.template.spec.containers[discovery].image` */
	readonly paths: readonly string[];
	/** Changes when what is stored there does. */
	readonly hash: string;
}

/**
 * The fields that differ, if any do. Fields that only the stored object has are none: others add to what is ours.
 * @param stored the answer; of a kind that is not read in full it has metadata alone
 */
export function changedAtAdmission(
	sent: KubeObject,
	stored: KubeObject,
	isWhole: boolean,
): AdmissionChanges | undefined {
	const { apiVersion: _, kind: __, status: ___, metadata, ...rest } = sent;
	const { labels = {}, annotations = {} } = metadata;
	const found: Difference[] = [];
	compare({ metadata: { labels, annotations }, ...(isWhole ? rest : {}) }, stored, '', found);
	if (found.length === 0) return undefined;
	const hash = digest(JSON.stringify(found));
	return { paths: found.map(({ path }) => path), hash };
}

interface Difference {
	readonly path: string;
	readonly stored: unknown;
}

function compare(sent: unknown, stored: unknown, path: string, found: Difference[]): void {
	if (found.length >= mostFields) return;
	if (Array.isArray(sent)) compareLists(sent, stored, path, found);
	else if (isObject(sent)) {
		for (const [name, value] of Object.entries(sent)) {
			const inside = isObject(stored) && Object.hasOwn(stored, name) ? stored[name] : undefined;
			compare(value, inside, path === '' ? name : `${path}.${name}`, found);
		}
	} else if (!isSame(sent, stored)) found.push({ path, stored });
}

function compareLists(sent: readonly unknown[], stored: unknown, path: string, found: Difference[]): void {
	const list: readonly unknown[] = Array.isArray(stored) ? stored : [];
	const key = itemKeys.find(
		(one) => sent.length > 0 && sent.every((item) => isObject(item) && /^(string|number)$/.test(typeof item[one])),
	);
	if (key === undefined) {
		// Arguments, verbs: what is added between them changes their meaning.
		const isEqual = sent.length === list.length && sent.every((item, index) => isDeeplySame(item, list[index]));
		if (!isEqual) found.push({ path, stored });
		return;
	}
	for (const item of sent as readonly Readonly<Record<string, unknown>>[]) {
		const there = list.find((one) => isObject(one) && one[key] === item[key]);
		compare(item, there, `${path}[${String(item[key])}]`, found);
	}
}

function isDeeplySame(sent: unknown, stored: unknown): boolean {
	const found: Difference[] = [];
	compare(sent, stored, 'x', found);
	return found.length === 0;
}

/** The API server drops what is empty, and writes quantities in its own way. */
function isSame(sent: unknown, stored: unknown): boolean {
	if (sent === stored || sent === undefined) return true;
	if (stored === undefined) return sent === '' || sent === false || sent === 0 || sent === null;
	return isAmount(sent) && isAmount(stored) && canonicalQuantity(sent) === canonicalQuantity(stored);
}

function isAmount(value: unknown): value is string | number {
	return (typeof value === 'string' || typeof value === 'number') && isQuantity(String(value));
}
