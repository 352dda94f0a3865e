/** Kubeconfig files: written for the clusters started here, read for a cluster that somebody offers to the tests. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Credentials } from './api-client.ts';

/** A kubeconfig with one cluster, one user and one context. JSON, which every reader of YAML reads. */
export function kubeconfigText(
	name: string,
	user: string,
	{ url, ca, token }: Credentials & { token: string },
): string {
	const config = {
		apiVersion: 'v1',
		kind: 'Config',
		clusters: [{ name, cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
		users: [{ name: user, user: { token } }],
		contexts: [{ name, context: { cluster: name, user } }],
		'current-context': name,
	};
	return `${JSON.stringify(config, null, 2)}\n`;
}

/** Throws unless a URL is https on the loopback interface: nothing else is ever a target of tests, demo or benchmark. */
export function requireLoopback(server: string): void {
	const { protocol, hostname } = new URL(server);
	if (protocol !== 'https:' || !['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) {
		throw new Error(
			`MESHWRIGHT_TEST_KUBECONFIG names the server ${server}: only https://127.0.0.1, https://localhost and https://[::1] are ever used, so that no test can touch somebody's cluster`,
		);
	}
}

const clusterShape = z.object({
	server: z.string(),
	'certificate-authority': z.string().optional(),
	'certificate-authority-data': z.string().optional(),
});
const userShape = z.object({
	token: z.string().optional(),
	tokenFile: z.string().optional(),
	'client-certificate': z.string().optional(),
	'client-certificate-data': z.string().optional(),
	'client-key': z.string().optional(),
	'client-key-data': z.string().optional(),
});
const fileShape = z.object({
	'current-context': z.string(),
	clusters: z.array(z.object({ name: z.string(), cluster: clusterShape })),
	users: z.array(z.object({ name: z.string(), user: userShape })),
	contexts: z.array(z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string() }) })),
});

function byName<Entry extends { readonly name: string }>(entries: readonly Entry[], name: string, file: string): Entry {
	const found = entries.find((entry) => entry.name === name);
	if (found === undefined) {
		throw new Error(`${file} refers to "${name}" but does not define it`);
	}
	return found;
}

function cannotBeRead(file: string): (cause: unknown) => never {
	return (cause) => {
		throw new Error(`the kubeconfig ${file} can't be read: correct MESHWRIGHT_TEST_KUBECONFIG, or unset it`, { cause });
	};
}

/**
 * Reads the current context of a kubeconfig. Understood are tokens and client certificates, in the file or beside it; a
 * file whose user is a program to run (`exec`) or that skips the check of the server's certificate is refused.
 */
export async function readKubeconfig(file: string): Promise<Credentials> {
	const config = fileShape.parse(parse(await readFile(file, 'utf8').catch(cannotBeRead(file))));
	const { context } = byName(config.contexts, config['current-context'], file);
	const { cluster } = byName(config.clusters, context.cluster, file);
	const { user } = byName(config.users, context.user, file);
	requireLoopback(cluster.server);

	const pem = async (data: string | undefined, name: string | undefined): Promise<string | undefined> => {
		if (data !== undefined) {
			return Buffer.from(data, 'base64').toString('utf8');
		}
		return name === undefined ? undefined : readFile(path.resolve(path.dirname(file), name), 'utf8');
	};
	const ca = await pem(cluster['certificate-authority-data'], cluster['certificate-authority']);
	const cert = await pem(user['client-certificate-data'], user['client-certificate']);
	const key = await pem(user['client-key-data'], user['client-key']);
	const token = user.token ?? (await pem(undefined, user.tokenFile))?.trim();
	if (ca === undefined) {
		throw new Error(`${file}: the cluster "${context.cluster}" names no certificate authority`);
	}
	if (token === undefined && (cert === undefined || key === undefined)) {
		throw new Error(`${file}: the user "${context.user}" has neither a token nor a client certificate with its key`);
	}
	new X509Certificate(ca); // Throws with the reason when the PEM is damaged, which a failed handshake would not tell.
	return {
		url: cluster.server,
		ca,
		...(token === undefined ? {} : { token }),
		...(cert === undefined || key === undefined ? {} : { certificate: { cert, key } }),
	};
}
