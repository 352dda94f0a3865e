import test from 'ava';
import fc from 'fast-check';
import { type ClusterReason, clusterReasons } from '../../../api/v1/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { blockingProblems, checkCluster } from './check-cluster.ts';
import { kubernetesNeeded, minorOf } from './kubernetes-needed.ts';
import type { CheckedCluster, LocalCluster, OtherCluster } from './subject.ts';

const root = (sha256: string) => ({ sha256, subject: 'O=Test' });

const local: LocalCluster = {
	name: 'home',
	id: 'uid-home',
	clusterName: 'home',
	network: undefined,
	podCIDRs: ['10.0.0.0/16'],
	serviceCIDRs: ['10.96.0.0/16'],
	trustDomain: 'cluster.local',
	roots: [root('aa')],
	release: { version: '1.4.10', hasNetworks: true },
};

const east: CheckedCluster = {
	name: 'east',
	position: 1,
	isJoined: false,
	role: 'Remote',
	id: 'uid-east',
	recordedId: undefined,
	network: undefined,
	podCIDRs: ['10.1.0.0/16'],
	serviceCIDRs: ['10.97.0.0/16'],
	podsUnknown: undefined,
	servicesUnknown: undefined,
	serverVersion: 'v1.36.3',
	kubernetes: { minor: 22, what: 'server-side apply' },
	missingPermissions: [],
	installations: 0,
	listed: [],
	trustDomain: undefined,
	roots: undefined,
	dataPlane: undefined,
};

const west: OtherCluster = {
	name: 'west',
	position: 0,
	isJoined: false,
	isAdmitted: true,
	id: 'uid-west',
	network: undefined,
	podCIDRs: ['10.2.0.0/16'],
	serviceCIDRs: ['10.98.0.0/16'],
};

interface Case {
	readonly cluster?: Partial<CheckedCluster>;
	readonly others?: readonly Partial<OtherCluster>[];
	readonly local?: Partial<LocalCluster>;
	readonly finds: readonly ClusterReason[];
	/** One of the messages must match it. */
	readonly says?: RegExp;
}

const old = { release: { version: '1.0.9', hasNetworks: false } };
const primary = { role: 'Primary', installations: 1 } as const;
const dataPlane = { controlPlaneAddresses: [] };

const cases: Readonly<Record<string, Case>> = {
	'a cluster with everything of its own may join': { finds: [] },
	'so may one beside others': { others: [{}], finds: [] },
	'nothing is found about what is not known of others': {
		others: [{ id: undefined, podCIDRs: undefined, serviceCIDRs: undefined }],
		finds: [],
	},

	'the own cluster': { cluster: { id: 'uid-home' }, finds: ['OwnCluster'], says: /leads to this cluster itself/ },
	'the same cluster as before': { cluster: { recordedId: 'uid-east', isJoined: true }, finds: [] },
	'another cluster than before': {
		cluster: { recordedId: 'uid-old', isJoined: true },
		finds: ['OtherCluster'],
		says: /\(uid-east\) than before \(uid-old\)/,
	},
	'a cluster twice: the second is told': {
		others: [{ id: 'uid-east' }],
		finds: ['JoinedTwice'],
		says: /west was first/,
	},
	'a cluster twice: the first is not': {
		cluster: { isAdmitted: true },
		others: [{ id: 'uid-east', position: 2 }],
		finds: [],
	},
	'a cluster twice: who is kept out itself keeps nobody out': {
		others: [{ id: 'uid-east', isAdmitted: false }],
		finds: [],
	},
	'a cluster twice: who came first stays, wherever it is listed': {
		cluster: { isJoined: true, joinedAt: 5 },
		others: [{ id: 'uid-east', isJoined: true, joinedAt: 6 }],
		finds: [],
	},
	'a cluster twice: who came later is told, wherever it is listed': {
		cluster: { isJoined: true, joinedAt: 6 },
		others: [{ id: 'uid-east', isJoined: true, joinedAt: 5, position: 2 }],
		finds: ['JoinedTwice'],
		says: /one of them says that it is the other/,
	},
	'a cluster twice: who has joined wins': {
		others: [{ id: 'uid-east', position: 2, isJoined: true }],
		finds: ['JoinedTwice'],
	},
	'a cluster twice: who has joined is not told': {
		cluster: { isJoined: true },
		others: [{ id: 'uid-east' }],
		finds: [],
	},
	'a cluster twice, both joined: the second is told': {
		cluster: { isJoined: true },
		others: [{ id: 'uid-east', isJoined: true }],
		finds: ['JoinedTwice'],
	},
	'a cluster twice, both joined: the first is not': {
		cluster: { isJoined: true },
		others: [{ id: 'uid-east', isJoined: true, position: 2 }],
		finds: [],
	},
	'the name of this cluster': {
		cluster: { name: 'home' },
		finds: ['ClusterNameTaken'],
		says: /spec\.multiCluster\.clusterName/,
	},
	'the UID of this cluster as a name': {
		cluster: { name: 'uid-home' },
		local: { clusterName: undefined },
		finds: ['ClusterNameTaken'],
		says: /its UID/,
	},
	'the UID is free where the cluster has a name': { cluster: { name: 'uid-home' }, finds: [] },

	'an old Kubernetes': {
		cluster: { serverVersion: 'v1.21.14' },
		finds: ['KubernetesTooOld'],
		says: /v1\.21\.14; joining needs 1\.22 or later, for server-side apply/,
	},
	'the oldest Kubernetes': { cluster: { serverVersion: 'v1.22.0-eks-1' }, finds: [] },
	'a data plane that needs a later one': {
		cluster: {
			serverVersion: 'v1.22.17',
			kubernetes: { minor: 23, what: 'HorizontalPodAutoscaler of autoscaling/v2' },
		},
		finds: ['KubernetesTooOld'],
		says: /1\.23 or later, for HorizontalPodAutoscaler/,
	},
	'a version that says nothing': { cluster: { serverVersion: 'master' }, finds: [] },

	'missing permissions, each': {
		cluster: { missingPermissions: ['get secrets in namespace a', 'list nodes'] },
		finds: ['PermissionsMissing'],
		says: /may not: get secrets in namespace a; list nodes\. deploy\/remote/,
	},
	'missing permissions without end': {
		cluster: { missingPermissions: Array.from({ length: 50 }, (_, index) => `get thing${index}`) },
		finds: ['PermissionsMissing'],
		says: /get thing39; and 10 more/,
	},

	'pods against pods of this cluster': {
		cluster: { podCIDRs: ['10.0.128.0/17'] },
		finds: ['AddressesOverlap'],
		says: /pods of cluster east \(10\.0\.128\.0\/17\) share addresses with pods of this cluster home \(10\.0\.0\.0\/16\)/,
	},
	'pods against Services of this cluster': {
		cluster: { podCIDRs: ['10.96.4.0/24'] },
		finds: ['AddressesOverlap'],
		says: /pods of cluster east .* with Services of this cluster/,
	},
	'Services against pods of this cluster': { cluster: { serviceCIDRs: ['10.0.0.0/12'] }, finds: ['AddressesOverlap'] },
	'Services against Services of this cluster': {
		cluster: { serviceCIDRs: ['10.96.0.0/12'] },
		finds: ['AddressesOverlap'],
	},
	'pods against pods of another entry': {
		cluster: { podCIDRs: ['10.2.0.0/20'] },
		others: [{}],
		finds: ['AddressesOverlap'],
		says: /with pods of cluster west \(10\.2\.0\.0\/16\)/,
	},
	'an entry that was not admitted has to give way': {
		cluster: { podCIDRs: ['10.2.0.0/20'] },
		others: [{ isAdmitted: false }],
		finds: [],
	},
	'of two that are admitted the first in the list is not told': {
		cluster: { podCIDRs: ['10.2.0.0/20'], isAdmitted: true },
		others: [{ position: 2 }],
		finds: [],
	},
	'an entry behind, which has joined, has not': {
		cluster: { podCIDRs: ['10.2.0.0/20'] },
		others: [{ position: 2, isJoined: true }],
		finds: ['AddressesOverlap'],
	},
	'of two that have joined the later one is told': {
		cluster: { podCIDRs: ['10.2.0.0/20'], isJoined: true, joinedAt: 2 },
		others: [{ position: 2, isJoined: true, joinedAt: 1 }],
		finds: ['AddressesOverlap'],
		says: /write them into podCIDRs of its entry/,
	},
	'of two that have joined the earlier one is not': {
		cluster: { podCIDRs: ['10.2.0.0/20'], isJoined: true, joinedAt: 1 },
		others: [{ isJoined: true, joinedAt: 2 }],
		finds: [],
	},
	'who joined before that was recorded was there before': {
		cluster: { podCIDRs: ['10.2.0.0/20'], isJoined: true, joinedAt: 1 },
		others: [{ position: 2, isJoined: true, joinedAt: 0 }],
		finds: ['AddressesOverlap'],
	},
	'who has joined and claims more later comes after who has it by then': {
		cluster: {
			podCIDRs: ['10.1.0.0/16', '10.2.0.0/20'],
			isJoined: true,
			joinedAt: 1,
			believed: { podCIDRs: ['10.1.0.0/16'], serviceCIDRs: ['10.97.0.0/16'] },
		},
		others: [{ joinedAt: 2 }],
		finds: ['AddressesOverlap'],
		says: /10\.2\.0\.0\/20/,
	},
	'what it has had all along stays its own': {
		cluster: {
			podCIDRs: ['10.1.0.0/16', '10.2.0.0/20'],
			isJoined: true,
			joinedAt: 1,
			believed: { podCIDRs: ['10.1.0.0/16', '10.2.0.0/16'], serviceCIDRs: undefined },
		},
		others: [{ joinedAt: 2 }],
		finds: [],
	},
	'a claim of everything, in IPv4-mapped addresses': {
		cluster: {
			podCIDRs: ['::ffff:0.0.0.0/96'],
			isJoined: true,
			joinedAt: 1,
			believed: { podCIDRs: ['10.1.0.0/16'], serviceCIDRs: undefined },
		},
		others: [{ isJoined: true, joinedAt: 2 }],
		finds: ['AddressesOverlap', 'AddressesOverlap', 'AddressesOverlap', 'AddressesOverlap'],
	},
	'what an entry says goes before what a cluster that joined first says of itself': {
		cluster: { podCIDRs: ['10.2.0.0/20'], isJoined: true, joinedAt: 1 },
		others: [{ isAdmitted: false, written: { podCIDRs: true, serviceCIDRs: false } }],
		finds: ['AddressesOverlap'],
	},
	'who is written is not told about who claims': {
		cluster: { podCIDRs: ['10.2.0.0/20'], written: { podCIDRs: true, serviceCIDRs: false } },
		others: [{ isJoined: true, joinedAt: 1 }],
		finds: [],
	},
	'of two that are written who came first stays': {
		cluster: { podCIDRs: ['10.2.0.0/20'], written: { podCIDRs: true, serviceCIDRs: false } },
		others: [{ position: 2, isJoined: true, written: { podCIDRs: true, serviceCIDRs: true } }],
		finds: ['AddressesOverlap'],
		says: /one cluster\.$/,
	},
	'one that leaves keeps nobody from its addresses': {
		cluster: { podCIDRs: ['10.2.0.0/20'] },
		others: [{ position: -1, isJoined: true, joinedAt: 0, podCIDRs: undefined, serviceCIDRs: undefined }],
		finds: [],
	},
	'this cluster goes before what an entry says': {
		cluster: { podCIDRs: ['0.0.0.0/0'], written: { podCIDRs: true, serviceCIDRs: true } },
		finds: ['AddressesOverlap', 'AddressesOverlap'],
	},
	'who has joined is not told about who only wants to': {
		cluster: { podCIDRs: ['10.2.0.0/20'], isJoined: true },
		others: [{}],
		finds: [],
	},
	'IPv6 against IPv6': {
		cluster: { podCIDRs: ['10.1.0.0/16', 'fd00:1::/64'] },
		local: { podCIDRs: ['10.0.0.0/16', 'fd00:1::/48'] },
		finds: ['AddressesOverlap'],
		says: /\(fd00:1::\/64\).*\(fd00:1::\/48\)/,
	},
	'several overlaps, all of them': {
		cluster: { podCIDRs: ['10.0.0.0/16'], serviceCIDRs: ['10.96.0.0/16'] },
		finds: ['AddressesOverlap', 'AddressesOverlap'],
	},
	'the same addresses in different networks': {
		cluster: { podCIDRs: ['10.0.0.0/16'], network: 'n2' },
		local: { network: 'n1' },
		finds: [],
	},
	'the same addresses in one network by name': {
		cluster: { podCIDRs: ['10.0.0.0/16'], network: 'n1' },
		local: { network: 'n1' },
		finds: ['AddressesOverlap'],
	},
	'the same addresses in a named network and in the one without a name': {
		cluster: { podCIDRs: ['10.0.0.0/16'], network: 'n2' },
		finds: [],
	},
	'the same addresses as another entry in its network, apart from this cluster': {
		cluster: { podCIDRs: ['10.2.0.0/16'], network: 'n2' },
		others: [{ network: 'n2' }],
		finds: ['AddressesOverlap'],
	},
	'a release without networks has one': {
		cluster: { podCIDRs: ['10.0.0.0/16'], network: 'n2' },
		local: old,
		finds: ['NetworkNotInRelease', 'AddressesOverlap'],
		says: /east is in network n2, this cluster in the network without a name, and Istio 1\.0\.9 knows no networks/,
	},
	'a network by the same name in a release without networks': {
		cluster: { network: 'n1' },
		local: { ...old, network: 'n1' },
		finds: [],
	},

	'unknown pods': {
		cluster: { podCIDRs: undefined, podsUnknown: 'its Nodes have no podCIDR' },
		finds: ['AddressesUnknown'],
		says: /pods of cluster east are not known: its Nodes have no podCIDR\. Write them into podCIDRs of the entry/,
	},
	'unknown Services': {
		cluster: { serviceCIDRs: undefined },
		finds: ['AddressesUnknown'],
		says: /serviceCIDRs of the entry/,
	},
	'unknown pods of this cluster': {
		local: { podCIDRs: undefined },
		finds: ['AddressesUnknown'],
		says: /Write them into spec\.multiCluster\.podCIDRs/,
	},
	'unknown addresses, alone in a network': {
		cluster: { podCIDRs: undefined, serviceCIDRs: undefined, network: 'n2' },
		local: { podCIDRs: undefined },
		finds: [],
	},
	'unknown addresses, in a network with another entry': {
		cluster: { podCIDRs: undefined, network: 'n2' },
		others: [{ network: 'n2' }],
		finds: ['AddressesUnknown'],
	},

	'another trust domain': {
		cluster: { ...primary, trustDomain: 'east.example.com' },
		finds: ['TrustDomainDiffers'],
		says: /is east\.example\.com, that of this cluster cluster\.local: /,
	},
	'another trust domain in a network of the same name': {
		cluster: { ...primary, trustDomain: 'east.example.com', network: 'n1' },
		local: { network: 'n1' },
		finds: ['TrustDomainDiffers'],
		says: /though both are in network n1/,
	},
	'another trust domain in a configuration that its owner writes': {
		cluster: { trustDomain: 'east.example.com' },
		finds: ['TrustDomainDiffers'],
	},
	'another trust domain in a configuration that will be written': {
		cluster: { trustDomain: 'east.example.com', dataPlane },
		finds: [],
	},
	'the same trust domain': { cluster: { ...primary, trustDomain: 'cluster.local' }, finds: [] },
	'another root': { cluster: { roots: [root('bb')] }, finds: ['RootCertificateDiffers'] },
	'a root in common, while another comes or goes': { cluster: { roots: [root('aa'), root('bb')] }, finds: [] },
	'a root here that is not known': { cluster: { roots: [root('bb')] }, local: { roots: undefined }, finds: [] },

	'a data plane in another network without addresses': {
		cluster: { dataPlane, network: 'n2' },
		finds: ['AddressesNeeded'],
		says: /in network n2, from which/,
	},
	'a data plane in another network with addresses': {
		cluster: { dataPlane: { controlPlaneAddresses: ['192.0.2.1'] }, network: 'n2' },
		finds: [],
	},
	'a data plane in the same network without addresses': { cluster: { dataPlane }, finds: [] },
	'reading alone, from another network': { cluster: { network: 'n2' }, finds: [] },

	'a primary without a mesh': { cluster: { role: 'Primary' }, finds: ['NoMeshInstallation'] },
	'a primary with a mesh': { cluster: primary, finds: [] },
	'a primary that calls another cluster as this one is called': {
		cluster: { ...primary, listed: [{ name: 'home', id: 'uid-other' }] },
		finds: ['NameTakenThere'],
		says: /can not be told of cluster home \(uid-home\): the MeshInstallation there calls another cluster home\./,
	},
	'a primary that calls another cluster as a third one is called': {
		cluster: { ...primary, listed: [{ name: 'west', id: 'uid-home' }] },
		others: [{}],
		finds: ['NameTakenThere'],
	},
	'the same names for the same clusters': {
		cluster: {
			...primary,
			listed: [
				{ name: 'home', id: 'uid-home' },
				{ name: 'west', id: 'uid-west' },
			],
		},
		others: [{}],
		finds: [],
	},
	'a name that is taken there, where the cluster is listed by another name': {
		cluster: {
			...primary,
			listed: [
				{ name: 'home', id: 'uid-other' },
				{ name: 'house', id: 'uid-home' },
			],
		},
		finds: [],
	},
	'a name whose cluster is not known yet, here or there': {
		cluster: {
			...primary,
			listed: [
				{ name: 'home', id: undefined },
				{ name: 'west', id: 'uid-other' },
			],
		},
		others: [{ id: undefined }],
		finds: [],
	},
	'one that is only read may call clusters as it likes': {
		cluster: { listed: [{ name: 'home', id: 'uid-other' }] },
		finds: [],
	},
	'a primary of which that is not known': { cluster: { role: 'Primary', installations: undefined }, finds: [] },
	'everything at once, in the order of the checks': {
		cluster: {
			recordedId: 'uid-old',
			name: 'home',
			serverVersion: 'v1.20.0',
			missingPermissions: ['list nodes'],
			network: 'n2',
			podCIDRs: ['10.0.0.0/8'],
			serviceCIDRs: undefined,
			role: 'Primary',
			trustDomain: 'x',
			roots: [root('bb')],
		},
		others: [{ id: 'uid-east' }],
		local: old,
		finds: [
			'OtherCluster',
			'JoinedTwice',
			'ClusterNameTaken',
			'KubernetesTooOld',
			'PermissionsMissing',
			'NetworkNotInRelease',
			'AddressesOverlap',
			'AddressesOverlap',
			'AddressesOverlap',
			'AddressesOverlap',
			'AddressesUnknown',
			'TrustDomainDiffers',
			'RootCertificateDiffers',
			'NoMeshInstallation',
		],
	},
};

for (const [title, { cluster = {}, others = [], local: here = {}, finds, says = /^/ }] of Object.entries(cases)) {
	test(title, (t) => {
		const found = checkCluster(
			{ ...east, ...cluster },
			others.map((other) => ({ ...west, ...other })),
			{ ...local, ...here },
		);
		t.deepEqual(
			found.map(({ reason }) => reason),
			finds,
		);
		t.regex(found.map(({ message }) => message).join('\n'), says);
		for (const { reason, message } of found) {
			t.is(clusterReasons[reason].condition, 'Compatible');
			t.regex(message, /\.$/);
		}
	});
}

test('before it joins everything keeps a cluster away, afterwards only what must never be done', (t) => {
	const problems = Object.keys(clusterReasons).map((reason) => ({ reason: reason as ClusterReason, message: '' }));
	t.deepEqual(blockingProblems(problems, { isJoined: false }), problems);
	t.deepEqual(
		blockingProblems(problems, { isJoined: true }).map(({ reason }) => reason),
		['OwnCluster', 'JoinedTwice', 'ClusterNameTaken', 'OtherCluster', 'ServerRefused'],
	);
});

test('what is found does not depend on the order of the others', (t) => {
	const other = fc.record({
		name: fc.constantFrom('a', 'b', 'c', 'd'),
		position: fc.integer({ min: 2, max: 9 }),
		isJoined: fc.boolean(),
		id: fc.constantFrom('uid-east', 'uid-west', undefined),
		network: fc.constantFrom(undefined, 'n1'),
		podCIDRs: fc.constantFrom(['10.1.0.0/20'], ['10.3.0.0/16'], undefined),
		serviceCIDRs: fc.constantFrom(['10.1.0.0/20'], ['10.98.0.0/16'], undefined),
	});
	const others = fc.uniqueArray(other, { selector: ({ position }) => position, maxLength: 5 });
	fc.assert(
		fc.property(others, fc.boolean(), (all, isJoined) => {
			const found = checkCluster({ ...east, isJoined }, all, local);
			t.deepEqual(checkCluster({ ...east, isJoined }, all.toReversed(), local), found);
		}),
	);
});

test('of two clusters that can not be together exactly one is told', (t) => {
	const standing = fc.record({
		isJoined: fc.boolean(),
		isAdmitted: fc.constant(true),
		joinedAt: fc.option(fc.nat({ max: 2 }), { nil: undefined }),
		written: fc.record({ podCIDRs: fc.boolean(), serviceCIDRs: fc.constant(false) }),
	});
	fc.assert(
		fc.property(standing, standing, fc.constantFrom('uid-2', 'uid-1'), (ones, others, id) => {
			const one = { ...east, name: 'one', id: 'uid-1', position: 0, ...ones, serviceCIDRs: [] };
			const other = { ...east, name: 'other', id, position: 1, ...others, serviceCIDRs: [] };
			const found = [checkCluster(one, [other], local), checkCluster(other, [one], local)];
			for (const reason of ['AddressesOverlap', ...(id === 'uid-1' ? ['JoinedTwice'] : [])])
				t.is(found.filter((problems) => problems.some((problem) => problem.reason === reason)).length, 1);
		}),
	);
});

test('what is rendered says which Kubernetes it needs', (t) => {
	const object = (apiVersion: string, kind: string): KubeObject => ({ apiVersion, kind, metadata: { name: 'x' } });
	t.is(kubernetesNeeded([]).minor, 22);
	t.is(kubernetesNeeded([object('v1', 'Service'), object('policy/v1', 'PodDisruptionBudget')]).minor, 22);
	t.deepEqual(kubernetesNeeded([object('autoscaling/v2', 'HorizontalPodAutoscaler')]), {
		minor: 23,
		what: 'HorizontalPodAutoscaler of autoscaling/v2',
	});
});

test('versions are read as distributions write them', (t) => {
	t.is(minorOf('v1.29.3-eks-a18cd3a'), 29);
	t.is(minorOf('v1.30.0+k3s1'), 30);
	t.is(minorOf('1.22'), 22);
	t.is(minorOf('v2.0.0'), undefined);
	t.is(minorOf('v0.0.0-master+$Format:%H$'), undefined);
	t.is(minorOf(''), undefined);
});
