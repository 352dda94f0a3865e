/** A cluster as tests see it, whoever started it. */
import type { ApiRequest } from './api-client.ts';
import type { AuditEvent } from './audit.ts';
import type { Parts } from './pins.ts';

export interface ClusterOptions {
	/**
	 * `api-server` (the default): etcd and kube-apiserver; nothing collects garbage, no namespace ever finishes its
	 * deletion, no ServiceAccount `default` appears. `all`: controllers, scheduler and simulated nodes too.
	 */
	readonly parts?: Parts;
	/** Name of the context in kubeconfigs, and part of the directory's and the nodes' names. `meshwright` by default. */
	readonly name?: string;
	/** Range of Service addresses. By default one that no other cluster of this process has. */
	readonly serviceCIDR?: string;
	/** Range of Pod addresses, of which each node gets a /24. By default one of its own too. Only with `parts: 'all'`. */
	readonly podCIDR?: string;
	/** Simulated nodes to start with, 1 by default. Only with `parts: 'all'`. */
	readonly nodes?: number;
	/** Further flags of kube-apiserver, such as `--enable-admission-plugins=…`. */
	readonly apiServerFlags?: readonly string[];
	/** Whether it must be started for this call alone: for tests that stop or freeze its API server. Else one may be lent. */
	readonly own?: boolean;
	/** Keeps an audit log, which `auditEvents` reads. Off by default: it costs a little at each request. */
	readonly auditLog?: boolean;
	/** Whether etcd waits for the disk at each write, as in production. Off by default; a benchmark turns it on. */
	readonly fsync?: boolean;
	/** Receives progress while a control plane is built; standard error by default. */
	readonly log?: (line: string) => void;
}

export interface ServiceAccountName {
	readonly namespace: string;
	readonly name: string;
}

export interface Cluster extends AsyncDisposable {
	readonly name: string;
	/** `https://127.0.0.1:PORT` */
	readonly url: string;
	/** The API server's certificate authority, PEM. */
	readonly ca: string;
	/** Bearer token of a member of `system:masters`. */
	readonly adminToken: string;
	/** Where its files and logs are; removed by `stop`. */
	readonly directory: string;
	readonly serviceCIDR: string;
	/** Undefined without controllers that give it to nodes. */
	readonly podCIDR: string | undefined;
	/** Where its network is played (`network.ts`). Undefined for a cluster that ran already. */
	readonly egressSocket: string | undefined;
	/** Path of the administrator's kubeconfig. */
	readonly adminKubeconfig: () => string;
	/** Path of a kubeconfig for a ServiceAccount that exists; its token lives for a day. */
	readonly kubeconfigFor: (account: ServiceAccountName) => Promise<string>;
	/** One request as the administrator: the parsed answer, or ApiServerError from status 400 on. */
	readonly request: (what: ApiRequest) => Promise<unknown>;
	/** Ends kube-apiserver and leaves etcd: an outage. At once by default; `TERM` lets it finish requests. */
	readonly stopApiServer: (signal?: 'KILL' | 'TERM') => Promise<void>;
	/** Starts it again on the same port and etcd; settled when it is ready. */
	readonly startApiServer: () => Promise<void>;
	readonly restartApiServer: () => Promise<void>;
	/** Freezes kube-apiserver: connections stay open and nothing answers. */
	readonly pauseApiServer: () => void;
	readonly resumeApiServer: () => void;
	/** All requests that were answered before this call. Only with `auditLog: true`. */
	readonly auditEvents: () => Promise<readonly AuditEvent[]>;
	/** Ends all processes and removes the directory. May be called again. */
	readonly stop: () => Promise<void>;
}
