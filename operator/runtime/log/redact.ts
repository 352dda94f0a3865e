/** Removes credentials from whatever is about to be logged. When in doubt it hides. */
import { describeError } from './error.ts';
import { redacted, redactText } from './redact-text.ts';

/** A key with one of these words, in the form of `normalise`, names a credential. */
const sensitiveWords =
	/token|passw(or)?d|passphrase|kubeconfig|authorization|credential|cookie|bearer|apikey|secretkey|accesskey|privatekey|signingkey|keydata|clientsecret|sharedsecret|stringdata|lastappliedconfiguration|tlskey|capem|cakeypem/;

/** A key with one of these endings names not the credential itself, but its name or a fact about it. */
const harmlessEndings =
	/(name|namespace|file|path|ref|reference|kubeconfigsecret|expires|expiry|at|seconds|ms|lifetime|count|audiences?)$/;

const deepest = 12;

/** A copy of a value as plain JSON without credentials. Errors in it are described. Cycles and great depths are cut. */
export function redact(value: unknown): unknown {
	return copy(value, { isSecret: false, depth: 0, parents: new Set() });
}

interface Place {
	/** Inside a Secret, whose `data` is to be hidden. */
	readonly isSecret: boolean;
	readonly depth: number;
	readonly parents: ReadonlySet<object>;
}

function copy(value: unknown, place: Place): unknown {
	if (typeof value === 'string') return redactText(value);
	if (typeof value === 'bigint') return String(value);
	if (typeof value === 'function' || typeof value === 'symbol') return undefined;
	if (typeof value !== 'object' || value === null) return value;
	if (value instanceof Error) return describeError(value);
	if (value instanceof Date) return value;
	if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
	if (place.parents.has(value)) return '[circular]';
	if (place.depth >= deepest) return '[too deep]';
	const inside = { ...place, depth: place.depth + 1, parents: new Set(place.parents).add(value) };
	if (Array.isArray(value)) return value.map((item: unknown) => copy(item, inside));
	if (value instanceof Set) return Array.from(value, (item) => copy(item, inside));
	if (value instanceof Map) return copyFields(new Map(Array.from(value, ([key, item]) => [String(key), item])), inside);
	return copyFields(new Map(Object.entries(value)), inside);
}

function copyFields(fields: ReadonlyMap<string, unknown>, place: Place): Record<string, unknown> {
	const kind = fields.get('kind');
	const isSecret = kind === 'Secret' || (kind === 'SecretList' ? true : place.isSecret && kind === undefined);
	const namesCredential = ['name', 'key', 'path', 'header'].some((field) => {
		const name = fields.get(field);
		return typeof name === 'string' && (isSensitiveKey(name) || /^\/(data|stringData)\b/.test(name));
	});
	const result: Record<string, unknown> = {};
	for (const [key, value] of fields) {
		const isHidden = isSensitiveKey(key)
			? isCredential(value)
			: (isSecret && key === 'data') || (namesCredential && key === 'value');
		result[redactText(key)] = isHidden ? redacted : copy(value, { ...place, isSecret });
	}
	return result;
}

/** Whether the name of a key says that its value is a credential. */
export function isSensitiveKey(key: string): boolean {
	const plain = key.toLowerCase().replace(/[^a-z0-9]/g, '');
	return sensitiveWords.test(plain) && !harmlessEndings.test(plain);
}

/** `automountServiceAccountToken: false` is a setting, not a credential. */
function isCredential(value: unknown): boolean {
	return value !== null && value !== undefined && typeof value !== 'boolean' && value !== '';
}
