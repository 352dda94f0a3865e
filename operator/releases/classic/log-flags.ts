/** Flags about the process's log, which every binary of istio 1.0-1.4 has (`pkg/log` Options.AttachCobraFlags). */
export const logFlags = [
	'log_as_json',
	'log_caller',
	'log_output_level',
	'log_rotate',
	'log_rotate_max_age',
	'log_rotate_max_backups',
	'log_rotate_max_size',
	'log_stacktrace_level',
	'log_target',
] as const;
