/**
 * What an overlay may change about pods. They may be placed, sized and probed otherwise, and be confined more than they are.
 * They stay what they are: the same programs, under the same account, with the same files, and with no right on their node
 * that the level "baseline" of Kubernetes' Pod Security Standards keeps from pods.
 */
import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../../../api/v1/index.ts';
import { isGrantingKey, isOwnedPodKey } from '../../releases/pod-keys.ts';
import { type Allowance, anything, entries, fields, keys, own, when } from './allowance.ts';

const is = (...values: readonly unknown[]): Allowance => when((after) => values.includes(after));

const userOtherThanRoot = when((after) => typeof after === 'number' && after > 0);

/** A user other than root, and nothing that loosens what confines a process. */
const stricter = {
	runAsNonRoot: is(true),
	runAsUser: userOtherThanRoot,
	runAsGroup: userOtherThanRoot,
	seccompProfile: when((after) => isDeepStrictEqual(after, { type: 'RuntimeDefault' })),
};

function texts(value: unknown): readonly string[] | undefined {
	return value === undefined
		? []
		: Array.isArray(value) && value.every((entry) => typeof entry === 'string')
			? value
			: undefined;
}

const containerSecurity = fields({
	...stricter,
	allowPrivilegeEscalation: is(false),
	privileged: is(false),
	readOnlyRootFilesystem: is(true),
	capabilities: fields({
		add: when((after, before) => isWithin(texts(after), texts(before))),
		drop: when((after, before) => isWithin(texts(before), texts(after))),
	}),
});

function isWithin(some: readonly string[] | undefined, all: readonly string[] | undefined): boolean {
	return some !== undefined && all !== undefined && some.every((value) => all.includes(value));
}

/** The kubelet sends probes from the node. `host` would send them anywhere, and `exec` would run a program. */
const probe = fields({
	failureThreshold: anything,
	initialDelaySeconds: anything,
	periodSeconds: anything,
	successThreshold: anything,
	terminationGracePeriodSeconds: anything,
	timeoutSeconds: anything,
	grpc: anything,
	httpGet: fields({ path: anything, port: anything, scheme: anything, httpHeaders: anything }),
	tcpSocket: fields({ port: anything }),
});

/** Amounts alone: `claims` would give devices. */
const amounts = fields({ requests: anything, limits: anything });

type Fields = Readonly<Record<string, unknown>>;

const emptyDirFields: ReadonlySet<string> = new Set(['name', 'emptyDir']);

function isEmptyDir(volume: Fields): boolean {
	return isObject(volume.emptyDir) && Object.keys(volume).every((key) => emptyDirFields.has(key));
}

const mountFields: ReadonlySet<string> = new Set(['name', 'mountPath', 'readOnly']);

/** Whether a mount only adds an empty folder, and covers none of `others`. */
function isScratchMount(mount: Fields, scratch: ReadonlySet<unknown>, others: readonly string[]): boolean {
	const { name, mountPath } = mount;
	return (
		scratch.has(name) &&
		typeof mountPath === 'string' &&
		Object.keys(mount).every((key) => mountFields.has(key)) &&
		others.every((other) => !isAtOrBelow(other, mountPath) && !isAtOrBelow(mountPath, other))
	);
}

function isAtOrBelow(path: string, folder: string): boolean {
	const parts = (text: string): readonly string[] => text.split('/').filter((part) => part !== '' && part !== '.');
	const [inner, outer] = [parts(path), parts(folder)];
	return inner.includes('..') || outer.every((part, index) => inner[index] === part);
}

function listIn(value: unknown, key: string): readonly Fields[] {
	const list = isObject(value) ? own(value, key) : undefined;
	return Array.isArray(list) ? list.filter(isObject) : [];
}

function container(scratch: ReadonlySet<unknown>): Allowance {
	return (before, after, path) => {
		const mounted = listIn(before, 'volumeMounts').map(({ mountPath }) => String(mountPath));
		return fields({
			// Whose registry is held by --allowed-registries, as that of spec.images.
			image: when((now) => typeof now === 'string'),
			imagePullPolicy: anything,
			livenessProbe: probe,
			ports: when((now) =>
				listIn({ now }, 'now').every((port) => port.hostPort === undefined && port.hostIP === undefined),
			),
			readinessProbe: probe,
			resizePolicy: anything,
			resources: amounts,
			securityContext: containerSecurity,
			startupProbe: probe,
			terminationMessagePolicy: anything,
			volumeMounts: entries('mountPath', {
				entry: fields({ readOnly: is(true) }),
				added: (mount) => isScratchMount(mount, scratch, mounted),
			}),
		})(before, after, path);
	};
}

const podSpec: Allowance = (before, after, path) => {
	const scratch = new Set(
		listIn(after, 'volumes')
			.filter(isEmptyDir)
			.map(({ name }) => name),
	);
	return fields({
		affinity: anything,
		automountServiceAccountToken: is(false),
		containers: entries('name', { entry: container(scratch) }),
		dnsConfig: anything,
		dnsPolicy: anything,
		enableServiceLinks: anything,
		hostAliases: anything,
		hostUsers: is(false),
		nodeSelector: anything,
		preemptionPolicy: is('Never'),
		readinessGates: anything,
		resources: amounts,
		schedulerName: anything,
		securityContext: fields({ ...stricter, fsGroup: anything, fsGroupChangePolicy: anything }),
		terminationGracePeriodSeconds: anything,
		tolerations: anything,
		topologySpreadConstraints: anything,
		volumes: entries('name', { entry: fields({}), added: isEmptyDir }),
	})(before, after, path);
};

const isFreeKey = (key: string): boolean => !isOwnedPodKey(key) && !isGrantingKey(key);

/** `spec.template` of a workload. */
export const podTemplate: Allowance = fields({
	metadata: fields({ labels: keys(isFreeKey), annotations: keys(isFreeKey) }),
	spec: podSpec,
});
