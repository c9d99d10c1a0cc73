'use strict';

const args = require('./arguments.js');
const { configOf } = require('./advanced-cache-manager.js');

/**
 * Where the texts of a token optimizer are: in the directory that its options name, else beside the answers of its cache,
 * else in memory.
 */
function placeOf({ cacheDir, projectId, persistToDisk }, cache) {
  const own = configOf(cache);
  const isOnDisk = persistToDisk === undefined ? true : args.optionalBoolean('options.persistToDisk', persistToDisk);
  const namespace = args.optionalString('options.projectId', projectId) ?? own?.namespace;
  const directory =
    args.optionalString('options.cacheDir', cacheDir) ?? (own?.persistToDisk ? own.cacheDir : undefined);
  return {
    cacheDir: isOnDisk ? directory : undefined,
    namespace,
    allowNetworkFileSystem: own?.allowNetworkFileSystem,
  };
}

module.exports = { placeOf };
