/**
 * What of a stranger's answer may be told. A server that nobody here controls has been sent a credential, and may send it back
 * in any form: in base64, reversed, in parts, as the name of a field. No search finds all forms. So of a refusal only what
 * this file knows comes out: the status, a reason that Kubernetes has, a cause that it has, a field that we sent.
 */
import type { StatusCause } from '../errors.ts';
import { isRecord } from '../object-shape.ts';

/** Reasons of a Status (kubernetes 1.36 `apimachinery/pkg/apis/meta/v1/types.go`, StatusReason). */
const statusReasons: ReadonlySet<string> = new Set([
	'Unauthorized',
	'Forbidden',
	'NotFound',
	'AlreadyExists',
	'Conflict',
	'Gone',
	'Invalid',
	'ServerTimeout',
	'StoreReadError',
	'Timeout',
	'TooManyRequests',
	'BadRequest',
	'MethodNotAllowed',
	'NotAcceptable',
	'RequestEntityTooLarge',
	'UnsupportedMediaType',
	'InternalError',
	'Expired',
	'ServiceUnavailable',
]);

/** Types of a cause (the same file, CauseType). */
const causeTypes: ReadonlySet<string> = new Set([
	'FieldValueNotFound',
	'FieldValueRequired',
	'FieldValueDuplicate',
	'FieldValueInvalid',
	'FieldValueNotSupported',
	'FieldValueForbidden',
	'FieldValueTooLong',
	'FieldValueTooMany',
	'FieldValueTypeInvalid',
	'InternalError',
	'UnexpectedServerResponse',
	'FieldManagerConflict',
	'ResourceVersionTooLarge',
	'NamespaceTerminating',
]);

/** The reason, if Kubernetes has it. */
export function knownReason(reason: unknown): string | undefined {
	return typeof reason === 'string' && statusReasons.has(reason) ? reason : undefined;
}

/** The cause without words: its type, if Kubernetes has it, and its field, if we sent one of that path. */
export function bareCause({ reason, field }: StatusCause, sent: unknown): StatusCause {
	return {
		reason: causeTypes.has(reason) ? reason : '',
		message: '',
		field: isSentField(sent, field.replace(/^\./, '')) ? field : '',
	};
}

/** Deeper than any field of an object of ours. */
const deepestField = 32;

/** Whether a path like `spec.ports[0].port` or `metadata.labels.istio-injection` leads to something in a body. */
function isSentField(body: unknown, path: string, depth = 0): boolean {
	if (path === '') return true;
	if (depth > deepestField) return false;
	if (Array.isArray(body)) {
		const [whole, index = ''] = /^\[(\d{1,6})\]\.?/.exec(path) ?? [];
		return (
			whole !== undefined &&
			Number(index) < body.length &&
			isSentField(body[Number(index)], path.slice(whole.length), depth + 1)
		);
	}
	if (!isRecord(body)) return false;
	// Names may have dots themselves.
	return Object.keys(body).some((key) => {
		if (!path.startsWith(key)) return false;
		const rest = path.slice(key.length);
		return rest === '' || (/^[.[]/.test(rest) && isSentField(body[key], rest.replace(/^\./, ''), depth + 1));
	});
}
