/** The files and command lines of a control plane: what each program is started with. Pure but for the signing key. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Ranges } from './ports.ts';

/** Those who hold a token from the start. In the audit log each is a user of its own. */
export const users = {
	admin: { name: 'admin', group: 'system:masters' },
	controllers: { name: 'system:kube-controller-manager', group: 'system:authenticated' },
	scheduler: { name: 'system:kube-scheduler', group: 'system:authenticated' },
	nodes: { name: 'kwok', group: 'system:masters' },
} as const;

export type User = keyof typeof users;
export type Tokens = Readonly<Record<User, string>>;

export function newTokens(): Tokens {
	const token = () => randomBytes(24).toString('base64url');
	return { admin: token(), controllers: token(), scheduler: token(), nodes: token() };
}

/** Content of kube-apiserver's `--token-auth-file`: token, name, uid, groups. */
export function tokenFileText(tokens: Tokens): string {
	const line = (user: User) => `${tokens[user]},${users[user].name},${users[user].name},"${users[user].group}"`;
	return `${line('admin')}\n${line('controllers')}\n${line('scheduler')}\n${line('nodes')}\n`;
}

/** The key pair that signs ServiceAccount tokens, PEM. Elliptic, since an RSA key would take longer than etcd's start. */
export function signingKeys(): { readonly publicKey: string; readonly privateKey: string } {
	return generateKeyPairSync('ec', {
		namedCurve: 'P-256',
		publicKeyEncoding: { type: 'spki', format: 'pem' },
		privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
	});
}

/** Who did what to which object, one line per request once it is answered; no bodies. */
export function auditPolicyText(): string {
	return JSON.stringify({
		apiVersion: 'audit.k8s.io/v1',
		kind: 'Policy',
		omitStages: ['RequestReceived', 'ResponseStarted'],
		rules: [{ level: 'Metadata' }],
	});
}

/** Paths of a cluster's files, below its directory. */
export function layout(directory: string) {
	const at = (name: string) => path.join(directory, name);
	return {
		etcdData: at('etcd'),
		etcdSocket: at('etcd.sock'),
		certificates: at('certificates'),
		/** Its own authority. Where these two are, kube-apiserver makes none. */
		certificate: at('certificates/apiserver.crt'),
		certificateKey: at('certificates/apiserver.key'),
		tokens: at('tokens.csv'),
		publicKey: at('service-accounts.pub'),
		privateKey: at('service-accounts.key'),
		auditPolicy: at('audit-policy.json'),
		egress: at('egress.json'),
		egressSocket: at('egress.sock'),
		auditLog: at('audit.log'),
		stages: at('stages.yaml'),
		kubeconfig: (user: string) => at(`${user}.kubeconfig`),
		log: (program: string) => at(`${program}.log`),
	} as const;
}

export type Layout = ReturnType<typeof layout>;

export interface Settings extends Ranges {
	readonly port: number;
	/** Whether etcd waits for the disk at each write, as it does in production. */
	readonly fsync: boolean;
	readonly auditLog: boolean;
	/** Further flags of kube-apiserver; a flag given here wins over the same flag below. */
	readonly apiServerFlags: readonly string[];
}

/**
 * How long etcd gathers writes before it hands them to its file, where that is not waited for. The log of writes, which a
 * start after a crash reads, has them at once all the same. The default is 100.
 */
const etcdBatchMs = 2_000;

export function etcdFlags(files: Layout, { fsync }: Pick<Settings, 'fsync'>): readonly string[] {
	return [
		`--data-dir=${files.etcdData}`,
		// A socket in the cluster's own directory: no port to race for, and no other user of the machine gets in.
		`--listen-client-urls=unix://${files.etcdSocket}`,
		// What it tells to members that don't exist; it has to look like an address.
		'--advertise-client-urls=http://127.0.0.1:1',
		'--listen-peer-urls=http://127.0.0.1:0',
		'--log-level=warn',
		// With one member nobody waits for a heartbeat or stands for election. At the defaults it wakes up ten times a second.
		'--heartbeat-interval=500', // ms
		'--election-timeout=5000', // ms
		...(fsync ? [] : ['--unsafe-no-fsync', `--backend-batch-interval=${etcdBatchMs}ms`]),
	];
}

export function apiServerFlags(files: Layout, settings: Settings): readonly string[] {
	return [
		`--etcd-servers=unix://${files.etcdSocket}`,
		'--bind-address=127.0.0.1',
		// No Service of a simulated cluster is ever reached, and without this a machine without a network fails here.
		'--advertise-address=127.0.0.1',
		'--endpoint-reconciler-type=none',
		`--secure-port=${settings.port}`,
		`--cert-dir=${files.certificates}`,
		`--service-cluster-ip-range=${settings.serviceCIDR}`,
		'--service-account-issuer=https://kubernetes.default.svc',
		`--service-account-key-file=${files.publicKey}`,
		`--service-account-signing-key-file=${files.privateKey}`,
		'--authorization-mode=RBAC',
		`--egress-selector-config-file=${files.egress}`,
		`--token-auth-file=${files.tokens}`,
		'--allow-privileged=true',
		...(settings.auditLog
			? [
					`--audit-policy-file=${files.auditPolicy}`,
					`--audit-log-path=${files.auditLog}`,
					'--audit-log-maxsize=10000', // MB: never rotated, so that one file tells all.
				]
			: []),
		...settings.apiServerFlags,
	];
}

/**
 * Controllers of kinds that nobody makes in tests, demo or bench. Each has an account, makes requests as it starts and keeps
 * caches.
 */
const unusedControllers = [
	'certificatesigningrequest-approving-controller',
	'certificatesigningrequest-cleaner-controller',
	'certificatesigningrequest-signing-controller',
	'cronjob-controller',
	'endpointslice-mirroring-controller',
	'ephemeral-volume-controller',
	'legacy-serviceaccount-token-cleaner-controller',
	'persistentvolume-attach-detach-controller',
	'persistentvolume-binder-controller',
	'persistentvolume-expander-controller',
	'persistentvolume-protection-controller',
	'persistentvolumeclaim-protection-controller',
	'resourceclaim-controller',
	'statefulset-controller',
	'ttl-controller',
	'validatingadmissionpolicy-status-controller',
] as const;

export function controllerManagerFlags(files: Layout, settings: Ranges): readonly string[] {
	return [
		`--kubeconfig=${files.kubeconfig('controllers')}`,
		`--service-account-private-key-file=${files.privateKey}`,
		`--root-ca-file=${files.certificate}`,
		'--use-service-account-credentials',
		'--leader-elect=false',
		// At the default of 20 requests a second, making a ServiceAccount for every controller takes 5 s.
		'--kube-api-qps=1000',
		'--kube-api-burst=1000',
		'--secure-port=0',
		`--controllers=${['*', ...unusedControllers.map((name) => `-${name}`)].join(',')}`,
		'--allocate-node-cidrs',
		`--cluster-cidr=${settings.podCIDR}`,
		`--service-cluster-ip-range=${settings.serviceCIDR}`,
	];
}

export function schedulerFlags(files: Layout): readonly string[] {
	return [
		`--kubeconfig=${files.kubeconfig('scheduler')}`,
		'--leader-elect=false',
		'--kube-api-qps=1000',
		'--kube-api-burst=1000',
		'--secure-port=0',
	];
}

export function kwokFlags(files: Layout): readonly string[] {
	return [
		`--kubeconfig=${files.kubeconfig('nodes')}`,
		`--config=${files.stages}`,
		'--manage-all-nodes=true',
		'--node-lease-duration-seconds=40',
	];
}

/** A Node object that kwok brings to life. */
export function simulatedNode(name: string): object {
	return {
		apiVersion: 'v1',
		kind: 'Node',
		metadata: {
			name,
			annotations: { 'kwok.x-k8s.io/node': 'fake' },
			labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
		},
	};
}
