/**
 * The sidecar: what a mesh puts into pods. One definition per release, from which both the injector's template is printed
 * and pods are injected on the command line.
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
export { uninjectPod } from './uninject.ts';
