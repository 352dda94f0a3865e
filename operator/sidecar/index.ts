/**
 * The sidecar: what a mesh puts into pods. There is one definition per release. The injector's template is printed from it,
 * and the command line injects pods by it.
 */
export { injectPod, sidecarTemplate } from './inject.ts';
export type {
	Injection,
	InjectionContext,
	Named,
	Pod,
	PodContainer,
	PodMetadata,
	PodPort,
	PodProblem,
	PodSpec,
	Uninjection,
} from './pod.ts';
export { readStatus } from './status.ts';
export { uninjectPod } from './uninject.ts';
