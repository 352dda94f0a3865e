/**
 * Finds the webhook or policy that kept a request from being admitted. API servers tell it in words alone: the Status has no
 * field for it. The words decide what is told, and nothing that is done.
 *
 * (kubernetes 1.36 `apiserver/pkg/admission/plugin/webhook/errors/statuserror.go` and `…/webhook/error.go`;
 * `…/policy/validating/dispatcher.go` and `…/policy/mutating/dispatcher.go`.)
 */

export interface AdmissionFailure {
	/** Whether it said no, or could not be asked. */
	readonly outcome: 'refused' | 'failed';
	readonly by: 'webhook' | 'policy';
	readonly name: string;
}

const forms: readonly (Omit<AdmissionFailure, 'name'> & { readonly pattern: RegExp })[] = [
	{ outcome: 'refused', by: 'webhook', pattern: /admission webhook "([^"]+)" denied the request/ },
	{ outcome: 'failed', by: 'webhook', pattern: /failed calling webhook "([^"]+)"/ },
	{
		outcome: 'refused',
		by: 'policy',
		pattern: /ValidatingAdmissionPolicy '([^']+)' with binding '[^']+' denied request/,
	},
	{ outcome: 'failed', by: 'policy', pattern: /policy '([^']+)' with binding '[^']+' denied request/ },
];

/** Names of objects and of webhooks. Anything else is none. */
const aName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Undefined when the words tell of no webhook and no policy. */
export function admissionFailureIn(words: string): AdmissionFailure | undefined {
	for (const { pattern, ...rest } of forms) {
		const name = pattern.exec(words)?.[1];
		if (name !== undefined && aName.test(name)) return { ...rest, name };
	}
	return undefined;
}
