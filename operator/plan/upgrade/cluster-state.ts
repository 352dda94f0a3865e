/** What the cluster shows against a change of version, apart from users' objects and room: each check a rule. Pure. */
import {
	compareVersions,
	crdVersionAnnotation,
	managedByLabel,
	managedByValue,
	readFullVersion,
	readVersion,
} from '../../../api/v1/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { CertificateAuthorityObservation } from '../../status/certificate-authority.ts';
import { found } from './catalogue.ts';
import type { UpgradeFinding } from './finding.ts';
import type { SeenCluster, SeenProxies, SeenWebhook } from './gathered.ts';
import { fieldsAt, listAt } from './pods-of.ts';

/**
 * Definitions that the operator will not write, because somebody else made them or a newer release did, must serve what the
 * new version reads. Nobody can change what is in all objects of a kind: whether they have a namespace.
 */
export function checkDefinitions(
	wanted: readonly KubeObject[],
	live: readonly KubeObject[],
): readonly UpgradeFinding[] {
	const byName = new Map(live.map((crd) => [crd.metadata.name, crd]));
	return wanted.flatMap((crd) => {
		const current = byName.get(crd.metadata.name);
		if (current === undefined) return [];
		const subject = `CustomResourceDefinition ${crd.metadata.name}`;
		const [asked, spec] = [fieldsAt(crd, 'spec'), fieldsAt(current, 'spec')];
		if (spec.scope !== asked.scope) {
			const message = `is ${String(spec.scope)}, and the new version reads it ${String(asked.scope)}`;
			return [found('crd-versions', subject, message, 'Save its objects, delete it, and apply them again.')];
		}
		const served = listAt(spec, 'versions').flatMap(({ name, served: isServed }) => (isServed === true ? [name] : []));
		const missing = listAt(asked, 'versions').filter(({ name }) => !served.includes(name));
		if (missing.length === 0 || willBeWritten(current, crd)) return [];
		const stored = fieldsAt(current, 'status').storedVersions;
		return [
			found(
				'crd-versions',
				subject,
				`serves ${served.join(', ')} and not ${missing.map(({ name }) => String(name)).join(', ')}, which the new version reads${Array.isArray(stored) ? ` (stored: ${stored.join(', ')})` : ''}`,
				'Let whoever owns it serve that version too, or annotate it with meshwright.io/adopt: "true".',
			),
		];
	});
}

function willBeWritten({ metadata: live }: KubeObject, { metadata: wanted }: KubeObject): boolean {
	const release = (annotations: KubeObject['metadata']['annotations']) =>
		readFullVersion(annotations?.[crdVersionAnnotation] ?? '');
	return (
		live.labels?.[managedByLabel] === managedByValue &&
		compareVersions(release(live.annotations), release(wanted.annotations)) <= 0
	);
}

/** Days before its end within which an authority is renewed before anything else. */
const rootDays = 60;

export function checkRoot(
	authority: CertificateAuthorityObservation | 'none',
	namespace: string,
): readonly UpgradeFinding[] {
	if (authority === 'none') return [];
	const subject = `Secret ${namespace}/${authority.secretName}`;
	switch (authority.found) {
		case 'unknown':
			return [found('not-looked-at', subject, 'could not be read: the certificate authority was not looked at')];
		case 'missing':
			// Citadel makes its own when it starts.
			return authority.source === 'SelfSigned'
				? []
				: [found('root-ends-soon', subject, 'is not there', 'Make it, or correct spec.citadel.caSecretName.')];
		case 'unreadable':
			return [found('root-ends-soon', subject, 'holds no certificate authority that can be read')];
		case 'unusable':
			return [found('root-ends-soon', subject, `has a file ${authority.file} that ${authority.reason}`)];
		case 'certificate':
			return authority.timeLeftMs >= rootDays * 24 * 60 * 60_000
				? []
				: [
						found(
							'root-ends-soon',
							subject,
							`holds the certificate authority ${authority.subject}, which ends at ${authority.notAfter}`,
						),
					];
	}
}

/** Proxies may be one minor behind their control plane, and never ahead (istio.io, supported releases). */
export function checkProxies(proxies: readonly SeenProxies[], to: string): readonly UpgradeFinding[] {
	const target = readVersion(to);
	return proxies.flatMap(({ version, count, example }) => {
		const subject = `${count} ${count === 1 ? 'pod' : 'pods'}, such as ${example},`;
		const has = count === 1 ? 'has a proxy' : 'have proxies';
		const read = version === undefined ? undefined : readVersion(version);
		if (read === undefined || target === undefined) {
			return [found('proxy-version-unknown', subject, `${has} whose image tells no version`)];
		}
		return read.major === target.major && read.minor >= target.minor - 1
			? []
			: [found('proxies-behind', subject, `${has} of ${version}, more than one minor behind ${to}`)];
	});
}

export function checkWebhooks(webhooks: readonly SeenWebhook[]): readonly UpgradeFinding[] {
	return webhooks.map(({ title, trouble, about }) =>
		found('webhook-unanswered', title, `must be asked about ${about}, and its ${trouble}`),
	);
}

export function checkClusters(clusters: readonly SeenCluster[], to: string): readonly UpgradeFinding[] {
	return clusters.flatMap(({ name, role, trouble, refusal }) => {
		const subject = `cluster ${name}`;
		return [
			...(trouble === undefined ? [] : [found('cluster-unreachable', subject, `does not answer: ${trouble}`)]),
			...(refusal === undefined ? [] : [found('cluster-left-behind', subject, refusal)]),
			...(role === 'Primary'
				? [found('cluster-upgrades-alone', subject, `has a control plane of its own, which stays as it is at ${to}`)]
				: []),
		];
	});
}
