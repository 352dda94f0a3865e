/** What makes each component use its rights: what users do in a namespace while it runs, until it has followed. */
import { request } from 'undici';
import { selfSignedCaSecret } from '../../operator/render/classic/citadel.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { eventually } from '../support/eventually.ts';
import { untilGone } from '../support/installation.ts';
import type { ProgramName } from './programs.ts';

interface Where {
	readonly api: ApiServer;
	/** The mesh's own. */
	readonly namespace: string;
	/** One of users, made for this. */
	readonly users: string;
}

type Secret = KubeObject & { readonly data: Readonly<Record<string, string>> };

const account = 'reviews';
const address = '10.0.0.7';

export const work: Readonly<Record<ProgramName, (where: Where) => Promise<void>>> = {
	async discovery(where) {
		await makePod(where);
		const { api, users } = where;
		const metadata = { namespace: users, name: account };
		const port = { name: 'http', port: 80 };
		await api.create({ ...kinds.Service, metadata, spec: { ports: [port] } } as KubeObject);
		// Pilot does not know the pod by its address, and reads it by its name.
		const targetRef = { kind: 'Pod', namespace: users, name: account };
		const subsets = [{ addresses: [{ ip: address, targetRef }], ports: [port] }];
		await api.create({ ...kinds.Endpoints, metadata, subsets } as KubeObject);
		await eventually('Pilot knows the endpoint', async () => {
			const { body } = await request('http://127.0.0.1:8080/debug/endpointz');
			return (await body.text()).includes(address);
		});
	},

	async mixer(where) {
		await makePod(where);
	},

	async citadel({ api, namespace, users }) {
		await eventually('the CA', () => api.get({ ...kinds.Secret, namespace, name: selfSignedCaSecret }));
		const metadata = { namespace: users, name: account };
		await api.create({ ...kinds.ServiceAccount, metadata });
		const reference = { ...kinds.Secret, namespace: users, name: `istio.${account}` };
		const read = () => api.get<Secret>(reference);
		const made = await eventually('a certificate', read);

		const root = 'root-cert.pem';
		const spoilt = Buffer.from('of another CA').toString('base64');
		await api.patch(reference, { data: { [root]: spoilt } }, { type: 'merge' });
		await eventually('it is mended', async () => (await read()).data[root] === made.data[root]);

		await api.delete(reference);
		await eventually('it is made anew', async () => (await read()).metadata.uid !== made.metadata.uid);

		await api.delete({ ...kinds.ServiceAccount, ...metadata });
		await untilGone(api, reference);
	},
};

async function makePod({ api, users }: Where): Promise<void> {
	const metadata = { namespace: users, name: account };
	await api.create({ ...kinds.ServiceAccount, metadata });
	const containers = [{ name: 'app', image: 'example.com/app:1' }];
	await api.create({ ...kinds.Pod, metadata, spec: { serviceAccountName: account, containers } } as KubeObject);
}
