/** What Mixer finds out about the pods at both ends of a request. Metrics, logs and policies need it to name workloads. */
import type { ResolvedClassicMesh } from '../../../releases/classic/index.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import { handler, instance, rule } from './objects.ts';

/** Attributes of one end, from fields of the adapter's answer. */
function bindings(side: 'source' | 'destination'): Readonly<Record<string, string>> {
	return {
		[`${side}.ip`]: `$out.${side}_pod_ip | ip("0.0.0.0")`,
		[`${side}.uid`]: `$out.${side}_pod_uid | "unknown"`,
		[`${side}.labels`]: `$out.${side}_labels | emptyStringMap()`,
		[`${side}.name`]: `$out.${side}_pod_name | "unknown"`,
		[`${side}.namespace`]: `$out.${side}_namespace | "default"`,
		[`${side}.owner`]: `$out.${side}_owner | "unknown"`,
		[`${side}.serviceAccount`]: `$out.${side}_service_account_name | "unknown"`,
		[`${side}.workload.uid`]: `$out.${side}_workload_uid | "unknown"`,
		[`${side}.workload.name`]: `$out.${side}_workload_name | "unknown"`,
		[`${side}.workload.namespace`]: `$out.${side}_workload_namespace | "unknown"`,
	};
}

/** Empty when the release's adapter can't run (`MixerConfigForm.kubernetesenv`). */
export function kubernetesAttributes(mesh: ResolvedClassicMesh): readonly KubeObject[] {
	if (!mesh.release.mixer.config.kubernetesenv) {
		return [];
	}
	const backend = handler(mesh, 'kubernetesenv', {});
	const attributes = instance(
		mesh,
		'kubernetes',
		'attributes',
		{
			source_uid: 'source.uid | ""',
			source_ip: 'source.ip | ip("0.0.0.0")',
			destination_uid: 'destination.uid | ""',
			destination_port: 'destination.port | 0',
		},
		{
			...bindings('source'),
			...bindings('destination'),
			'destination.container.name': '$out.destination_container_name | "unknown"',
		},
	);
	return [
		backend.object,
		attributes.object,
		rule(mesh, 'kubeattrgenrulerule', undefined, backend, [attributes]),
		rule(mesh, 'tcpkubeattrgenrulerule', 'context.protocol == "tcp"', backend, [attributes]),
	];
}
