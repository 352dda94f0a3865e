/** What Mixer says of the configuration that it works with. */
import { request } from 'undici';

/** The figures that tell of something wrong. */
export function mistakesIn(figures: ReadonlyMap<string, number>): readonly string[] {
	return [...figures].flatMap(([name, value]) => (/error|unsatisfied/.test(name) && value > 0 ? [name] : []));
}

/**
 * What Mixer says of the configuration that it works with: `rules`, `handlers`, `instances`, and what is wrong (istio 1.0-1.4
 * `mixer/pkg/runtime/monitoring`). Until 1.1 each configuration has figures of its own.
 */
export async function configFigures(port: number): Promise<ReadonlyMap<string, number>> {
	const { body } = await request(`http://127.0.0.1:${port}/metrics`);
	const figures = [...(await body.text()).matchAll(/^mixer_config_(\w+?)(?:\{configID="(-?\d+)"\})? (\d+)$/gm)];
	const latest = Math.max(...figures.map(([, , id = '0']) => Number(id)));
	return new Map(
		figures.flatMap(([, name = '', id = '0', value]) => {
			const short = /^(rule|handler|instance)_configs?_(?:count|total)$/.exec(name)?.[1];
			return Number(id) === latest ? [[short === undefined ? name : `${short}s`, Number(value)] as const] : [];
		}),
	);
}
