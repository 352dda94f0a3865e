/** The lines for tests of the classic line, where every mesh is a classic one. */
import type { ParsedMeshInstallation } from '../../api/v1/index.ts';
import type { ResolvedClassicMesh } from '../releases/classic/index.ts';
import type { ResolveOptions, ResolveResult } from '../releases/index.ts';
import type { ClassicFacts } from '../render/classic/index.ts';
import type { Reader } from '../render/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { lines } from './lines.ts';

/** Resolves an installation. Throws when the version is of another line. */
export function resolve(
	installation: ParsedMeshInstallation,
	options?: ResolveOptions,
): ResolveResult<ResolvedClassicMesh> {
	const result = lines.resolve(installation, options);
	if (!result.ok) return result;
	if (result.mesh.line !== 'classic') throw new TypeError(`${installation.spec.version} is no classic release`);
	return { ok: true, mesh: result.mesh as ResolvedClassicMesh };
}

export function render(mesh: ResolvedClassicMesh, facts: ClassicFacts = {}): readonly KubeObject[] {
	return lines.render(mesh, facts);
}

export function renderCrds(mesh: ResolvedClassicMesh): readonly KubeObject[] {
	return lines.renderCrds(mesh);
}

export function renderReader(mesh: ResolvedClassicMesh, reader: Omit<Reader, 'rules'>): readonly KubeObject[] {
	return lines.renderReader(mesh, reader);
}
