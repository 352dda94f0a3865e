/** What the checks learned of a cluster. */
export interface CheckedFacts {
	/** UID of `kube-system`. */
	readonly id: string;
	readonly serverVersion: string;
	readonly network: string | undefined;
	/** Given or discovered; undefined where they could not be found. */
	readonly podCIDRs: readonly string[] | undefined;
	readonly serviceCIDRs: readonly string[] | undefined;
	readonly services: number | undefined;
	readonly endpoints: number | undefined;
	/** Where its network is entered, if it is another one. */
	readonly gateways: readonly string[] | undefined;
	/** Clusters that the MeshInstallation there lists itself: ids where they are known, else undefined. */
	readonly listedThere: readonly (string | undefined)[];
}
