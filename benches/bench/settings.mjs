/** Settings of the systems that are measured: they leave nothing on disk. */
export const SETTINGS = { environment: 'development', finalReport: false, cache: { persistToDisk: false } };
