/** What the checks learned about a cluster. */
export interface CheckedFacts {
	/** UID of `kube-system`. */
	readonly id: string;
	readonly serverVersion: string;
	readonly network: string | undefined;
	/** Given by the user or discovered. Undefined when they could not be found. */
	readonly podCIDRs: readonly string[] | undefined;
	readonly serviceCIDRs: readonly string[] | undefined;
	readonly services: number | undefined;
	readonly endpoints: number | undefined;
	/** The addresses of its network's gateway, if that is another network. */
	readonly gateways: readonly string[] | undefined;
	/** The clusters that the MeshInstallation there lists itself: IDs where they are known, else undefined. */
	readonly listedThere: readonly (string | undefined)[];
}
