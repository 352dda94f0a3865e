/**
 * Checks users' Istio objects as the Galley of these releases would have at admission: that the release knows the kind and
 * its fields, and the rules for the kinds that people write most (`rules.ts`).
 */
import { isObject } from '../../../../api/v1/index.ts';
import type { ObjectCheck, ObjectFinding } from '../../object-check.ts';
import { crdsOf } from '../crds.ts';
import type { ClassicRelease } from '../release.ts';
import { checkMessage } from './check-fields.ts';
import { specOfKind } from './fields.ts';
import { rulesOf } from './rules.ts';

const istioGroup = /(^|\.)istio\.io$/;

export function checkObject(release: ClassicRelease, object: unknown): ObjectCheck {
	if (!isObject(object) || typeof object.kind !== 'string' || typeof object.apiVersion !== 'string') {
		return { kind: 'other' };
	}
	const { kind, apiVersion } = object;
	const [group = '', version = ''] = apiVersion.split('/');
	if (!istioGroup.test(group)) return { kind: 'other' };
	const crd = crdsOf(release).find((one) => one.group === group && one.kind === kind);
	if (crd === undefined) return checked([unknownKind(release, apiVersion, kind)]);
	if (crd.version !== version) return checked([otherVersion(release, apiVersion, `${group}/${crd.version}`)]);
	const message = specOfKind(kind, group);
	if (message === undefined) return { kind: 'unknownFields' };
	const { spec } = object;
	const shape = checkMessage(message, spec, { minor: release.minor, path: 'spec' });
	// Rules look at what has the right form alone.
	const isReadable = isObject(spec) && shape.every(({ effect }) => effect !== 'ignored');
	const metadata = isObject(object.metadata) ? object.metadata : {};
	const name = typeof metadata.name === 'string' ? metadata.name : '';
	return checked([...shape, ...(isReadable ? rulesOf(kind, { name, spec, release }) : [])]);
}

function checked(findings: readonly ObjectFinding[]): ObjectCheck {
	return { kind: 'checked', findings };
}

function unknownKind({ version }: ClassicRelease, apiVersion: string, kind: string): ObjectFinding {
	const path = 'kind';
	return { path, message: `${path} ${kind} of ${apiVersion} is not known to Istio ${version}`, effect: 'refused' };
}

function otherVersion({ version }: ClassicRelease, apiVersion: string, known: string): ObjectFinding {
	const path = 'apiVersion';
	return {
		path,
		message: `${path} ${apiVersion} is not known to Istio ${version}: write ${known}`,
		effect: 'refused',
	};
}
