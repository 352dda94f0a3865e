/** FIPS 140-3, as Istio's charts hold Go to it from 1.31 on (istio 1.31 `templates/deployment.yaml`, `files/injection-template.yaml`). */

export const fips1403 = { policy: 'fips-140-3', variable: 'GODEBUG', value: 'fips140=only' } as const;
