/** Renders all objects of a resolved mesh. Pure: the object rendered is the object applied. */
export { renderCrds } from './crds.ts';
export type { DataPlaneProblem } from './data-plane.ts';
export type { ControlPlaneAddresses, JoinedFacts, NetworkGateway, ServingCertificate } from './facts.ts';
export { finishedWith } from './finish.ts';
export { changedConfigMaps, imagesOf, type UsedImage } from './images.ts';
export { applySetId, applySetLabel, managedBy, ownerlessLabels, revisionedName } from './labels.ts';
export { type Components, OverlayError, type RenderResult, renderComponents } from './mesh.ts';
export type { OverlayProblem } from './overlays.ts';
export { type Reader, type Readers, readerServiceAccount, renderReader, renderReadersHere } from './reader.ts';
