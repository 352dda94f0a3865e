import test from 'ava';
import { ConflictError, RequestError } from '../runtime/errors.ts';
import { recreatableField } from './immutable.ts';
import { configMap, deployment } from './testing.ts';

function refusal(field: string, status = 422): RequestError {
	return new RequestError('refused', {
		status,
		reason: 'Invalid',
		causes: [
			{ reason: 'FieldValueRequired', message: 'x', field: 'spec.template' },
			{ reason: 'FieldValueInvalid', message: 'x', field },
		],
	});
}

const binding = {
	apiVersion: 'rbac.authorization.k8s.io/v1',
	kind: 'ClusterRoleBinding',
	metadata: { name: 'istio-pilot' },
};

test('a selector of a Deployment and the role of a binding may be changed by recreating', (t) => {
	t.is(recreatableField(deployment('pilot'), refusal('spec.selector')), 'spec.selector');
	t.is(recreatableField(binding, refusal('roleRef')), 'roleRef');
	t.is(recreatableField({ ...binding, kind: 'RoleBinding' }, refusal('roleRef')), 'roleRef');
});

test('nothing else is ever recreated: no other field, kind or error', (t) => {
	t.is(recreatableField(deployment('pilot'), refusal('spec.strategy')), undefined);
	t.is(recreatableField(deployment('pilot'), refusal('spec.selector.matchLabels')), undefined);
	t.is(recreatableField(binding, refusal('spec.selector')), undefined);
	t.is(recreatableField(configMap('istio'), refusal('data')), undefined);
	t.is(recreatableField({ ...configMap('istio'), kind: 'Service' }, refusal('spec.clusterIP')), undefined);
	t.is(recreatableField(deployment('pilot'), refusal('spec.selector', 403)), undefined);
	t.is(
		recreatableField(
			deployment('pilot'),
			new ConflictError('no', { causes: [{ reason: 'FieldManagerConflict', message: 'x', field: 'spec.selector' }] }),
		),
		undefined,
	);
	t.is(recreatableField(deployment('pilot'), new Error('spec.selector')), undefined);
});
