/** Pods in one form, so that only differences show that mean something. */
import { canonicalQuantity } from '../../api/v1/index.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What the API server writes where nothing stands (`k8s.io/kubernetes/pkg/apis/core/v1/defaults.go`), and what it takes for nothing. */
const defaults: Readonly<Record<string, readonly unknown[]>> = {
	apiVersion: ['v1'],
	creationTimestamp: [null],
	defaultMode: [420],
	protocol: ['TCP'],
	readOnly: [false],
	scheme: ['HTTP'],
	successThreshold: [1],
	terminationMessagePath: ['/dev/termination-log'],
	terminationMessagePolicy: ['File'],
	timeoutSeconds: [1],
	value: [''],
};

function isEmpty(value: unknown): boolean {
	return value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** A pod without empty fields and defaults; amounts as the API server writes them, JSON in annotations read. */
export function canonical(value: unknown, path: readonly string[] = []): unknown {
	const field = path.at(-1) ?? '';
	if (Array.isArray(value)) {
		return value.map((item) => canonical(item, path));
	}
	if (typeof value === 'object' && value !== null) {
		const entries = Object.entries(value as Fields).map(
			([key, entry]) => [key, canonical(entry, [...path, key])] as const,
		);
		const hasMeaning = ([key, entry]: readonly [string, unknown]): boolean =>
			// An empty directory is one all the same.
			(key === 'emptyDir' || !isEmpty(entry)) && !(defaults[key] ?? []).includes(entry);
		const fields = Object.fromEntries(entries.filter(hasMeaning).sort(([a], [b]) => (a < b ? -1 : 1)));
		return field === 'resources' ? withRequests(fields) : fields;
	}
	if (field === 'sidecar.istio.io/status' && typeof value === 'string') {
		return canonical(JSON.parse(value));
	}
	if (['cpu', 'memory'].includes(field) && (typeof value === 'string' || typeof value === 'number')) {
		return canonicalQuantity(value);
	}
	return value;
}

/** Who is limited and asks for nothing asks for the limit. */
function withRequests({ limits = {}, requests = {}, ...others }: Fields): Fields {
	const asked = { ...(limits as Fields), ...(requests as Fields) };
	return { ...others, limits, ...(isEmpty(asked) ? {} : { requests: asked }) };
}
