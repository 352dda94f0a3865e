/** The files of a mesh's injector, out of the ConfigMap that is rendered for it. */

import { render } from '../../operator/lines/testing.ts';
import type { ResolvedClassicMesh } from '../../operator/releases/classic/index.ts';
import { injectorFilesName } from '../../operator/render/classic/injector-names.ts';
import type { InjectorFiles } from './webhook-types.ts';

/** Throws where the mesh has no injector. */
export function injectorFiles(mesh: ResolvedClassicMesh): InjectorFiles {
	const objects = render(mesh);
	const data = (name: string): Readonly<Record<string, string>> => {
		const found = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name);
		if (found === undefined) {
			throw new Error(`no ConfigMap ${name} is rendered`);
		}
		return found.data as Readonly<Record<string, string>>;
	};
	const { config = '', values = '', mesh: meshConfig = '' } = data(injectorFilesName(mesh.release.version));
	return { minor: mesh.release.injector.runs, config, values, mesh: meshConfig };
}
