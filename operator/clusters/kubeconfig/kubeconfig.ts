/**
 * Turns a kubeconfig in a Secret into credentials for that cluster. Those who may write the Secret are not always the
 * operator's owners. So a kubeconfig is data and nothing else: no program is run, no file is read, no check is skipped, and
 * the operator connects to nothing that it must not. A refusal names the field and the remedy, never content. Names of
 * contexts, clusters and users are content too.
 *
 * Only the current context, its cluster and its user count. Others are never used and may be anything that has a name.
 */
import type { ClusterProblem } from '../../../api/v1/index.ts';
import type { StaticCredentials } from '../../runtime/credentials/grant.ts';
import { isEncodedKubeconfig, textInBase64 } from '../../runtime/encoded-twice.ts';
import { InvalidError } from '../../runtime/errors.ts';
import type { ClusterSettings } from '../settings.ts';
import { readUntrustedYaml, UntrustedYamlError } from '../untrusted-yaml.ts';
import { entryOf, type Fields, fieldsOf, invalid, isSet, pathOf, textOf, unsafe } from './fields.ts';
import { authoritiesOf, clientCertificateOf } from './material.ts';
import { proxyUrlOf, serverOf, tlsServerNameOf } from './server.ts';

export interface ClusterAccess {
	/** https URL in one spelling, with a path when the API server has one. No slash at the end. */
	readonly server: string;
	/** PEM of the authorities that signed its certificate. Undefined for the system's own. */
	readonly ca: string | undefined;
	readonly tlsServerName: string | undefined;
	readonly proxyUrl: string | undefined;
	/** All of it, for an `ApiServer`. That must have `guardedLookup` too, because a name is judged when it is dialled. */
	readonly credentials: StaticCredentials;
}

export type KubeconfigResult =
	| { readonly ok: true; readonly access: ClusterAccess }
	| { readonly ok: false; readonly problem: ClusterProblem };

const encodedTwice =
	'the kubeconfig was encoded in base64 twice: encode it once for data of the Secret, or write it as it is into stringData';

const source = { noun: 'kubeconfig', remedy: 'keep one context (kubectl config view --minify)' };

/**
 * Pure, and never throws.
 * @param content a Secret's value, decoded
 */
export function readClusterKubeconfig(content: Buffer, settings: ClusterSettings): KubeconfigResult {
	try {
		const document = readUntrustedYaml(content, source);
		if (typeof document === 'string' && isEncodedKubeconfig(document)) throw invalid(encodedTwice);
		return { ok: true, access: accessOf(fieldsOf(document, ''), settings) };
	} catch (error) {
		if (error instanceof UntrustedYamlError) {
			return { ok: false, problem: { reason: 'KubeconfigInvalid', message: error.message } };
		}
		if (error instanceof InvalidError) {
			const reason = error.reason === 'KubeconfigUnsafe' ? 'KubeconfigUnsafe' : 'KubeconfigInvalid';
			return { ok: false, problem: { reason, message: error.message } };
		}
		throw error;
	}
}

function accessOf(kubeconfig: Fields, settings: ClusterSettings): ClusterAccess {
	refuseOtherKinds(kubeconfig);
	const contextName = textOf(kubeconfig, 'current-context');
	if (contextName === undefined) {
		// Without it client-go uses no context, and Pilot 1.0 panics.
		throw invalid('current-context is missing: set it (kubectl config use-context)');
	}
	const context = entryOf(kubeconfig, 'contexts', 'context', contextName, 'current-context');
	const named = (field: string) => {
		const name = textOf(context, field);
		if (name === undefined) {
			throw invalid(`${pathOf(context, field)} is missing`);
		}
		return entryOf(kubeconfig, `${field}s`, field, name, pathOf(context, field));
	};
	const cluster = named('cluster');
	const user = named('user');
	refusePowers(cluster, user);

	const server = serverOf(cluster, settings);
	const ca = authoritiesOf(cluster);
	const tlsServerName = tlsServerNameOf(cluster);
	const proxyUrl = proxyUrlOf(cluster, settings);
	const credentials: StaticCredentials = { url: server, ca, servername: tlsServerName, proxyUrl, ...identityOf(user) };
	return { server, ca, tlsServerName, proxyUrl, credentials };
}

/** Refuses another kind or apiVersion. kubectl accepts a kubeconfig without them. */
function refuseOtherKinds(kubeconfig: Fields): void {
	for (const [field, value] of [
		['apiVersion', 'v1'],
		['kind', 'Config'],
	] as const) {
		if ((textOf(kubeconfig, field) ?? value) !== value) {
			throw invalid(`${field} is not ${value}: this is no kubeconfig`);
		}
	}
}

const fileFields = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];
const impersonationFields = ['as', 'as-uid', 'as-groups', 'as-user-extra'];

/**
 * Refuses what would make the operator do more than speak with an API server. This comes first: then no other mistake
 * matters.
 */
function refusePowers(cluster: Fields, user: Fields): void {
	for (const field of ['exec', 'auth-provider']) {
		if (isSet(user, field)) {
			throw unsafe(
				`${pathOf(user, field)} would run a program: put a token, for example of a ServiceAccount, into the kubeconfig`,
			);
		}
	}
	for (const fields of [cluster, user]) {
		for (const field of fileFields) {
			if (isSet(fields, field)) {
				throw unsafe(
					`${pathOf(fields, field)} names a file: put its content into the kubeconfig (kubectl config view --minify --flatten)`,
				);
			}
		}
	}
	if ((cluster.map.get('insecure-skip-tls-verify') ?? false) !== false) {
		throw unsafe(`${pathOf(cluster, 'insecure-skip-tls-verify')} is set: use certificate-authority-data instead`);
	}
	// The published token belongs to a ServiceAccount, so impersonation would only hide who made it.
	for (const field of impersonationFields) {
		if (isSet(user, field)) {
			throw unsafe(`${pathOf(user, field)} acts as somebody else: use the credentials of the user that is meant`);
		}
	}
}

function identityOf(user: Fields): Pick<StaticCredentials, 'token' | 'cert' | 'key'> {
	for (const field of ['username', 'password']) {
		if (isSet(user, field)) {
			throw invalid(
				`${pathOf(user, field)}: Kubernetes has no passwords since 1.19; use a token or a client certificate`,
			);
		}
	}
	const token = textOf(user, 'token');
	if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
		throw invalid(`${pathOf(user, 'token')} has characters that no token has: write it in one line, without spaces`);
	}
	if (token !== undefined && /^eyJ[\w-]+\./.test(textInBase64(token) ?? '')) {
		throw invalid(`${pathOf(user, 'token')} is a token in base64, as data of a Secret has it: decode it (base64 -d)`);
	}
	const certificate = clientCertificateOf(user);
	if (token === undefined && certificate === undefined) {
		throw invalid(`${user.path} has neither token nor client-certificate-data and client-key-data`);
	}
	return { token, ...certificate };
}
