/**
 * A mesh as one cluster shows it at this moment. This walk exists once, for a pass, for each joined cluster and for the
 * command line: Secrets → certificate → what is remembered → facts → objects → gates.
 */
import { isDeepStrictEqual } from 'node:util';
import type { CertificateRequest, Line } from '../lines/index.ts';
import { type Gate, type Waiting, waitingFor } from '../plan/gate.ts';
import type { SecretFacts } from '../plan/secret-facts.ts';
import type { Sight } from '../plan/sight.ts';
import type { ResolvedMesh } from '../releases/index.ts';
import type { JoinedFacts, ServingCertificate } from '../render/index.ts';
import type { KubeObject, ObjectName } from '../runtime/object.ts';

/** The cluster to look at. */
export interface Lookout {
	readonly child: Sight['child'];
	readonly secret: (name: ObjectName) => SecretFacts | 'unknown' | undefined;
	/** Resolves when these Secrets are known, or when the wait for them is over. */
	readonly expectSecrets: (names: readonly ObjectName[], signal: AbortSignal) => Promise<void>;
	/**
	 * The certificate that the operator keeps there. Undefined when it is not known. `known` is the one that this process has
	 * used.
	 */
	readonly certificate: (
		request: CertificateRequest,
		known: ServingCertificate | undefined,
		signal: AbortSignal,
	) => Promise<ServingCertificate | undefined>;
}

/** The mesh to look at. */
export interface Subject {
	readonly line: Line;
	readonly mesh: ResolvedMesh;
	/** Renders all objects with these facts. Pure. */
	readonly render: (facts: object) => readonly KubeObject[];
	/** What rendering depends on besides mesh and facts. While it is equal, so are the objects. */
	readonly basis?: unknown;
	/** The facts that joined clusters add. */
	readonly joined?: JoinedFacts;
	/** Gates in addition to those of the mesh. */
	readonly gates?: readonly Gate[];
}

/** What a process remembers about a mesh in one cluster. */
export interface ViewMemory {
	/** The certificate with its key. */
	certificate: ServingCertificate | undefined;
	/** What the line remembers. */
	line: { readonly name: string; readonly value: unknown } | undefined;
	rendered:
		| {
				readonly mesh: ResolvedMesh;
				readonly basis: unknown;
				readonly facts: object;
				readonly objects: readonly KubeObject[];
		  }
		| undefined;
}

export interface ViewOptions {
	/** Wall clock, milliseconds since 1970. */
	readonly nowMs: number;
	/** How long it takes until the control plane follows the mesh configuration; 0 when it does, or when nobody knows. */
	readonly configFollowedInMs?: number;
	readonly signal: AbortSignal;
}

export interface MeshView extends Waiting {
	/** The objects. The same list as before while nothing differs. */
	readonly objects: readonly KubeObject[];
	readonly gates: readonly Gate[];
}

export function emptyViewMemory(): ViewMemory {
	return { certificate: undefined, line: undefined, rendered: undefined };
}

/** Makes the view. Rejects when the certificate can't be read or made, and when rendering fails. */
export async function viewMesh(
	subject: Subject,
	lookout: Lookout,
	memory: ViewMemory,
	{ nowMs, configFollowedInMs = 0, signal }: ViewOptions,
): Promise<MeshView> {
	const { line, mesh, joined = {} } = subject;
	const named = (name: string): ObjectName => ({ namespace: mesh.namespace, name });
	await lookout.expectSecrets(line.sees(mesh).secrets.map(named), signal);
	const sight: Sight = { child: lookout.child, secret: (name) => lookout.secret(named(name)) };

	const request = line.certificate(mesh);
	memory.certificate =
		request === undefined ? undefined : await lookout.certificate(request, memory.certificate, signal);
	const before = memory.line?.name === line.name ? memory.line.value : undefined;
	const remembered = line.remember(mesh, before, sight, nowMs);
	memory.line = { name: line.name, value: remembered };

	const facts = line.facts(mesh, { sight, certificate: memory.certificate, memory: remembered, joined });
	const objects = renderOnce(subject, facts, memory);
	const gates = [...line.gates({ mesh, facts, objects, sight, configFollowedInMs, nowMs }), ...(subject.gates ?? [])];
	return { objects, gates, ...waitingFor(gates) };
}

function renderOnce({ mesh, basis, render }: Subject, facts: object, memory: ViewMemory): readonly KubeObject[] {
	const { rendered } = memory;
	if (rendered?.mesh === mesh && isDeepStrictEqual(rendered.facts, facts) && isDeepStrictEqual(rendered.basis, basis)) {
		return rendered.objects;
	}
	const objects = render(facts);
	memory.rendered = { mesh, basis, facts, objects };
	return objects;
}
