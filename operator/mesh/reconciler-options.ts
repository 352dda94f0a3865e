/** What a pass works with. */
import type { ParsedStatus } from '../../api/v1/index.ts';
import type { ApplierOptions } from '../apply/applier.ts';
import type { LiveNamespaces } from '../apply/injection-labels.ts';
import type { ApplyHooks } from '../apply/writer.ts';
import type { Lines } from '../lines/index.ts';
import type { SecretFacts } from '../plan/secret-facts.ts';
import type { MeshLimits } from '../releases/index.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import type { NamedObjects } from '../runtime/watch/named-objects.ts';
import type { StatusNotice } from '../status/status-notice.ts';
import type { GatewayApiLook } from './gateway-api.ts';
import type { InstallationCache, StoredInstallation } from './installation.ts';
import type { JoinedClusters } from './joined/joined-clusters.ts';
import type { Mutators } from './mutators.ts';
import type { MeshPods } from './pods.ts';
import type { MeshProxies } from './proxies/mesh-proxies.ts';
import type { RevisionAnswers } from './revisions/revision-answers.ts';
import type { Access } from './rights/access.ts';
import type { UpgradeChecks } from './upgrade/checks.ts';
import type { OwnWords } from './upgrade/own-words.ts';
import type { UserObjects } from './user-objects.ts';
import type { MeshWebhooks } from './webhooks/mesh-webhooks.ts';

export interface ReconcilerOptions {
	readonly api: ApiServer;
	readonly lines: Lines;
	readonly installations: InstallationCache;
	readonly namespaces: LiveNamespaces & { labels(): Iterable<Readonly<Record<string, string>>> };
	/** Secrets that others make. */
	readonly secrets: Pick<NamedObjects<SecretFacts>, 'get' | 'setInterest' | 'synced'>;
	readonly clusters: JoinedClusters;
	/** Who may change what is written. */
	readonly mutators: Pick<Mutators, 'describe'>;
	/** Webhooks of others that keep pods from being made. */
	readonly webhooks: Pick<MeshWebhooks, 'of' | 'forget'>;
	/** Users' proxies. */
	readonly proxies: Pick<MeshProxies, 'of' | 'ofVersion' | 'inUse' | 'restart' | 'forget' | 'users'>;
	/** Users' Istio objects that are wrong. */
	readonly userObjects: Pick<UserObjects, 'of' | 'forget'>;
	/** Gateways of the Gateway API. */
	readonly gatewayApi: Pick<GatewayApiLook, 'of' | 'forget'>;
	/** Why pods do not run. */
	readonly pods: Pick<MeshPods, 'of' | 'forget'>;
	/** What a change of version may break. */
	readonly upgradeChecks: UpgradeChecks;
	/** What pods say themselves in a change of version. */
	readonly ownWords: Pick<OwnWords, 'of' | 'forget'>;
	/** Whether revisions answer API servers. */
	readonly revisionAnswers: Pick<RevisionAnswers, 'of' | 'forget'>;
	/** What whoever runs the operator lets meshes do. */
	readonly limits?: MeshLimits | undefined;
	/** Whether the operator may do what a mesh needs. */
	readonly access: Access;
	/** Version of this operator. */
	readonly operatorVersion: string;
	/** Version of the cluster's API server, `v1.36.3`. */
	readonly serverVersion: () => string;
	/** How children are written. The hooks differ per installation and come from `onNotice` and `onApply`. */
	readonly applier: Omit<ApplierOptions, 'hooks'>;
	readonly onApply?: ApplyHooks['onOutcome'];
	/** Wall clock, milliseconds since 1970, for what people and API objects see. */
	readonly wallClock: () => number;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	/** A pass without a cause comes about this often, ±20 %. */
	readonly resyncMs: number;
	/** After this time every control plane follows a changed mesh configuration. */
	readonly configFollowedAfterMs: number;
	readonly onNotice: (object: StoredInstallation, notice: StatusNotice) => void;
	/** Called after each pass with the installation's status, for metrics. Undefined when the installation is gone. */
	readonly onStatus?: (name: string, status: ParsedStatus | undefined) => void;
}
