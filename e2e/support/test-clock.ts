/** The wall clock of an operator in a test: as it is, until it is moved. Timers are none of its business. */
export interface TestClock {
	/** Milliseconds since 1970. */
	readonly now: () => number;
	/** Moves it. Back when negative. */
	readonly jump: (milliseconds: number) => void;
}

export function testClock(): TestClock {
	let ahead = 0;
	return {
		now: () => Date.now() + ahead,
		jump: (milliseconds) => {
			ahead += milliseconds;
		},
	};
}
