/** Istio's custom resource definitions, per release, read from data (`crds/istio`). */
import classic from '../../../crds/istio/classic.json' with { type: 'json' };
import type { IstioCrd } from '../crd.ts';
import { compareMinor, type Minor } from './minors.ts';
import type { ClassicRelease } from './release.ts';

/** One resource of a group, as the data file writes it. */
interface Row {
	readonly kind: string;
	readonly plural: string;
	/** Default: Namespaced. */
	readonly scope?: string;
	/** Adds the category `<category>-istio-io` to `istio-io`. */
	readonly category?: string;
	/** The first and the last minor that ship it in this form. */
	readonly first: string;
	readonly last: string;
	readonly shortNames?: readonly string[];
	/** Name, type and path of each printer column. */
	readonly columns?: readonly (readonly string[])[];
	/** Those of the newest release that ships it; some charts have fewer. */
	readonly labels?: Readonly<Partial<Record<'app' | 'package' | 'istio', string>>>;
}

const groups: readonly { readonly group: string; readonly version: string; readonly resources: readonly Row[] }[] =
	classic.groups;

function isIn(row: Row, minor: Minor): boolean {
	return compareMinor(row.first as Minor, minor) <= 0 && compareMinor(minor, row.last as Minor) <= 0;
}

/** The custom resource definitions of a release, sorted by name. */
export function crdsOf(release: Pick<ClassicRelease, 'minor'>): readonly IstioCrd[] {
	return groups
		.flatMap(({ group, version, resources }) =>
			resources
				.filter((row) => isIn(row, release.minor))
				.map(
					(row): IstioCrd => ({
						name: `${row.plural}.${group}`,
						group,
						version,
						kind: row.kind,
						plural: row.plural,
						scope: row.scope === 'Cluster' ? 'Cluster' : 'Namespaced',
						categories: row.category === undefined ? [] : ['istio-io', `${row.category}-istio-io`],
						shortNames: row.shortNames ?? [],
						labels: row.labels ?? {},
						columns: (row.columns ?? []).map(([name = '', type = '', jsonPath = '']) => ({ name, type, jsonPath })),
					}),
				),
		)
		.sort((a, b) => (a.name < b.name ? -1 : 1));
}
