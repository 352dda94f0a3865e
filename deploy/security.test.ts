/** The table in docs/security.md says what the manifests really give. */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { defaultNamespace } from '../api/v1/constants.ts';
import { type RuleLike, rightsNotCovered } from '../operator/render/rules-covered.ts';
import { joinAccount } from './remote.ts';
import { renderJoined } from './samples.ts';

interface RbacObject {
	readonly kind: string;
	readonly metadata: { readonly namespace?: string };
	readonly rules?: readonly RuleLike[];
}

/** Where a right is looked for. `elsewhere`: a namespace that is neither the mesh's nor the operator's. */
const places = {
	'the whole cluster': undefined,
	'the mesh’s namespace': defaultNamespace,
	elsewhere: 'kube-system',
} as const;

const operator = ['rbac.generated.yaml', 'mesh/rbac.generated.yaml'];

/** The manifests behind each column. The last one is what Pilot's remote Secret holds. */
const holders = {
	operator,
	'with `injection`': [...operator, 'components/injection/rbac.generated.yaml'],
	'with `istiod`': [...operator, 'components/istiod/rbac.generated.yaml'],
	'with `nodes`': [...operator, 'components/nodes/rbac.generated.yaml'],
	'with `citadel`': [...operator, 'components/citadel/rbac.generated.yaml'],
	'with `clusters`': [...operator, 'components/clusters/rbac.generated.yaml'],
	'with `restarts`': [...operator, 'components/restarts/rbac.generated.yaml'],
	'in any namespace': ['rbac.generated.yaml', 'components/everywhere/rbac.generated.yaml'],
	'kubeconfig, read only': ['remote/base/rbac.generated.yaml'],
	'kubeconfig, data plane': ['remote/base/rbac.generated.yaml', 'remote/data-plane/rbac.generated.yaml'],
} as const;

const readerColumn = 'reader token';
const installationColumn = 'MeshInstallation';

async function objectsOf(files: readonly string[]): Promise<readonly RbacObject[]> {
	const texts = await Promise.all(files.map((file) => readFile(new URL(file, import.meta.url), 'utf8')));
	return texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as RbacObject));
}

/** What the roles among these objects give in a namespace, or in the whole cluster. */
function rulesIn(objects: readonly RbacObject[], namespace: string | undefined): readonly RuleLike[] {
	return objects.flatMap(({ kind, metadata, rules = [] }) =>
		kind === 'ClusterRole' || (kind === 'Role' && metadata.namespace === namespace) ? rules : [],
	);
}

/** Reads a right as the table writes it: `patch clusterroles.rbac.authorization.k8s.io istio-pilot-istio-system`. */
function ruleOf(text: string): RuleLike {
	const [verb = '', what = '', name] = text.split(' ');
	const [resource = '', ...group] = what.split('.');
	const names = name === undefined ? {} : { resourceNames: [name] };
	return { verbs: [verb], apiGroups: [group.join('.')], resources: [resource], ...names };
}

interface Table {
	readonly columns: readonly string[];
	readonly rows: readonly (readonly string[])[];
}

async function readTable(): Promise<Table> {
	const text = await readFile(new URL('../docs/security.md', import.meta.url), 'utf8');
	const [, table = ''] = text.split('<!-- table: who can do what -->');
	const lines = table.trimStart().split('\n');
	const rows = lines
		.slice(
			0,
			lines.findIndex((line) => !line.startsWith('|')),
		)
		.map((line) =>
			line
				.split('|')
				.slice(1, -1)
				.map((cell) => cell.trim()),
		);
	const [columns = [], , ...rest] = rows;
	return { columns, rows: rest };
}

function cellOf({ columns }: Table, row: readonly string[], column: string): string {
	return row[columns.indexOf(column)] ?? '';
}

test('each cell about a token is what the rules give', async (t) => {
	const table = await readTable();
	t.true(table.rows.length > 12);
	const reader = renderJoined('classic').reader as readonly object[] as readonly RbacObject[];
	const given = new Map<string, readonly RbacObject[]>([[readerColumn, reader]]);
	for (const [column, files] of Object.entries(holders)) given.set(column, await objectsOf(files));
	for (const row of table.rows) {
		const rule = ruleOf(cellOf(table, row, 'right').replaceAll('`', ''));
		const place = cellOf(table, row, 'where') as keyof typeof places;
		t.true(place in places, row.join(' | '));
		for (const [column, objects] of given) {
			t.true(table.columns.includes(column), column);
			const isGiven = rightsNotCovered(rulesIn(objects, places[place]), [rule]).length === 0;
			t.is(cellOf(table, row, column), isGiven ? 'yes' : '–', `${row[0]}: ${column}`);
		}
	}
});

test('with a MeshInstallation nobody gets what the operator may not do itself', async (t) => {
	const table = await readTable();
	for (const row of table.rows) {
		const cell = cellOf(table, row, installationColumn);
		t.true(cell === '–' || cell.startsWith('yes') || cell.startsWith('by its pods'), row.join(' | '));
		if (cell === '–') continue;
		t.is(cellOf(table, row, 'operator'), 'yes', row[0]);
	}
});

test('the page names the account that joins as the manifests do', async (t) => {
	const text = await readFile(new URL('../docs/security.md', import.meta.url), 'utf8');
	t.true(text.includes(joinAccount.name));
});
