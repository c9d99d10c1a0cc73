/**
 * Native optimization layer for programs that run several LLM agents: less context for each agent, deltas instead of
 * repetition, answers given before, memory limits. Every number is measured.
 *
 * Subpaths such as `agentwise-optimization/cache` have a part of it, with their own class as the default export too.
 *
 * What methods give of which the replaced package said `any` or nothing (`getStatus()`, `optimizeAgentContext()`, …) has the type that
 * is asked for, else that of their `Result`: `const mine: MyStatus = system.getStatus()` compiles, and nothing checks it.
 *
 * @module agentwise-optimization
 */
import { EventEmitter } from 'node:events';

declare global {
  interface SymbolConstructor {
    /** Node.js has it from 20 on; older types of Node.js and compilers without `esnext.disposable` do not know it. */
    readonly asyncDispose: unique symbol;
  }
}

/** An emitter whose known events are typed; any other name is allowed, as in every `EventEmitter`. */
declare class TypedEmitter<Events> extends EventEmitter {
  /** Has `listener` called with every event of this name; those of `EventEmitter` have the same meaning. */
  on<E extends keyof Events>(event: E, listener: (...args: Extract<Events[E], any[]>) => void): this;
  /** As for the events above, of any other name. */
  on(event: string | symbol, listener: (...args: any[]) => void): this;
  /** As `on`, for the next one only. @hidden */
  once<E extends keyof Events>(event: E, listener: (...args: Extract<Events[E], any[]>) => void): this;
  /** As `on`, for the next one only. @hidden */
  once(event: string | symbol, listener: (...args: any[]) => void): this;
  /** As `on`. @hidden */
  addListener<E extends keyof Events>(event: E, listener: (...args: Extract<Events[E], any[]>) => void): this;
  /** As `on`. @hidden */
  addListener(event: string | symbol, listener: (...args: any[]) => void): this;
  /** As `on`, before the listeners that are there. @hidden */
  prependListener<E extends keyof Events>(event: E, listener: (...args: Extract<Events[E], any[]>) => void): this;
  /** As `on`, before the listeners that are there. @hidden */
  prependListener(event: string | symbol, listener: (...args: any[]) => void): this;
  /** As `once`, before the listeners that are there. @hidden */
  prependOnceListener<E extends keyof Events>(event: E, listener: (...args: Extract<Events[E], any[]>) => void): this;
  /** As `once`, before the listeners that are there. @hidden */
  prependOnceListener(event: string | symbol, listener: (...args: any[]) => void): this;
}

/** Where a system runs. Monitoring and auto-tuning are on by default in production only. */
export type Environment = 'development' | 'staging' | 'production';

/** Stable codes of {@link AgentwiseError}. A code never changes its meaning. */
export type ErrorCode =
  | 'E_CONFIG_INVALID'
  | 'E_CONFIG_MISSING'
  | 'E_CONFIG_UNREADABLE'
  | 'E_CONFIG_CHANGED'
  | 'E_CONFIG_REQUIRED'
  | 'E_INVALID_ARGUMENT'
  | 'E_CONTEXT_INVALID'
  | 'E_NOT_INITIALIZED'
  | 'E_SHUT_DOWN'
  | 'E_NOT_AVAILABLE'
  | 'E_CACHE_ENTRY_TOO_LARGE'
  | 'E_CACHE_DISK'
  | 'E_CACHE_FILE_INVALID'
  | 'E_CANCELLED'
  | 'E_REFERENCE_UNKNOWN'
  | 'E_DELTA_MISMATCH'
  | 'E_SHARED_CONTEXT'
  | 'E_TIMEOUT'
  | 'E_NOT_OWNED'
  | 'E_EXISTS'
  | 'E_IO'
  | 'E_INTERNAL';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** Dotted path of the setting, for example `cache.ttlSeconds`. */
  path: string;
  /** What is wrong, with the value and what is allowed. Values of settings that name secrets are not shown. */
  message: string;
}

/**
 * Every error of this package.
 *
 * @example
 * try {
 *   await system.updateConfiguration({ cache: { ttlSeconds: -1 } });
 * } catch (error) {
 *   if (error instanceof AgentwiseError && error.code === 'E_CONFIG_INVALID') console.error(error.problems);
 *   else throw error;
 * }
 */
export class AgentwiseError extends Error {
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; problems?: ConfigProblem[] });
  /** Stable code, for matching. */
  readonly code: ErrorCode;
  /** Every problem of a refused configuration, with `E_CONFIG_INVALID`. */
  readonly problems?: ConfigProblem[];
}

/** An element of a context and what speaks for it; any other fields are allowed, as in the three that follow. */
export interface ContextElement {
  /** Dotted path of the element in the context. */
  path?: any;
  /** Bytes. */
  size?: any;
  /** 0–1. */
  importance?: any;
  [key: string]: any;
}

/** A stored query that is like another. */
export interface SimilarQuery {
  /** The stored query. */
  query?: any;
  /** 0–1. */
  similarity?: any;
  [key: string]: any;
}

/** Tokens that an operation of an agent used. */
export interface TokenUsageMetrics {
  /** Who used them. */
  agentId?: any;
  /** For what, as it was reported. */
  operation?: any;
  /** How many. */
  tokensUsed?: any;
  /** When it was reported. */
  timestamp?: any;
  [key: string]: any;
}

/** A way to save tokens. */
export interface OptimizationStrategy {
  /** By which it is known. */
  name?: any;
  /** What it does. */
  description?: any;
  [key: string]: any;
}

/** What changed between two contexts, by top-level key. */
export interface ContextDiff {
  /** Keys that are new, with their values. */
  added: Record<string, any>;
  /** Keys whose value is another one, with the new value. */
  modified: Record<string, any>;
  /** Keys that are gone. */
  removed: string[];
  /** Keys whose value is as before. */
  unchanged: string[];
  [key: string]: any;
}

/** Memory at one time against the limit that was fullest, in MB. */
export interface MemoryUsage {
  /** That limit. */
  total: number;
  /** What counts against it. */
  used: number;
  /** 0 when it is over the limit. */
  free: number;
  /** `used` in % of `total`; may be over 100. */
  percentage: number;
  /** When it was read. */
  timestamp: Date;
  /** Resident set of the process. */
  rss?: number;
  /** Used part of V8's heap; `null` where it was not handed over yet. */
  heapUsed?: number | null;
  /** Memory that V8 knows of outside of its heap, such as buffers. */
  external?: number | null;
  /** What this package has allocated outside of V8. */
  native?: number;
  /** Agents that were known, and how many of them were throttled. */
  agents?: number;
  /** Of those. */
  throttled?: number;
  /** The step against pressure that was in force. */
  step?: MemoryStep;
}

/** An alert about memory, sizes in MB. */
export interface MemoryAlert {
  /** How bad it is. */
  type: 'warning' | 'critical' | 'info';
  /** What is the matter, for people. */
  message: string;
  /** What counts against the limit. */
  memoryUsage: number;
  /** Over which it is raised. */
  threshold: number;
  /** When it was raised. */
  timestamp: Date;
  /** What to do, with the figures that say so. */
  recommendations: string[];
  /** By which `memoryAlertResolved` names it. */
  id?: string;
  /** The limit that it is about. */
  source?: MemoryLimitSource;
  /** `memoryUsage` in % of that limit. */
  percentage?: number;
  /** Whether it is over. */
  resolved?: boolean;
  /** When it was over, or `null`. */
  resolvedAt?: Date | null;
}

/** Settings of the memory manager. MB are 2^20 bytes. See docs/memory.md. */
export interface MemoryConfig {
  /** MB the process may use, 1 to 10,000,000; a smaller limit of cgroup, machine or heap counts besides. Default 2048. */
  maxMemoryUsage: number;
  /** Warning over this % of the limit, 1 to 100; the steps against pressure move with it. Default 80. */
  alertThreshold: number;
  /** Most ms between two collections of garbage while memory is short and they free little, whole, 10 to 2,147,483,647. Default 60,000. */
  gcInterval: number;
  /** ms that a context key is kept after its last use, whole, 1 to 31,536,000,000. Default 1,800,000. */
  contextRetentionTime: number;
  /** MB of context and cache over which an agent is throttled, 0.001 to 10,000,000. Default 256. */
  agentMemoryLimit: number;
  /** Whether every sample is a log line, see `DEBUG`. Default false. */
  enableDetailedLogging: boolean;
  /** Accepted and checked; the system's own environment counts. */
  environment: Environment;
}

/**
 * Settings of the cache. MB are 2^20 bytes.
 *
 * What is on disk is stored in clear, readable by the user only: queries, agent and model names, tags, values. Of a system
 * prompt only its SHA-256 is stored.
 */
export interface CacheConfig {
  /** Entries in memory (L1), whole, 1 to 100,000,000. Default 1000. */
  l1MaxSize: number;
  /** MB in memory, keys and overhead included; whichever bound is reached first evicts. Default 64. */
  l1MaxSizeMB?: number;
  /** MB on disk (L2). Entries take 70 % of it at most, the file's own and its log the rest. Default 500. */
  l2MaxSizeMB: number;
  /** MB of compressed entries on disk (L3). Default 1000. */
  l3MaxSizeMB: number;
  /** Seconds an entry lives unless stored with a time of its own, 0.001 to 3,153,600,000. Default 3600. */
  ttlSeconds: number;
  /** Bytes over which an entry leaving L2 is compressed into L3; smaller ones are given up. Default 1024. */
  compressionThreshold: number;
  /** Similarity, 0–1, from which the answer to a query in other words is served. Default 0.8. See docs/similarity.md. */
  similarityThreshold: number;
  /** Whether L3 compresses. Default true. */
  enableCompression: boolean;
  /** Whether `get` serves the answers to queries in other words at all. Default true. */
  enableSimilarityDetection: boolean;
  /** Whether there is a disk at all: `false` touches none. Default true. */
  persistToDisk: boolean;
  /**
   * Directory of the disk tiers, 0700, made when the first entry is stored. Default `.cache` under the working directory.
   * All processes of a machine may share it.
   */
  cacheDir: string;
  /**
   * Which entry leaves a full L1: the least recently used (default), the least frequently used of late, or whichever of
   * several policies does best on a sample of the keys.
   */
  evictionPolicy?: 'lru' | 'lfu' | 'adaptive';
  /**
   * Root of the keys: caches of one directory and different namespaces know nothing of each other. Default none; in a system
   * its `projectId`.
   */
  namespace?: string;
  /**
   * `'copy'` (default): each reader gets a value of its own. `'reference'`: `get(key)` without options gives all readers of one
   * manager the same object, as from a `Map`: faster, and whoever changes it changes it for all. Everything else gives
   * copies, also entries with a sliding life. Each manager has the mode that it was opened with; a system always copies.
   */
  valueMode?: 'copy' | 'reference';
  /** MB of a value with its key; larger ones are refused. 0.001 to 256, default 64. */
  maxEntrySizeMB?: number;
  /** Share, 0–1, of its life by which each entry's is shortened at random, so that they do not all end at once. Default 0. */
  ttlJitter?: number;
  /** Whether a use begins an entry's life anew. Default false. */
  slidingTtl?: boolean;
  /** The most used entries, this many, are loaded from disk into L1 when the cache is opened. Default 0. */
  warmOnStart?: number;
  /**
   * How long an entry may wait for others before it is written to disk, ms: fewer transactions write more. This process finds
   * what waits, others do not yet; a killed process loses it. Whole, 0 to 1000, default 0.
   */
  writeBehindMs?: number;
  /**
   * Whether the disk tiers may be on a network file system (NFS, SMB, FUSE, …), whose locks do not hold between machines: then
   * one machine only may use it. Default false: the cache is in memory only there, and says so.
   */
  allowNetworkFileSystem?: boolean;
  /** Accepted and checked; the system's own environment counts. */
  environment: Environment;
}

/** Settings of the context filter. MB are 2^20 bytes, 0.001 to 10,000,000. */
export interface ContextFilterConfig {
  /** MB of JSON of one agent's context; a smaller cap of its specialization counts. Default 50. */
  maxContextPerAgent: number;
  /**
   * MB of the contexts of all agents; pressure is measured against it. In a system what other agents leave of it is a limit as
   * well. Default 500.
   */
  globalMaxContext: number;
  /** Whether pressure over 70 / 80 / 90 % keeps at most 80 / 60 / 40 % of the elements. Default true. */
  adaptiveReduction: boolean;
  /**
   * Score, 0–1, under which an element is left out. In contexts over 1,000 tokens it decides between 50 and 70 % of the
   * tokens: what is best stays up to 50 % whatever its score. Does not count with `targetReduction`, nor for what the task
   * names. Default 0.3.
   */
  contextImportanceThreshold: number;
  /** Whether the agent's specialization counts; `false` filters all agents generically. Default true. */
  enableSpecializationFiltering: boolean;
  /** Whether the process's memory counts as pressure; only in a system. Default true. */
  memoryAwareFiltering: boolean;
  /**
   * Top-level fields whose texts say what the agent is asked to do. Default `currentTask`, `task`, `goal`, `query`, `problem`,
   * `issue`, `objective`, `instruction`, `instructions`, `request`, `question`, `prompt`. A list given here takes the place of
   * all of them. They are not ranked, have score 1 and stay unless a limit or pressure has no room for them. Only `currentTask`
   * is kept whatever happens; make others `requiredFields` if they must be.
   */
  taskFields?: string[];
  /**
   * MB of what is remembered of texts from call to call: their words, blocks, names, imports and token counts, never the text
   * itself. What was not used for longest goes first; it is worked out again when it is needed. Default 64.
   */
  analysisCacheMB?: number;
  /**
   * MB of left-out parts that {@link AgentContextFilter.resolveReference} can give back. What was neither left out nor asked for
   * for longest goes first. Default 64.
   */
  referenceStoreMB?: number;
}

/** The configuration of a system, as in a configuration file. */
export interface OptimizationConfig {
  /** Chooses the file and the defaults. */
  environment: Environment;
  /** Default true. */
  enableMemoryManagement: boolean;
  /** Default true. */
  enableAdvancedCaching: boolean;
  /** Default true. */
  enableContextFiltering: boolean;
  /** Default: production only. */
  enableProductionMonitoring: boolean;
  /** Whether settings follow the load, see {@link TuningOptions}. Default: production only. */
  autoTuning: boolean;
  /**
   * Whether other programs of the same user, such as the command line, can ask the running system, through a socket in the cache
   * directory, and read its last state there. Default true. Needs a cache that is kept on disk.
   */
  liveSocket?: boolean;
  /** Accepted and ignored in files; in code see {@link SystemConfig.configFile}. */
  configFile?: string;
  /** Settings of the memory manager; what is left out has its default. */
  memory?: Partial<MemoryConfig>;
  /** Settings of the cache; what is left out has its default. */
  cache?: Partial<CacheConfig>;
  /** Settings of the context filter; what is left out has its default. */
  contextFilter?: Partial<ContextFilterConfig>;
  /** Settings of the token optimizer; what is left out has its default. */
  tokens?: Partial<TokensConfig>;
  /** Settings of the monitor; what is left out has its default. */
  monitoring?: MonitoringOptions;
  /** Settings of the auto-tuning; what is left out has its default. */
  tuning?: TuningOptions;
}

/** What {@link ProductionOptimizationSystem} is made from. Any {@link OptimizationConfig} setting given here wins. */
export interface SystemConfig extends Partial<Omit<OptimizationConfig, 'environment'>> {
  /** Chooses the file and the defaults; wins over the file's. */
  environment: Environment;
  /** A configuration file; if it is not there, a `warning` is emitted and the usual places are looked at. */
  configFile?: string;
  /** Root of the keys of the cache, unless `cache.namespace` is set; names the project in reports and to a shared context. Default none. */
  projectId?: string;
  /**
   * Whether agents share a context of the project through a server, see {@link SharedContextClient}; its token is the environment
   * variable `SHARED_CONTEXT_TOKEN`. A server that is away is a `warning`, and costs its help only. Default false.
   */
  enableSharedContext?: boolean;
  /** Default `http://localhost:3003`. */
  sharedContextUrl?: string;
  /** Whether `shutdown()` writes a last report into the working directory. Default true. */
  finalReport?: boolean;
  /**
   * Whether changes of the configuration file are taken over while the system runs, within about a second. A file that is not
   * sound changes nothing and gives `configurationError`. Default true.
   */
  watchConfig?: boolean;
}

/** Where the value of a setting comes from. Later wins, in this order. */
export type ConfigSource = 'default' | 'file' | 'code' | 'variable' | 'update' | 'tuning';

/** One setting in a {@link ConfigExplanation}. */
export interface ExplainedSetting {
  /** The effective value; `null` if there is none. Credentials in addresses are not shown. */
  value: any;
  /** What has set it. */
  source: ConfigSource;
  /** The file, or the environment variable. */
  name?: string;
  /** What holds where nobody says otherwise, in this environment. */
  default: any;
  /** The environment variable that sets it. Absent for `environment`, which is given in code. */
  variable?: string;
}

/** What {@link ProductionOptimizationSystem.explainConfig} says. */
export interface ConfigExplanation {
  /** The configuration file in use. */
  file: string | null;
  /** Everything that gives settings, in the order in which later wins. */
  layers: Array<{ source: ConfigSource; name?: string }>;
  /** By dotted path, `cache.ttlSeconds`. Lists and tables are one setting each. */
  settings: Record<string, ExplainedSetting>;
}

/** What {@link ProductionOptimizationSystem.updateConfiguration} can be told besides. */
export interface UpdateConfigurationOptions {
  /**
   * Whether the settings are also written into the configuration file in use, or into `config/optimization.<environment>.json` if
   * there is none. Comments, order and all else in a JSON file stay; YAML files are not written. Default false.
   */
  save?: boolean;
}

/** What {@link checkConfiguration} checks. */
export interface CheckConfigurationOptions {
  /** Whose files are looked for. Needed, here or in `code`. */
  environment?: Environment;
  /** This file instead of those. */
  configFile?: string;
  /** Where `config/` is looked for, and what relative paths are relative to. Default: the working directory. */
  cwd?: string;
  /** What a program would pass besides. */
  code?: Partial<SystemConfig>;
  /** Environment variables. Default: those of the process. */
  env?: Record<string, string | undefined>;
}

/** What {@link checkConfiguration} found. */
export interface CheckedConfiguration {
  /** The file that would be used. */
  file: string | null;
  /** Everything that would prevent a start, with the layer that it is in. */
  problems: Array<ConfigProblem & { source: ConfigSource }>;
  /** What would not be as it was asked for. */
  warnings: ConfigProblem[];
  /** The effective settings; `null` while there are problems. Credentials in addresses are not shown. */
  settings: OptimizationConfig | null;
  /** Where each of them is from, as `explainConfig()` would say; `null` while there are problems. */
  explanation: ConfigExplanation | null;
}

/**
 * Checks a configuration as a system would load it, without one: files, environment variables and code. Problems are in the
 * result, all of them.
 *
 * @throws {AgentwiseError} `E_INVALID_ARGUMENT`.
 *
 * @example
 * const { problems } = checkConfiguration({ environment: 'production' });
 * for (const { path, message } of problems) console.error(`${path}: ${message}`);
 */
export function checkConfiguration(options: CheckConfigurationOptions): CheckedConfiguration;

/** The JSON Schema (2020-12) of configuration files: a copy of `config/optimization.schema.json`. */
export function configurationSchema(): Record<string, any>;

/** Something that was left out of a context. */
export interface DroppedPart {
  /** Dotted path of the value, or of the text that it is a part of: `files.src/app.ts`, `list.3`. Empty for the context itself. */
  path: string;
  /** Bytes of its JSON; of a part of a text, of the text in UTF-8. */
  bytes: number;
  /** Tokens (o200k_base) of its JSON; of a container or a part of a text, the sum over its pieces. */
  tokens: number;
  /** 0–1: its score, of a container that of the best in it, of a part of a text that of the text. */
  score: number;
  /**
   * Why. `excluded`: an exclude pattern matches it. `score`: it is under `contextImportanceThreshold`. `reduction`: as much as the
   * context is made smaller by, 30 to 50 % or `targetReduction`. `limit`: `maxSize`, `maxTokens`, or a configured cap.
   * `pressure`: memory, load, or the contexts of all agents. `blocks`: other parts of the same text stayed, whatever made it
   * necessary to choose.
   */
  reason: 'excluded' | 'score' | 'reduction' | 'limit' | 'pressure' | 'blocks';
  /**
   * 16 hexadecimal digits by which {@link AgentContextFilter.resolveReference} gives it back. It is made of the content: the same
   * part has the same reference in every call and every process.
   */
  reference: string;
  /** First and last line of a part of a text, from 1 on. Absent where the whole value is gone. */
  lines?: [first: number, last: number];
}

/**
 * What an {@link AgentContextFilter} makes of a context. It always gives the optional fields; they are optional because code
 * written against the replaced package makes such objects without them.
 */
export interface FilteredContext {
  /** For whom it was filtered. */
  agentId: string;
  /** The caller's context. */
  original: any;
  /**
   * What is kept: containers kept whole are the caller's own, those kept in part are new. Texts of 1,024 bytes and more may be
   * kept in part, with a line like `[… lines 10–52 left out: parse, Token.next, +3 (ref 0123456789abcdef)]` for each part that is
   * missing; the names are what is defined there.
   */
  filtered: any;
  /** Share of the bytes that went, 0–1. */
  reductionRatio: number;
  /** Dotted paths of what was left out as a whole; a container of which nothing stays is one path. */
  removedElements: string[];
  /** Score, 0–1, of each kept element by dotted path. Made when first read. */
  importanceScores: Record<string, number>;
  /** What was left out, parts of texts included, in the context's order. Made when first read. */
  dropped?: DroppedPart[];
  /** Bytes of JSON of `filtered`. */
  memoryUsage: number;
  /** Bytes of JSON of the context. */
  originalBytes?: number;
  /** What was done and why, for people. */
  adaptations: string[];
  /**
   * Time of parts of the call, off the main thread: `analyse` and `count`, of text that was not seen before, and `filter`, the
   * filtering as a whole, these two included.
   */
  stages?: { name: string; ms: number }[];
}

/**
 * What one kind of agent works on: built in, of a file of `.claude/agents` (at most 200 entries in a field), or added in code
 * (at most 1,000). See docs/context-filter.md.
 */
export interface AgentSpecialization {
  /** Not empty. Agents are told by it: `frontend-specialist-2` and `team:frontend-specialist` are `frontend-specialist`. */
  name: string;
  /** Words of its field, found in paths and texts in any case and inflection. */
  keywords: string[];
  /** Globs, for example `**\/*.tsx`. */
  filePatterns: string[];
  /** Priority, 0–10, by category: a word of a path. */
  contextPriorities: Record<string, number>;
  /** MB, 0.001 to 10,000,000; `maxContextPerAgent` counts where it is smaller. */
  maxContextSize: number;
  /** Top-level fields that are always kept, besides `currentTask` and `projectStructure`. */
  requiredFields: string[];
  /** Top-level fields that are worth more than the rest. */
  optionalFields: string[];
  /**
   * Globs of what is always left out. One that matches a directory excludes what lies in it. Those in a file of `.claude/agents`
   * are added to those that all built-in agents have; one added in code has only its own.
   */
  excludePatterns: string[];
}

/** Events of an {@link AgentContextFilter}. */
export interface AgentContextFilterEvents {
  /** A context was filtered, with the result of the call. */
  contextFiltered: [result: FilteredContext];
  /** Settings were changed by `updateConfig`. */
  configUpdated: [change: { oldConfig: ContextFilterConfig; newConfig: ContextFilterConfig }];
  /** A file of `.claude/agents` gives it, for the first time or in place of another one of its name; or code added it. */
  specializationAdded: [specialization: AgentSpecialization];
  /** No file gives it any more. One that is built in or was added in code under the same name counts again. */
  specializationRemoved: [event: { name: string }];
  /** A file of `.claude/agents` is not sound; what it said before still counts. Once until the file changes. */
  warning: [warning: { path: string; message: string }];
}

/** What one call of the filter may keep. Required fields stay whatever the limits. */
export interface FilterOptions {
  /**
   * Most bytes of JSON of what is kept, from 1, besides the configured caps. Never passed, but for required fields, which
   * `adaptations` says. Nothing is left out for a limit that the whole context fits into.
   */
  maxSize?: number;
  /**
   * Most tokens of JSON of what is kept, from 1: the exact count of o200k_base for all of it in one piece. Never passed, but
   * for required fields, which `adaptations` says. Nothing is left out for a limit that the whole context fits into.
   */
  maxTokens?: number;
  /**
   * Share of the tokens to leave out, 0–1. Absent: 30 to 50 % of contexts over 1,000 tokens, smaller ones by score alone, and
   * nothing of a context without a task for an agent that is not known. Given, it counts in place of the threshold, for contexts
   * of any size. 0 leaves out only what is excluded, and what limits or pressure have no room for.
   */
  targetReduction?: number;
  /** Whether texts stay whole or go whole; else those of 1,024 bytes and more may stay in part. Default false. */
  wholeTexts?: boolean;
  /** `recentChanges`, `recentFiles`, `changes` and the files that they name count twice. Default false. */
  prioritizeRecent?: boolean;
  /**
   * Ends the call while it is at work: it rejects with the signal's reason. One that waits for another call of its agent rejects
   * at once.
   */
  signal?: AbortSignal;
}

/** What {@link AgentContextFilter.getFilterStats} gives. */
export interface FilterStats {
  /** Names of the known specializations. */
  agentSpecializations: string[];
  /** Units of analysis that are remembered: texts of 1,024 bytes and more, and runs of up to 64 smaller elements. */
  cachedContexts: number;
  /** Bytes of these; at most `analysisCacheMB` after each call. */
  analysisBytes: number;
  /** Parts that were left out and can be given back. */
  references: number;
  /** Bytes of these; at most `referenceStoreMB` after each call. */
  referenceBytes: number;
  /** MB, as last passed to `filterContext`. */
  currentMemoryUsage: number;
  /** Settings in force. */
  config: ContextFilterConfig;
  [key: string]: any;
}

/**
 * Keeps of a context what an agent needs for its task. Deterministic. Looks at `.claude/agents/*.md` under the working directory
 * in its calls, at most twice a second, and starts no timer. See docs/context-filter.md.
 *
 * @example
 * const filter = new AgentContextFilter();
 * const { filtered, dropped = [] } = await filter.filterContext('frontend-specialist', context, 0, 0, { maxTokens: 20_000 });
 * for (const { path, tokens, reason } of dropped) console.log(path, tokens, reason);
 */
export class AgentContextFilter extends TypedEmitter<AgentContextFilterEvents> {
  /** @throws {AgentwiseError} `E_CONFIG_INVALID` with every problem. */
  constructor(config?: Partial<ContextFilterConfig>);
  /**
   * Filters `context`, which is not changed. Required fields are always kept; the rest by how well it fits the task and the
   * agent, for each token, within the size limits and what pressure allows. What the task names is exempt from the threshold
   * and the reduction, not from limits and pressure. An agent without a specialization is filtered as the kind that its id,
   * description, task and files clearly speak for, else generically, which `adaptations` says. The work is done off the main
   * thread: O(values + text that was not seen before).
   *
   * @param agentId 1 to 1,024 bytes.
   * @param currentMemoryUsage MB of contexts that agents hold now. Makes pressure, and takes nothing off the limits. Default 0.
   * @param systemLoad load of the machine, %. Default 0.
   * @throws {AgentwiseError} `E_CONTEXT_INVALID` with the path of what JSON cannot hold; `E_INVALID_ARGUMENT`.
   * @throws the signal's reason.
   */
  filterContext(
    agentId: string,
    context: any,
    currentMemoryUsage?: number,
    systemLoad?: number,
    options?: FilterOptions,
  ): Promise<FilteredContext>;
  /**
   * Adds or replaces a specialization. It counts before a file of `.claude/agents` and a built-in one of the same name.
   *
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT` with every problem.
   */
  addAgentSpecialization(specialization: AgentSpecialization): void;
  /**
   * What was left out under this reference, as its JSON says: a value, or the text of a part of a text. References are in
   * `dropped` and in the lines for what is missing. Those of all agents are known, as long as `referenceStoreMB` has room.
   *
   * @example
   * const { dropped = [] } = await filter.filterContext('backend-specialist', context);
   * const part = await filter.resolveReference(dropped[0].reference);
   * @throws {AgentwiseError} `E_REFERENCE_UNKNOWN`: never given out by this filter, or forgotten; `E_INVALID_ARGUMENT`.
   */
  resolveReference(reference: string): Promise<any>;
  /** Specializations, what is remembered, settings. */
  getFilterStats<Result = FilterStats>(): Result;
  /** For mocks and subclasses. @hidden */
  getFilterStats<_Result>(): any;
  /**
   * MB: the agent's cap (else `maxContextPerAgent`) × max(0.3, 1 − memory / `globalMaxContext`) × max(0.3, 1 − load / 100),
   * rounded down, at least 10.
   */
  getRecommendedContextSize(agentId: string, systemLoad: number, memoryUsage: number): number;
  /** All of it or nothing. @throws {AgentwiseError} `E_CONFIG_INVALID` with every problem. */
  updateConfig(partial: Partial<ContextFilterConfig>): void;
}

/** Options of `optimizeAgentContext`: those of the filter, and of the token optimizer. */
export interface OptimizeOptions extends FilterOptions {
  /** Adds the non-enumerable property `debug` ({@link OptimizeDebug}). Default false. */
  includeDebugInfo?: boolean;
  /** How changes are said, see {@link TokensConfig}. Default as configured. */
  encoding?: 'keys' | 'blocks';
  /** Who reads it: whose price and context window count in reports. Default as configured. */
  model?: string;
  /**
   * Whether the context is sent whole or by what changed. Default `'auto'`: whole the first time, then what changed.
   *
   * `'full'`: whole, of type `'full'`, without references whatever the encoding, and never by the shared context. It becomes what the
   * agent has; texts that it was given before are not counted on any more.
   *
   * `'delta'`: what changed against what the agent has, of type `'incremental'`, never by the shared context. An agent that has
   * nothing yet has the empty context: everything is `added`, and {@link applyDelta} takes `undefined` or `{}` as its base. Changes
   * are said by key: where the context or the one before is no object, it is sent whole.
   *
   * @example
   * // The agent's conversation was cut: it needs all of it.
   * await system.optimizeAgentContext('backend-specialist', context, { mode: 'full' });
   */
  mode?: 'auto' | 'full' | 'delta';
}

/** One stage of a call of `optimizeAgentContext`. */
export interface OptimizeStage {
  /**
   * `'read'` and `'assemble'`, on the main thread; `'analyse'`, `'count'` and `'filter'` as in a {@link FilteredContext}, `'filter'`
   * with the other two in it; `'tokens'`, the delta and its counts.
   */
  name: 'read' | 'analyse' | 'count' | 'filter' | 'tokens' | 'assemble';
  /** Wall time. Of what was found again, the time to find it. */
  ms: number;
  /** Bytes of JSON before and after. */
  bytesIn: number;
  /** Bytes of the context's JSON after the stage. */
  bytesOut: number;
  /** Exact o200k_base tokens before and after, of `'filter'` and `'tokens'`. */
  tokensIn?: number;
  /** Tokens of it, where the stage counts them. */
  tokensOut?: number;
  /** Whether it was found again: the same context was filtered for the same kind of agent, its tokens were counted. */
  cached: boolean;
  /** Why it is not as usual: `'failed'`, or `'off'` by the configuration. */
  reason?: 'failed' | 'off';
}

/** How a result came about. */
export interface OptimizeDebug {
  /** As asked for. */
  mode: 'auto' | 'full' | 'delta';
  /** Exact o200k_base tokens of the JSON of the context, of what the filter kept, and of the result. Absent when the token step failed. */
  tokens: { original: number; filtered: number; result: number };
  /** Bytes of the same. Of a result that refers to the shared context, those of the one without. */
  sizes: { original: number; filtered: number; result: number };
  /** In order. */
  stages: OptimizeStage[];
  /** What was done and why, in words: why what was left out was. The same as `adaptations`. */
  reasons: string[];
  /** What pressed on the call; see docs/pipeline.md. */
  pressure: {
    /** MB of contexts that all agents held. */
    heldMB: number;
    /** The process's memory against its limit, %. */
    memoryPercentage: number;
    /** Load of the machine, %; 0 until it was measured for 5 s. */
    systemLoad: number;
    /** Share of the elements that may stay: 1, 0.8, 0.6 or 0.4. */
    factor: number;
  };
  /** The limits that the call had. */
  limits: {
    /** Bytes: the least of `options.maxSize`, the agent's cap, and what other agents leave of `globalMaxContext`. Absent without a filter. */
    maxSize?: number;
    /** As asked for. */
    maxTokens?: number;
    /** As asked for. */
    targetReduction?: number;
  };
  /** Stages that failed; empty when all is well. */
  failed: ('read' | 'filter' | 'tokens')[];
  /** As {@link FilteredContext.reductionRatio}. */
  reductionRatio: number;
  /** Bytes of the JSON of the context as it came. */
  originalBytes: number;
  /** Bytes of the JSON of what was kept. */
  memoryUsage: number;
  /** As {@link FilteredContext.removedElements}. */
  removedElements: string[];
  /** As {@link FilteredContext.importanceScores}. */
  importanceScores: Record<string, number>;
  /** As that of a {@link FilteredContext}. */
  dropped: DroppedPart[];
  /** As {@link FilteredContext.adaptations}. */
  adaptations: string[];
}

/**
 * What `optimizeAgentContext` and `optimizeContext` resolve with: the (filtered) context itself the first time; then what changed.
 * `type`, `tokensSaved`, `hash`, `baseHash`, `heldTokens`, `fetchTokens`, `dropped` and `debug` are not enumerable unless shown in
 * the literal, and yield to the context's own properties of these names.
 * Callers of the replaced package read fields without looking, so those that it had are declared as always there.
 *
 * JSON of a result is what is shown. {@link toMessage} adds what a receiver needs besides.
 */
export interface OptimizedContext {
  /** `'full'`: the context; `'incremental'`: nothing changed, or what did. */
  type: 'full' | 'incremental' | 'shared_incremental';
  /** Exact o200k_base tokens of the context's JSON minus those of the result's. Below zero for contexts smaller than the answer. */
  tokensSaved: number;
  /** SHA-256 of the canonical JSON (RFC 8785) of the filtered context, hexadecimal. */
  hash: string;
  /** The same of the agent's context before; absent the first time. */
  baseHash?: string;
  /**
   * What the filter left out of the agent's context, also when only changes are sent. Made when first read. Absent after an
   * internal failure and for a context of a class of its own.
   */
  dropped?: DroppedPart[];
  /** With `includeDebugInfo`. */
  debug?: OptimizeDebug;
  /** Nothing changed: empty. */
  changes: never[];
  /** Nothing changed: the hash of the context that the agent has. */
  reference: string;
  /** Top-level values that are new. */
  added: Record<string, any>;
  /** Top-level values that differ. */
  modified: Record<string, any>;
  /** Top-level keys that are gone. */
  removed: string[];
  /** Top-level keys whose value is the same. */
  unchanged: string[];
  /** With references: what is said whole is under `added` and `modified`, the rest under `texts` and `values`. What is empty is absent. */
  encoding?: 'blocks';
  /** Top-level strings in parts, see {@link TextPart}; new or not. */
  texts?: Record<string, TextPart[]>;
  /** The JSON of other top-level values in parts. */
  values?: Record<string, TextPart[]>;
  /** With references: tokens of what they stand for and the agent holds. */
  heldTokens?: number;
  /** With references: tokens of what they stand for and the agent has to fetch. */
  fetchTokens?: number;
  /** `'shared_incremental'`: what makes the context of the shared one, whose hash is `baseHash`. */
  diff: ContextDiff;
  /** `'shared_incremental'`. */
  sharedReference: true;
  [key: string]: any;
}

/**
 * {@link OptimizedContext} for a context of type `Context`. What the contexts of callers have may be read and is `any`, and a result may
 * be passed on where a `Context` is asked for, since callers of the replaced package did both. Of a context that is `any`: `any`.
 */
export type OptimizedContextOf<Context> = 0 extends 1 & Context
  ? any
  : [Extract<Context, object>] extends [never]
    ? OptimizedContext
    : Extract<Context, object> extends infer Given
      ? OptimizedContext & Given & { [Key in keyof Given]-?: any }
      : never;

/** Whose an entry is. Entries are found only under the same model and system prompt, given or not. */
export interface CacheScope {
  /** The model that answers. */
  model?: string;
  /** What the model is told beforehand; only its SHA-256 is stored. */
  systemPrompt?: string;
}

/** Whose an entry is, and how it is stored. */
export interface CacheSetOptions extends CacheScope {
  /** The only agent that may see the entry; without it, all may. */
  agentId?: string;
  /** By which `deleteByTag` finds it: at most 1000 non-empty strings. */
  tags?: string[];
  /** Whether the promise waits until the entry survives a loss of power. Default false. */
  durable?: boolean;
  /** Whether a use begins its life anew. Default `slidingTtl`. */
  sliding?: boolean;
  /** Share, 0–1, by which its life is shortened at random. Default `ttlJitter`. */
  jitter?: number;
  /** Seconds after its life in which `getOrCompute` may still serve it as stale. Default 0. */
  staleSeconds?: number;
}

/** Options of `cacheResponse`. */
export interface CacheResponseOptions extends CacheSetOptions {}

/** Who reads: entries for all and the agent's own are seen. */
export interface CacheReader extends CacheScope {
  /** Who reads: sees shared entries and those of this agent. */
  agentId?: string;
}

/** Who asks, and whether the answer to a query in other words will do. */
export interface CacheQuery extends CacheReader {
  /** Only the entry of this very key. Default false. */
  exact?: boolean;
  /** 0–1, instead of the configured one. Without effect where `enableSimilarityDetection` is false. */
  similarityThreshold?: number;
}

/** Why the entry of a query that came close was not served. */
export type SimilarityRefusal =
  /** Less alike than the threshold. */
  | 'score'
  /** Not asked for: `exact`, or `enableSimilarityDetection` is false. */
  | 'off'
  /** The entry is gone; another one was served. */
  | 'absent'
  | 'notBest'
  /** `verify` said no; was not asked, or failed. */
  | 'verify'
  | 'unverified'
  /** Other numbers, dates, versions; other units behind them. */
  | 'number'
  | 'unit'
  /** Other words between quotation marks; other identifiers, paths, addresses, hashes, signs. */
  | 'quoted'
  | 'code'
  /** "Not" in one of them; a word in place of its opposite. */
  | 'negation'
  | 'antonym'
  /** Before, after, without, unless, except; to, from. */
  | 'condition'
  | 'direction'
  /** First, last, still, already, used to. */
  | 'quantity'
  /** Another person, place, product, or one more. */
  | 'name'
  /** He in place of she, I in place of you. */
  | 'person'
  /** And in place of or. */
  | 'coordination'
  /** The same words in other roles: who does what to whom. */
  | 'order'
  /** Another noun, or one more detail where a yes or no depends on each. */
  | 'modifier'
  /** Another kind of question: how, why, when, whether. */
  | 'question'
  /** Another writing system. */
  | 'script';

/** What {@link CacheNamespace.lookup} found, and how. */
export interface CacheLookup<T = any> {
  /** Whether there was a value, also a stored `null`. */
  found: boolean;
  /** The value, or `null`. */
  value: T | null;
  /**
   * `normalized`: of a key that differs in case, spaces, punctuation, contractions or politeness only; `similar`: of one that
   * says the same in other words; `semantic`: of one whose vector is near, see {@link SimilarityPlugins}.
   */
  tier: 'exact' | 'normalized' | 'similar' | 'semantic' | 'miss';
  /** Where the value was. */
  layer?: 'L1' | 'L2' | 'L3';
  /** How like the key of the entry is, 0–1, for `semantic` the cosine; absent for `exact`. */
  similarity?: number;
  /** The key of the entry; absent for `exact`. */
  source?: string;
  /** ms since the value was stored. */
  ageMs?: number;
  /** With `explain`: what else came close, the most similar first, some dozens at most. */
  candidates?: { key: string; similarity: number; reason: SimilarityRefusal }[];
}

/**
 * Functions that help to find similar keys and judge them. What fails in them never fails a lookup: it goes on without. After
 * three failures in a row a function is left alone for 30 s.
 *
 * @example
 * const cache = new AdvancedCacheManager({}, {
 *   embed: async (texts, { signal }) => (await model.embed(texts, { signal })).map((vector) => Float32Array.from(vector)),
 *   embeddingModel: 'all-MiniLM-L6-v2',
 *   embeddingThreshold: 0.85,
 * });
 */
export interface SimilarityPlugins {
  /**
   * A vector for each text, at most 64 at once, all of one length. Called for keys that are stored, in the background, and for
   * those that neither they nor their words find. The value of the key whose vector is nearest is served if nothing in words
   * speaks against it: another number, name, negation or any other {@link SimilarityRefusal} but `score`. Where
   * only a word is another one (`modifier`), `verify` decides; without it the cosine must be half-way from the threshold to 1. A key whose vector could not be made is found by its words only, until it
   * is stored again; so are those beyond 10,000 that wait. `flush()` waits for vectors at most `timeoutSeconds`, `stop()` two
   * seconds.
   */
  embed?: (texts: string[], options: { signal: AbortSignal }) => Promise<Float32Array[]>;
  /**
   * Whether the value of `candidate` answers `query`: asked before any is served but for the same text, at most three times a
   * lookup. If it fails, what was found by words is served, and what was found by vectors is not.
   */
  verify?: (query: string, candidate: string, options: { signal: AbortSignal }) => Promise<boolean>;
  /** Name of the model of `embed`: vectors are kept with it, and those of another are not compared. Default `'default'`. */
  embeddingModel?: string;
  /** Least cosine, 0–1; what is right depends on the model. A greater `similarityThreshold` of a call counts. Default 0.9. */
  embeddingThreshold?: number;
  /** How long a call may take, seconds, at most 600; then its signal aborts and it counts as failed. Default 2. */
  timeoutSeconds?: number;
}

/** What a computation is given. */
export interface ComputeContext {
  /** For which a value is to be computed. */
  key: string;
  /** Aborts when nobody waits any more. */
  signal: AbortSignal;
  /** The value whose life is over, if it may still stand in. */
  stale: any;
}

/** Options of `getOrCompute`. */
export interface GetOrComputeOptions extends CacheReader {
  /** Life of the computed value, seconds; absent or 0: `ttlSeconds` of the cache. */
  ttlSeconds?: number;
  /** Tags of what is stored, as {@link CacheSetOptions.tags}. */
  tags?: string[];
  /** As {@link CacheSetOptions.jitter}. */
  jitter?: number;
  /** As {@link CacheSetOptions.sliding}. */
  sliding?: boolean;
  /** As {@link CacheSetOptions.durable}. */
  durable?: boolean;
  /** Seconds after its life in which a value is served at once and computed anew in the background. Default 0. */
  staleWhileRevalidateSeconds?: number;
  /** Seconds after its life in which a value is served if computing it anew fails. Default 0. */
  staleIfErrorSeconds?: number;
  /** Life, seconds, of the answer that there is nothing (`null` or `undefined`). Absent: `undefined` is not stored. */
  negativeTtlSeconds?: number;
  /** Computes even if there is a value. Default false. */
  forceRefresh?: boolean;
  /** Seconds that other processes wait for this one if it dies, at least 0.1. It is prolonged while it works. Default 5. */
  leaseSeconds?: number;
  /** Ends the caller's waiting; the computation goes on while others wait for it. */
  signal?: AbortSignal;
}

/** How a long call is followed and ended. */
export interface FollowOptions {
  /** Ends the call, which rejects with its reason. */
  signal?: AbortSignal;
  /** Called with the number of entries so far. */
  onProgress?: (entries: number) => void;
}

/** Keys and values below one name. What is said of keys holds for strings of any length and content. */
export interface CacheNamespace {
  /**
   * The value or `null`: from memory, then from disk, from where it comes into memory; then that of a key that asks the same
   * in other words, see docs/similarity.md. Never rejects for what happens inside the cache; after `stop()` it is `null`.
   *
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT`.
   */
  get(key: string, options?: CacheQuery): Promise<any>;
  /** The same, of a type that the caller knows. */
  get<T>(key: string, options?: CacheQuery): Promise<T | null>;
  /**
   * As `get`, and says how the value was found. With `explain` also which other keys came close and why their values are not
   * served.
   *
   * @example
   * const { value, tier, source, candidates } = await cache.lookup('How long do I boil 2 eggs?', { explain: true });
   * // candidates: [{ key: 'How long do I boil 3 eggs?', similarity: 0.68, reason: 'number' }]
   */
  lookup<T = any>(key: string, options?: CacheQuery & { explain?: boolean }): Promise<CacheLookup<T>>;
  /** Whether there is a value, also `null`; counts as neither a lookup nor a use. */
  has(key: string, options?: CacheReader): Promise<boolean>;
  /**
   * Stores any JSON value: at once in memory, soon afterwards on disk (`flush()` and `durable` wait for it).
   *
   * @param ttlSeconds life of the entry; absent or 0 means the configured one.
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for what JSON cannot hold; `E_CACHE_ENTRY_TOO_LARGE` over `maxEntrySizeMB`:
   * the key then has no value; `E_CACHE_DISK` if `durable` could not be done; `E_SHUT_DOWN`.
   */
  set(key: string, value: any, ttlSeconds?: number, options?: CacheSetOptions): Promise<void>;
  /** Removes a value everywhere. @returns whether there was one. */
  delete(key: string, options?: CacheReader): Promise<boolean>;
  /** Removes the entries of this namespace with any of the tags. @returns how many. @throws `E_CACHE_DISK`. */
  deleteByTag(tags: string | string[]): Promise<number>;
  /** As `get` for each. Any number of keys: other work gets its turn in between. */
  getMany<T = any>(keys: string[], options?: CacheReader & { signal?: AbortSignal }): Promise<(T | null)[]>;
  /** As `set` for each. All entries are checked before any is stored; an aborted call may have stored some. */
  setMany(
    entries: ({ key: string; value: any; ttlSeconds?: number } & Omit<CacheSetOptions, 'durable'>)[],
    options?: { durable?: boolean; signal?: AbortSignal },
  ): Promise<void>;
  /**
   * The value, computed and stored if there is none. One caller computes for all that ask meanwhile, in this thread, in
   * others and in other processes with the same directory; if its process dies, another takes over after `leaseSeconds`.
   * After `stop()` it computes and stores nothing. Looks that end here count as neither hit nor miss where the disk is asked.
   *
   * @example
   * const answer = await cache.getOrCompute(prompt, ({ signal }) => ask(prompt, { signal }), {
   *   ttlSeconds: 600, staleWhileRevalidateSeconds: 3600, staleIfErrorSeconds: 86_400,
   * });
   * @throws what `compute` throws, unless a stale value may stand in; the signal's reason; `E_CACHE_DISK` if `durable` could
   * not be done.
   */
  getOrCompute<T>(
    key: string,
    compute: (context: ComputeContext) => T | Promise<T>,
    options?: GetOrComputeOptions,
  ): Promise<T>;
  /** The keys with a fresh value that the reader sees, in no order. What changes meanwhile may or may not be among them. */
  keys(options?: CacheReader & { prefix?: string; signal?: AbortSignal }): AsyncIterableIterator<string>;
  /**
   * The entries of this namespace and those below it, whoever may see them, without their values; in no order that means
   * something. Stale ones are among them, expired ones are not. Neither a lookup nor a use. It is read in pages off the thread;
   * an entry that is there all the while comes once, what changes meanwhile may or may not come.
   *
   * @example
   * for await (const { key, layer, storedSize } of cache.entries({ prefix: 'user:', layer: 'L2' })) console.log(key, storedSize);
   */
  entries(options?: CacheEntriesOptions): AsyncIterableIterator<CacheEntryInfo>;
  /**
   * What `get` would find without similarity, or a stale value, with what is known of it; `null` if there is none. Neither a
   * lookup nor a use, and nothing comes into memory. @throws {AgentwiseError} `E_INVALID_ARGUMENT`.
   */
  peek<T = any>(key: string, options?: CacheReader): Promise<(CacheEntryInfo & { value: T }) | null>;
  /** Empties a layer or, without one, all; with the namespaces below this one. @throws `E_CACHE_DISK`. */
  clear(layer?: 'L1' | 'L2' | 'L3'): Promise<void>;
  /** Loads values from disk into memory, the highest priority first, until memory is full of them. */
  warmCache(
    entries: { key: string; priority?: number }[],
    options?: { signal?: AbortSignal },
  ): Promise<{ total: number; found: number }>;
  /**
   * Writes all entries with their times, tags and owners to a file of JSON lines, compressed if its name ends in `.zst`,
   * readable by the user only. It replaces the file when it is complete. @throws `E_IO`.
   */
  dump(file: string | URL, options?: FollowOptions): Promise<{ entries: number; bytes: number }>;
  /** Stores the entries of a file that `dump` wrote. Nothing is stored from a damaged one. @throws `E_CACHE_FILE_INVALID`, `E_IO`. */
  load(file: string | URL, options?: FollowOptions): Promise<{ entries: number; skipped: number }>;
  /** Resolves when all that was stored survives a loss of power. @throws `E_CACHE_DISK`, `E_SHUT_DOWN`. */
  flush(): Promise<void>;
  /** The namespace `name` below this one: its keys are its own. Not empty, without NUL. */
  namespace(name: string): CacheNamespace;
}

/** Which entries {@link CacheNamespace.entries} gives. */
export interface CacheEntriesOptions {
  /** Whose key begins so. */
  prefix?: string;
  /** That this layer holds; an entry in memory usually is on disk as well. */
  layer?: 'L1' | 'L2' | 'L3';
  /** With this tag. */
  tag?: string;
  /** That only this agent sees. */
  agentId?: string;
  /** At most so many; default all. */
  limit?: number;
  /** Only what comes after the entry with this `cursor`. */
  after?: string;
  /** Those of every namespace of the directory, also of other roots (projects). Default false. */
  allNamespaces?: boolean;
  /** Ends the walk: it throws the signal's reason. */
  signal?: AbortSignal;
}

/** An entry of a cache without its value. */
export interface CacheEntryInfo {
  /** The query under which it is stored. */
  key: string;
  /** Names of its namespace: the root (a project, or an empty text), then those below it. */
  namespace: string[];
  /** The agent that alone sees it. */
  agentId?: string;
  /** The model of its scope. */
  model?: string;
  /** SHA-256 of the system prompt, hexadecimal. */
  promptSha256?: string;
  /** Where a lookup would find it. */
  layer: 'L1' | 'L2' | 'L3';
  /** All layers that hold it, the fastest first. */
  layers: ('L1' | 'L2' | 'L3')[];
  /** Bytes of the value as JSON or text. */
  size: number;
  /** Bytes that it takes of its disk tier's limit, with key and row; 0 while it is only in memory. */
  storedSize: number;
  /** Whether it is compressed on disk. */
  compressed: boolean;
  /** When it was stored. */
  createdAt: Date;
  /** The last use. On disk one is noted every ten minutes at most. */
  lastAccessed: Date;
  /** When its life ends. */
  expiresAt: Date;
  /** Uses since it came into memory; of one that is only on disk, since it came up for eviction last, and at most 3. */
  hitCount: number;
  /** Its tags, as they were given. */
  tags: string[];
  /** Whether its life is over and it only stands in for a new value, see `staleSeconds`. */
  stale: boolean;
  /** Its place in the list, for `after`. */
  cursor: string;
}

/** Sums of a disk tier. */
export interface CacheTierSums {
  /** Which tier. */
  layer: 'L2' | 'L3';
  /** How many there are. */
  entries: number;
  /** Bytes that they take as they are stored. */
  storedBytes: number;
  /** Bytes of their values before compression. */
  rawBytes: number;
}

/** What {@link AdvancedCacheManager.verify} found. */
export interface CacheVerification {
  /** Entries read, and their bytes on disk. */
  checked: number;
  /** Bytes that were read for it. */
  bytes: number;
  /** The first thousand; `key` and `namespace` are `null` where they cannot be read. */
  damaged: {
    key: string | null;
    namespace: string[] | null;
    agentId?: string;
    layer: 'L2' | 'L3';
    /**
     * `unreadable`: SQLite cannot read it; `noValue`: a row without a value; `key`: another key's; `checksum`: some byte changed; `format`: of no known one;
     * `payload`: its compression dictionary is gone or damaged; `row`: other sizes, tier or namespace than its own.
     */
    reason: 'unreadable' | 'noValue' | 'key' | 'checksum' | 'format' | 'payload' | 'row';
  }[];
  /** How many were damaged, also those that are not listed. */
  damagedCount: number;
  /** How many of them were removed. */
  removed: number;
  /** The sums that are kept against those of the entries, L2 and L3; `orphans` are values and tags without an entry. */
  totals: {
    ok: boolean;
    kept: CacheTierSums[];
    counted: CacheTierSums[];
    orphans: number;
    repaired: boolean;
  };
  /**
   * SQLite's own check. `none`: nothing was ever stored; `unfinished`: given up because others wrote more than 32 MB meanwhile.
   * `replaced`: another database was begun.
   */
  database: { state: 'ok' | 'damaged' | 'unfinished' | 'none'; problems: string[]; replaced: boolean };
}

/** What {@link AdvancedCacheManager.compact} did. */
export interface CacheCompaction {
  /** Bytes of the database and its log. */
  before: number;
  /** Bytes afterwards. */
  after: number;
  /** Expired entries removed. */
  expired: number;
}

/** Events of an {@link AdvancedCacheManager}. Nothing is prepared for those without a listener. */
export interface AdvancedCacheManagerEvents {
  /** A value was found in this layer. */
  cacheHit: [event: { layer: 'L1' | 'L2' | 'L3'; key: string; entry: CacheEntry }];
  /** There was no value. */
  cacheMiss: [event: { key: string }];
  /** L1: stored. L2: it left memory and is on disk, or about to be written. */
  cacheSet: [event: { layer: 'L1' | 'L2'; key: string; entry: CacheEntry }];
  /** An entry has left memory to make room. */
  l1Eviction: [event: { key: string; entry: CacheEntry }];
  /** The value of `similar`, which is `cacheKey`, was served for `original`. */
  similarityDetection: [event: { original: string; similar: string; similarity: number; cacheKey: string }];
  /** A function of {@link SimilarityPlugins} threw, rejected, was late or gave what is not as it must be. */
  pluginFailure: [event: { plugin: 'embed' | 'verify'; message: string }];
  /** Expired entries were removed, every 5 minutes. */
  maintenance: [event: { timestamp: Date; stats: CacheStats }];
  /** `warmCache` is done: how many keys were asked for, and how many were found. */
  cacheWarmed: [event: { total: number; found: number }];
  /** `clear` is done for this layer, or for `all`. */
  cacheCleared: [event: { layer: string }];
  /** The disk tiers are not used for now; once for each reason. */
  degraded: [event: { reason: string; message: string }];
  /** The disk is used again. */
  recovered: [event: { reason: string }];
  /** Settings were changed by `updateConfig`. */
  configUpdated: [change: { oldConfig: CacheConfig; newConfig: CacheConfig }];
  /** The cache was stopped. */
  stopped: [];
}

/**
 * Memory in front of a disk that all processes of a machine may share, in front of a compressed archive. A value is never
 * wrong: every stored byte has a checksum, and what one process changes the others' memory does not serve any more.
 *
 * Managers of one process, worker threads included, that name the same directory and namespace share one cache; the settings
 * of the last one opened hold for all, but for `valueMode`. Nothing of it keeps the process alive. What waits is written
 * when the process ends by itself or by `process.exit()`, and on the signals that a running system handles.
 *
 * @example
 * import AdvancedCacheManager from 'agentwise-optimization/cache';
 * const cache = new AdvancedCacheManager({ l1MaxSize: 10_000, ttlSeconds: 600 });
 * await cache.set('question', { answer: 42 }, 60, { tags: ['faq'] });
 * console.log(await cache.get('question'));
 * await cache.stop();
 */
export class AdvancedCacheManager extends TypedEmitter<AdvancedCacheManagerEvents> implements CacheNamespace {
  /** @throws {AgentwiseError} `E_CONFIG_INVALID` with every problem; `E_INVALID_ARGUMENT` for `plugins`. */
  constructor(config?: Partial<CacheConfig>, plugins?: SimilarityPlugins);
  get(key: string, options?: CacheQuery): Promise<any>;
  /** The same, of a type that the caller knows. */
  get<T>(key: string, options?: CacheQuery): Promise<T | null>;
  lookup<T = any>(key: string, options?: CacheQuery & { explain?: boolean }): Promise<CacheLookup<T>>;
  has(key: string, options?: CacheReader): Promise<boolean>;
  set(key: string, value: any, ttlSeconds?: number, options?: CacheSetOptions): Promise<void>;
  delete(key: string, options?: CacheReader): Promise<boolean>;
  deleteByTag(tags: string | string[]): Promise<number>;
  getMany<T = any>(keys: string[], options?: CacheReader & { signal?: AbortSignal }): Promise<(T | null)[]>;
  setMany(
    entries: ({ key: string; value: any; ttlSeconds?: number } & Omit<CacheSetOptions, 'durable'>)[],
    options?: { durable?: boolean; signal?: AbortSignal },
  ): Promise<void>;
  getOrCompute<T>(
    key: string,
    compute: (context: ComputeContext) => T | Promise<T>,
    options?: GetOrComputeOptions,
  ): Promise<T>;
  keys(options?: CacheReader & { prefix?: string; signal?: AbortSignal }): AsyncIterableIterator<string>;
  clear(layer?: 'L1' | 'L2' | 'L3'): Promise<void>;
  entries(options?: CacheEntriesOptions): AsyncIterableIterator<CacheEntryInfo>;
  peek<T = any>(key: string, options?: CacheReader): Promise<(CacheEntryInfo & { value: T }) | null>;
  /**
   * Reads every entry on disk, of all namespaces, and checks that it is what was written; then the sums of the tiers, then the
   * structure of the database. Damaged entries are removed (what memory has of them is written again), sums are mended, and a
   * damaged database is replaced as ever, unless `dryRun`. Others go on reading and writing. `onProgress` gets entries checked.
   *
   * @throws {AgentwiseError} `E_CACHE_DISK`, `E_SHUT_DOWN`; the signal's reason: nothing was removed.
   */
  verify(options?: FollowOptions & { dryRun?: boolean }): Promise<CacheVerification>;
  /**
   * Removes expired entries and gives free room of the database back to the file system, in steps between which others write.
   * Live entries are not touched. `onProgress` gets steps done.
   *
   * @throws {AgentwiseError} `E_CACHE_DISK`, `E_SHUT_DOWN`; the signal's reason: what was done until then is done.
   */
  compact(options?: FollowOptions): Promise<CacheCompaction>;
  warmCache<Result = { total: number; found: number }>(
    entries: { key: string; priority?: number }[],
    options?: { signal?: AbortSignal },
  ): Promise<Result>;
  /** For mocks and subclasses. @hidden */
  warmCache<_Result>(
    entries: { key: string; priority?: number }[],
    options?: { signal?: AbortSignal },
    // biome-ignore lint/suspicious/noConfusingVoidType: what gave nothing is mocked by nothing
  ): Promise<object | void>;
  dump(file: string | URL, options?: FollowOptions): Promise<{ entries: number; bytes: number }>;
  load(file: string | URL, options?: FollowOptions): Promise<{ entries: number; skipped: number }>;
  flush(): Promise<void>;
  namespace(name: string): CacheNamespace;
  /** Figures now; after `stop()` the last ones. */
  getStats(): CacheStats;
  /**
   * 0–100: 100 before 20 lookups and from a hit rate of 60 % on, down to 70 without a hit, at most 60 while the disk tiers are
   * wanted and not used; 0 after `stop()`.
   */
  getHealthScore(): number;
  /**
   * All of it or nothing; what fits of the entries stays. Wrong settings are thrown at once, not by the promise; right ones are in
   * force when this returns, and `configUpdated` was emitted. The promise resolves when also what takes time is done: entries that
   * do not fit have left memory, another directory is open. It need not be awaited.
   *
   * @throws {AgentwiseError} `E_CONFIG_INVALID`, `E_SHUT_DOWN` after `stop()`.
   */
  updateConfig<Result = Promise<void>>(partial: Partial<CacheConfig>): Result;
  /** For mocks and subclasses. @hidden */
  updateConfig<_Result>(partial: Partial<CacheConfig>): any;
  /** Writes what waits and closes the cache. Idempotent. */
  stop(): Promise<void>;
  /** As {@link stop}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** `OptimizationStats` since the start of the system. Each figure and its source: `docs/reports.md`. */
export interface OptimizationStats {
  /** Tokens of the contexts minus tokens of the results; below zero where more was sent. */
  tokensSaved: number;
  /** MB of context that the filter left out. */
  memoryOptimized: number;
  /** Hits among lookups, 0–100; 0 before the first. */
  cacheHitRate: number;
  /** Share of the bytes of all contexts that the filter left out, 0–100. */
  contextReduction: number;
  /** 0–100, see `docs/scores.md`. */
  overallScore: number;
  /** Seconds. */
  uptime: number;
  /** When they were taken. */
  timestamp: Date;
  /** Contexts optimized, those with a failed stage included. */
  operations?: number;
  /** Stages that failed. */
  failures?: number;
  /** Contexts of which the filter left something out. */
  contextsFiltered?: number;
  /** `tokensSaved` less what receivers fetched back. */
  promptTokensSaved?: number;
  /** USD, with the provider's prompt cache counted; `null` while no message has a price; below zero for a loss. */
  costSavedUsd?: number | null;
  /** Lookups in the cache since the start. */
  cacheLookups?: number;
  /** Of those, the ones that found a value. */
  cacheHits?: number;
  /** Hits for a question in other words. */
  similarHits?: number;
  /** Memory in % of the limit that is nearest; `null` while it is unknown. */
  memoryPercentage?: number | null;
  /** Agents that the memory manager knows. */
  agents?: number;
  /** Agents that are throttled now. */
  throttledAgents?: number;
  /** Events that listeners did not get because they did not keep up. */
  droppedEvents?: number;
  /** How long the work of `optimizeAgentContext` took off the main thread, ms, within 1 %; `null` before the first. */
  latency?: { count: number; mean: number; p50: number; p95: number; p99: number; max: number } | null;
}

/** A change of a setting that figures of this system speak for. Rules and thresholds: `docs/recommendations.md`. */
export interface Recommendation {
  /** What it is about. */
  area: 'memory' | 'cache' | 'context' | 'general';
  /** `high`: work is held up or lost; `medium`: something could be better; `low`: nothing suffers. */
  priority: 'low' | 'medium' | 'high';
  /** Path in the configuration: `cache.l1MaxSize`; `null` where no setting helps. */
  setting: string | null;
  /** Its value. */
  current: any;
  /** The value to try; `null` where something else has to be done, which `reason` says. */
  proposed: any;
  /** One sentence for people: the setting, both values, the figures. */
  reason: string;
  /** Those figures. */
  evidence: Record<string, any>;
}

/** What to change. The texts are the reasons of `details`. */
export interface OptimizationRecommendations {
  /** Those about memory, as text. */
  memory: string[];
  /** Those about the cache, as text. */
  cache: string[];
  /** Those about contexts, as text. */
  context: string[];
  /** All others, as text. */
  general: string[];
  /** Of the most urgent one; `low` without any. */
  priority: 'low' | 'medium' | 'high';
  /** The most urgent first. */
  details?: Recommendation[];
}

/** What a report is to be and where. */
export interface ReportOptions {
  /**
   * The file; its directory must exist. Default: a new file `optimization-report-<ms>.json` (or `.html`) in the working
   * directory, which never replaces another.
   */
  path?: string | URL;
  /** Default: `'html'` for a path that ends in `.html` or `.htm`, else `'json'`. */
  format?: 'json' | 'html';
  /** Whether a file at `path` may be replaced. Default false: then one that is there is refused with `E_EXISTS`. */
  overwrite?: boolean;
}

/** What one agent holds. */
export interface AgentMemoryStats {
  /** Whose they are. */
  agentId: string;
  /** Bytes. */
  contextSize: number;
  /** Bytes. */
  cacheSize: number;
  /** Bytes. */
  totalMemory: number;
  /** Since when it is idle; after 10 minutes it is forgotten. */
  lastAccessed: Date;
  /** Whether it should wait. */
  isThrottled: boolean;
}

/** What is done against memory pressure, in the order in which it is done; undone in reverse order. */
export type MemoryStep =
  | 'normal'
  | 'shrinkCaches'
  | 'dropCaches'
  | 'collectGarbage'
  | 'releaseMemory'
  | 'throttleLargest'
  | 'throttleAll';

/** Whose limit it is: `maxMemoryUsage`; `memory.max` or `memory.high` of a cgroup; the machine; V8's heap. */
export type MemoryLimitSource = 'config' | 'cgroup' | 'cgroupHigh' | 'system' | 'heap';

/** Why an agent should wait. */
export interface ThrottleReason {
  /**
   * `agentLimit`: it holds more than `agentMemoryLimit`. `largestAgents`: memory is short and it is one of those that hold the
   * most. `allAgents`: memory is nearly used up.
   */
  code: 'agentLimit' | 'largestAgents' | 'allAgents';
  /** For people, with the figures. */
  message: string;
  /** When it began. */
  since: Date;
}

/** What {@link MemoryView.whenUnthrottled} takes. */
export interface WhenUnthrottledOptions {
  /** Ends the waiting: it rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Most ms to wait; then it rejects with `E_TIMEOUT`. Default none. */
  timeout?: number;
}

/** What an agent holds, as {@link MemoryView.holdContext} is told. */
export interface HeldContext {
  /** Who keeps it. */
  agentId: string;
  /** Bytes. */
  bytes: number;
  /** 0–1, default 0.5. */
  importance?: number;
}

/** A context that the caller should drop, and then say so by {@link MemoryView.releaseContext}. */
export interface ContextToDrop {
  /** Under which it was said to be held. */
  key: string;
  /** Who keeps it. */
  agentId: string;
  /** Bytes. */
  bytes: number;
  /** 0–1. */
  importance: number;
  /** When it was last used. */
  lastAccessed: Date;
  /** `pressure`: memory is short; `retention`: it was not used for `contextRetentionTime`. */
  reason: 'pressure' | 'retention';
}

/** What {@link MemoryView.getHealth} gives. */
export interface MemoryHealth {
  /** 0–100: 100 less what the parts lost. */
  score: number;
  /** What took points from the score. */
  parts: {
    name: string;
    /** Points. */
    lost: number;
    /** Why, with the figures. */
    explanation: string;
  }[];
}

/** One of the limits that count, in MB. */
export interface MemoryLimit {
  /** What sets the limit. */
  source: MemoryLimitSource;
  /** The limit, MB. */
  limit: number;
  /** What counts against it, MB. */
  used: number;
  /** `used` in % of `limit`; may be over 100. */
  percentage: number;
  /** MB/s; below zero where it shrinks, `null` before there are enough samples. */
  growth: number | null;
  /** ms until the limit is reached if it goes on growing so; `null` if it does not grow. */
  timeToLimit: number | null;
}

/**
 * Memory of the process and the machine, in MB (2^20 bytes) unless a name says otherwise; a figure that the system does not give
 * is `null`. See docs/memory.md.
 */
export interface MemoryStats {
  /** Memory of the process, MB. */
  process: {
    /** Resident set. */
    rss: number;
    /** The same with each page that several processes share counted in parts: what this process alone costs. Linux. */
    pss: number | null;
    heapTotal: number;
    heapUsed: number;
    external: number;
    /** Part of `external`; of `getMemoryStats()` only. */
    arrayBuffers?: number;
    [key: string]: any;
  };
  /** Memory of the machine, MB. */
  system: {
    total: number;
    /** What can be had without swapping. */
    free: number;
    used: number;
    /** `used` in % of `total`. */
    percentage: number;
    swapTotal: number | null;
    swapUsed: number | null;
    [key: string]: any;
  };
  /** Limits that are set: MB, `alertThreshold` in %. */
  config: { maxMemory: number; alertThreshold: number; agentLimit: number; [key: string]: any };
  /** The one that was not used for longest first. */
  agents: AgentMemoryStats[];
  /** Names of the agents that should wait. */
  throttledAgents: string[];
  /** The last five. */
  recentAlerts: (MemoryAlert & { [key: string]: any })[];
  /** All limits that were found. */
  limits: {
    /** The cgroup's figures and its limits, the smallest up the hierarchy; `null` outside of one, and each figure where there is none. */
    cgroup: {
      version: 1 | 2;
      max: number | null;
      high: number | null;
      current: number | null;
      /** `current` without what the kernel can drop at once. */
      workingSet: number | null;
      /** How often, since it was made, the kernel reclaimed in it, slowed it down, or killed. */
      events: Record<'low' | 'high' | 'max' | 'oom' | 'oomKill', number | null> | null;
      [key: string]: any;
    } | null;
    /** What V8's heap may grow to. */
    heapLimit: number;
    /** The lowest limit. */
    effective: number;
    effectiveSource: MemoryLimitSource;
    all: MemoryLimit[];
    [key: string]: any;
  };
  /** How full memory is, and what is done about it. */
  pressure: {
    /** Of the limit that is fullest. */
    percentage: number;
    source: MemoryLimitSource;
    step: MemoryStep;
    /** `null` before the first. */
    since: Date | null;
    /** For people: why this step; empty before the first. */
    reason: string;
    /** Share of the last 10 s, in %, in which some or all of the work waited for memory (Linux PSI). */
    psi: { some: number; full: number } | null;
    /** % from which each step is taken. */
    thresholds: Record<Exclude<MemoryStep, 'normal'>, number>;
    /** How many wait in {@link MemoryView.whenUnthrottled}. */
    waiting: number;
    [key: string]: any;
  };
  /** ms, the soonest of all limits; `null` if none is getting nearer. */
  timeToLimit: number | null;
  /** That of `pressure`. */
  percentage: number;
  /** Of this package, outside of V8. */
  native: {
    /** What Rust has allocated, by a counting allocator. */
    allocated: number;
    /** What SQLite has allocated, by its own counter. */
    sqlite: number;
    /** What zstd has allocated, by its own count; in neither of the two. */
    zstd: number;
    /** `sqlite` and the sum of `parts`: what `allocated` and `sqlite` together should be. */
    accounted: number;
    /** What each part says that it holds: `'cache L1'`, `'token states'`, … */
    parts: Record<string, number>;
    [key: string]: any;
  };
  /** What was done against pressure, by step; those that were not are absent. */
  actions: {
    step: MemoryStep;
    count: number;
    lastAt: Date;
    lastReason: string;
    /** By the last one. */
    freedMemory: number;
    totalFreed: number;
    /** ms of the last one. */
    costMs: number;
    maxCostMs: number;
    [key: string]: any;
  }[];
  /** What looking costs. */
  sampling: {
    intervalMs: number;
    samples: number;
    /** Mean ms of a sample. */
    costMs: number;
    /** % of one core. */
    share: number;
    [key: string]: any;
  };
  [key: string]: any;
}

/** A memory manager as a system gives it out: what is there to ask and to say. Its events are the system's. */
export interface MemoryView {
  /**
   * Says what an agent holds now, in place of what was said before. Over `agentMemoryLimit` it is throttled, under 80 % of it
   * released. At most 100,000 agents: the one that was not used for longest is forgotten, as is each after ten minutes.
   *
   * @param agentId 1 to 1,024 bytes.
   * @param contextBytes whole, 0 to 2^53 − 1; `cacheBytes` likewise.
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT`.
   */
  registerAgentMemory(agentId: string, contextBytes: number, cacheBytes: number): void;
  /** The agent has ended: it holds nothing. @returns whether it was known. */
  forgetAgent(agentId: string): boolean;
  /** Whether the agent should wait, one that is not known only where all do or others wait; false after `stop()`. No system call. */
  shouldThrottleAgent(agentId: string): boolean;
  /** Why it should wait, or `null` if it should not. */
  throttleReason(agentId: string): ThrottleReason | null;
  /**
   * Resolves when the agent need not wait: at once if it is not throttled, else when it is released, or has its turn while memory
   * is short (docs/memory.md); who came first is first. It keeps the process alive meanwhile. `stop()` releases all.
   *
   * @example
   * await memory.whenUnthrottled('backend-specialist', { timeout: 30_000 });
   * @throws {AgentwiseError} `E_TIMEOUT`, `E_INVALID_ARGUMENT`.
   * @throws the signal's reason.
   */
  whenUnthrottled(agentId: string, options?: WhenUnthrottledOptions): Promise<void>;
  /** Releases an agent that holds less than 80 % of its limit, if nothing else throttles it. @returns whether it was throttled and is not any more. */
  unthrottleAgent(agentId: string): boolean;
  /**
   * `requested` × 0.5 / 0.7 / 0.85 over 90 / 80 / 70 % of the limit, else × 0.6 for a throttled agent, rounded down, in the unit
   * that came in; else `requested`. No system call.
   */
  getRecommendedContextSize(agentId: string, requested: number): number;
  /** Starts or renews the retention of a context key. */
  updateContextAccess(key: string): void;
  /** Says that an agent holds a context, and renews it. @throws {AgentwiseError} `E_INVALID_ARGUMENT`. */
  holdContext(key: string, context: HeldContext): void;
  /** The caller has dropped it. @returns whether it was held. */
  releaseContext(key: string): boolean;
  /**
   * What should be dropped now, of one agent or of all: first what was not used for `contextRetentionTime` and is not forgotten
   * yet, then as much as pressure needs, the least valuable first; each agent keeps its best. At most 100,000 keys are known.
   */
  contextsToDrop(agentId?: string): ContextToDrop[];
  /** Figures now. O(agents). */
  getMemoryStats(): MemoryStats;
  /** Memory every 10 s, for 24 h, at most 1,000; the oldest first. */
  getMemoryHistory(): MemoryUsage[];
  /** 0–100, see {@link getHealth}. */
  getHealthScore(): number;
  /** The health score with what took from it. */
  getHealth(): MemoryHealth;
  /** Collects V8's garbage, also without `--expose-gc`, and gives free memory back to the system. `freedMemory`: MB. */
  performMaintenance(): Promise<{ garbageCollected: boolean; freedMemory: number }>;
  /**
   * Writes all figures as JSON, and a picture beside it under the same name with `.svg`, readable by the user only.
   *
   * @param path default `memory-report-<ms>.json` in the working directory. A file that is there is replaced as a whole.
   * @returns the absolute path of the JSON.
   * @throws {AgentwiseError} `E_IO`, `E_INVALID_ARGUMENT`.
   */
  exportMemoryReport(path?: string | URL): Promise<string>;
}

/** Events of a {@link MemoryManager}. Nothing is prepared for those without a listener. */
export interface MemoryManagerEvents {
  /** Every ten seconds. */
  memoryUpdate: [event: { process: MemoryStats['process']; system: MemoryStats['system']; agents: AgentMemoryStats[] }];
  /** Once for each type until it is over. */
  memoryAlert: [alert: MemoryAlert & { id: string }];
  /** An alert is over. */
  memoryAlertResolved: [event: { id: string; type: MemoryAlert['type']; resolvedAt: Date; durationMs: number }];
  /** An agent has said what it holds. */
  agentMemoryUpdate: [agent: AgentMemoryStats];
  /** An agent should wait from now on. */
  agentThrottled: [event: { agentId: string; reason: string }];
  /** An agent may go on. */
  agentUnthrottled: [event: { agentId: string }];
  /** `freedMemory`: MB. */
  garbageCollected: [event: { freedMemory: number; timestamp: Date; durationMs: number }];
  /** All agents are throttled, and what can be given back is. */
  emergencyCleanup: [event: { timestamp: Date }];
  /** Another step against pressure is in force. */
  pressureChanged: [
    event: {
      step: MemoryStep;
      previous: MemoryStep;
      percentage: number;
      source: MemoryLimitSource;
      reason: string;
      timestamp: Date;
      /** Throttled agents, now and before. */
      throttled: number;
      throttledBefore: number;
    },
  ];
  /** Memory is short: each context once, until that is over. `reason`: for people. */
  contextsToDrop: [event: { agentId: string; contexts: ContextToDrop[]; reason: string }];
  /** Keys that were not used for `contextRetentionTime`; they are forgotten. */
  contextExpired: [event: { keys: string[] }];
  /** Settings were changed by `updateConfig`. */
  configUpdated: [change: { oldConfig: MemoryConfig; newConfig: MemoryConfig }];
  /** The manager was stopped. */
  stopped: [];
}

/**
 * Watches the memory of the process against the limits that count, and acts before one is reached: it shrinks the caches of this
 * package, collects garbage, and has agents wait. Nothing of it keeps the process alive but {@link whenUnthrottled}. See
 * docs/memory.md.
 *
 * @example
 * import MemoryManager from 'agentwise-optimization/memory';
 * const memory = new MemoryManager({ maxMemoryUsage: 1024, agentMemoryLimit: 128 });
 * memory.registerAgentMemory('backend-specialist', contextBytes, 0);
 * await memory.whenUnthrottled('backend-specialist', { timeout: 30_000 });
 * memory.stop();
 */
export class MemoryManager extends TypedEmitter<MemoryManagerEvents> implements MemoryView {
  /** @throws {AgentwiseError} `E_CONFIG_INVALID` with every problem. */
  constructor(config?: Partial<MemoryConfig>);
  registerAgentMemory(agentId: string, contextBytes: number, cacheBytes: number): void;
  forgetAgent(agentId: string): boolean;
  shouldThrottleAgent(agentId: string): boolean;
  throttleReason(agentId: string): ThrottleReason | null;
  whenUnthrottled(agentId: string, options?: WhenUnthrottledOptions): Promise<void>;
  unthrottleAgent<Result = boolean>(agentId: string): Result;
  /** For mocks and subclasses. @hidden */
  unthrottleAgent<_Result>(agentId: string): any;
  getRecommendedContextSize(agentId: string, requested: number): number;
  updateContextAccess(key: string): void;
  holdContext(key: string, context: HeldContext): void;
  releaseContext(key: string): boolean;
  contextsToDrop(agentId?: string): ContextToDrop[];
  getMemoryStats<Result = MemoryStats>(): Result;
  /** For mocks and subclasses. @hidden */
  getMemoryStats<_Result>(): any;
  getMemoryHistory(): MemoryUsage[];
  getHealthScore(): number;
  getHealth(): MemoryHealth;
  performMaintenance(): Promise<{ garbageCollected: boolean; freedMemory: number }>;
  exportMemoryReport(path?: string | URL): Promise<string>;
  /** All of it or nothing; agents are judged by a new limit when they are registered next. @throws {AgentwiseError} `E_CONFIG_INVALID`. */
  updateConfig(partial: Partial<MemoryConfig>): void;
  /** Ends watching, releases all agents and those who wait. Idempotent. */
  stop(): void;
  /** As `stop()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** An entry of the cache, as events carry it. */
export interface CacheEntry {
  /** The query under which it is stored. */
  key: string;
  /** Parsed when first read. */
  value: any;
  /** Bytes of its JSON. */
  size: number;
  /** When it was stored. */
  createdAt: Date;
  /** When it was last found. */
  lastAccessed: Date;
  /** How often it was found. */
  hitCount: number;
  /** Seconds. */
  ttl: number;
  /** Whether it is compressed where it is. */
  compressed: boolean;
  /** How like the query is under which it was found, 0–1, if that was another one. */
  similarity?: number;
}

/** Figures of a disk tier. Optional fields are always there, as in a {@link FilteredContext}. */
export interface DiskTierStats {
  /** MB stored: values, keys, rows. */
  sizeMB: number;
  /** Its budget. */
  maxSizeMB: number;
  /** Hits per lookup that came to this tier. */
  hitRate: number;
  /** Entries in it. */
  entries: number;
  /** Lookups that ended in it. */
  hits?: number;
  /** Bytes that its entries take as they are stored. */
  storedBytes?: number;
  /** Bytes of the values before compression. */
  rawBytes?: number;
}

/**
 * Figures of the cache. Rates 0–1; 0 before the first lookup. Those of the disk are at most five seconds old. Optional fields are
 * always there, as in a {@link FilteredContext}.
 */
export interface CacheStats {
  /** The tier in memory. */
  l1: {
    /** Entries. */
    size: number;
    maxSize: number;
    hitRate: number;
    entries: number;
    sizeMB?: number;
    maxSizeMB?: number;
    hits?: number;
  };
  /** The tier on disk. */
  l2: DiskTierStats;
  /** `compressionRatio`: stored bytes per byte of values, 1 while there is none. Dictionaries are stored besides. */
  l3: DiskTierStats & { compressionRatio: number; dictionaryBytes?: number };
  /** All tiers together. */
  overall: {
    totalHits: number;
    totalMisses: number;
    hitRate: number;
    evictions: number;
    expired?: number;
    /** Lookups answered with the entry of a query in other words. */
    similarityDetections: number;
  };
  /** Whether the disk is used, and why not. */
  disk?: {
    /** `idle`: nothing was stored yet; `off`: `persistToDisk` is false. */
    state: 'off' | 'idle' | 'opening' | 'ok' | 'degraded' | 'closed';
    /** Why it is degraded, for example `full`, `readOnly`, `permission`, `networkFileSystem`. */
    reason?: string;
    path?: string;
    /** Operations that wait to be written. */
    queued: number;
    /** Entries written, and in how many transactions. */
    written: number;
    batches: number;
    /** Operations that could not be written: entries, uses, removals. */
    dropped: number;
    /** Writes that waited for room in the queue. */
    delayed: number;
    /** Damaged entries found; each was a miss. */
    corrupt: number;
    /** Entries compressed into L3; entries given up. */
    compressed: number;
    evicted: number;
    failures: number;
    /** ms by which the machine's clock was set back since the start. */
    clockBehindMs: number;
  };
  /** The index of queries. */
  similarity?: {
    /** Queries that are found in other words: at most 100,000, the newest. What was stored last is counted a little later. */
    queries: number;
    /** Vectors in memory, 128 MB at most, the newest; absent without {@link SimilarityPlugins.embed}. */
    vectors?: number;
    /** Whether those that were on disk before are all among them; they are taken up in the background. */
    isComplete: boolean;
  };
  [key: string]: any;
}

/** Health of one component, 0–100: 90 excellent, 70 good, 50 acceptable, 30 warning, below critical. */
export interface HealthCheck {
  /** `memory`, `cache`, `agents`, `system` (processors, disk, event loop) or `performance`. */
  component: string;
  /** `healthy` from 50, `warning` from 30, `critical` below; `down`: the check itself failed or did not answer. */
  status: 'healthy' | 'warning' | 'critical' | 'down';
  /** 0–100; 100 where there are no data yet, 0 for what is down. */
  score: number;
  /** For people, with the figures. */
  message: string;
  /** When it was judged. */
  timestamp: Date;
  /** The figures that the score was made of. */
  metrics?: any;
}

/** What {@link MonitorView.getOverallHealth} gives. */
export interface OverallHealth {
  /** 0–100. */
  score: number;
  /** `unknown` before the first check. */
  status: 'healthy' | 'warning' | 'critical' | 'down' | 'unknown';
  /** Those that are on; empty before the first check. */
  components: HealthCheck[];
  [key: string]: any;
}

/** Requests of one operation between two samples. Times in ms. */
export interface OperationMetrics {
  /** Requests that ended, the failed ones among them. */
  count: number;
  /** Requests that failed. */
  errors: number;
  /** `errors` in % of `count`. */
  errorRate: number;
  /** Requests a second. */
  throughput: number;
  /** Mean duration, ms. */
  mean: number;
  /** Half, 95 % and 99 % were answered within; each within 0.5 % of its exact value. */
  p50: number;
  /** 95 % were done within, ms. */
  p95: number;
  /** 99 % were done within, ms. */
  p99: number;
  /** The slowest. */
  max: number;
}

/**
 * Figures of everything at one time; docs/metrics.md says of each what it is, where it is read and how it is exported. Sizes are
 * MB (2^20 bytes), times ms, shares % unless said otherwise. A figure that could not be read is `null`, never a guess: also those
 * that are declared as numbers, since callers of the replaced package read them without looking. Optional fields are always
 * there, as in a {@link FilteredContext}.
 */
export interface SystemMetrics {
  /** When the sample was taken. */
  timestamp: Date;
  /** Memory, MB. */
  memory: {
    /** Resident set of the process. */
    process: any;
    /** Memory of the machine that is in use. */
    system: any;
    /** Memory of the machine that can be had without swapping. */
    available: number;
    /** Of the limit that is fullest. */
    percentage: number;
    /** That limit. */
    limit?: number | null;
    heapUsed?: number | null;
    heapLimit?: number | null;
    external?: number | null;
    /** What this package has allocated outside of V8. */
    native?: number | null;
    [key: string]: any;
  };
  /** Processors, %. */
  cpu: {
    /** Of all processors of the machine, since the last sample. */
    usage: number;
    /** Of 1, 5 and 15 minutes. */
    loadAverage: number[];
    /** Of the process since the last sample; 100 is one core. */
    process?: number | null;
    /** Processor time of the process since it began, seconds. */
    time?: number | null;
    /** Those that the process may use. */
    cores?: number | null;
    [key: string]: any;
  };
  /** The file system of the cache directory, as `df` has it. */
  disk: { usage: number; available: number; percentage: number; [key: string]: any };
  /** Figures of the cache, and how often it had an answer of late. */
  cache: CacheStats & {
    /** Hits per lookup of the last 5 minutes in %; `null` while there were fewer than 20. */
    recentHitRate?: number | null;
  };
  /** `totalMemory`: MB of contexts and caches that agents hold. */
  agents: { active: number; throttled: number; totalMemory: number; [key: string]: any };
  /** Requests of all operations; durations in ms. */
  performance: {
    /** 95 % of the requests since the last sample were answered within. */
    responseTime: number;
    /** Requests a second since the last sample. */
    throughput: number;
    /** Of the requests since the last sample. */
    errorRate: number;
    p50?: number | null;
    p99?: number | null;
    max?: number | null;
    /** Since the start. */
    requests?: number | null;
    errors?: number | null;
    /** p95 of the last minute, of the operation for which it is longest. */
    slowestP95?: number | null;
    /** Of the requests of the last minute; `null` while there were fewer than 10. */
    recentErrorRate?: number | null;
    [key: string]: any;
  };
  /** By name, those that had requests since the last sample: 64 at most, further ones together as `other`. */
  operations?: Record<string, OperationMetrics>;
  /** Delays of the event loop, ms. */
  eventLoop?: {
    /** How long work for the event loop had to wait since the last sample. A stall that goes on counts. */
    p50: number | null;
    p99: number | null;
    max: number | null;
    /** Share of its time, 0–1, that it was not idle. */
    utilization: number | null;
    [key: string]: any;
  };
  /** Collections of garbage. */
  gc?: {
    /** Garbage collections since the start, and the time that JavaScript waited for them. */
    count: number | null;
    time: number | null;
    /** The longest since the last sample. */
    max: number | null;
    [key: string]: any;
  };
  /** What the context filter worked on, bytes. */
  filter?: { contexts: number | null; bytesIn: number | null; bytesOut: number | null; [key: string]: any };
  /** Tokens since the start. */
  tokens?: {
    /** Of contexts as they were, and of what was sent instead. */
    original: number | null;
    sent: number | null;
    /** As reported by `trackUsage`. */
    used: number | null;
    savedDollars: number | null;
    [key: string]: any;
  };
  /** The health score of the last checks, 0–100. */
  health?: { score: number | null; [key: string]: any };
  /** Alerts that are not over. */
  alerts?: { active: number | null; [key: string]: any };
  /** Seconds. */
  uptime?: number | null;
  [key: string]: any;
}

/** How bad an alert is. */
export type AlertLevel = 'info' | 'warning' | 'critical';

/** What an alert is about. */
export type AlertComponent = 'memory' | 'cache' | 'cpu' | 'disk' | 'agents' | 'performance';

/** An alert of the production monitor. */
export interface Alert {
  /** Unique, also across restarts and processes. */
  id: string;
  /** How bad it is. */
  type: AlertLevel;
  /** What it is about. */
  component: AlertComponent;
  /** What is the matter, in a few words. */
  title: string;
  /** With the figures. */
  message: string;
  /** When it was raised. */
  timestamp: Date;
  /** Whether it is over. */
  resolved: boolean;
  /** When it was over. */
  resolvedAt?: Date;
  /**
   * Of a rule: `rule`, `metric`, `value`, `threshold`. Once it is over: `resolvedBy` (`'condition'`, `'manual'`, `'rule'`: that is gone
   * or was switched off, `'age'`, `'noData'`) and `endValue`. `silenced` where it was held back. Else what the application gave.
   */
  metadata?: any;
}

/** What {@link MonitorView.createAlert} takes. */
export interface NewAlert {
  /** How bad it is. */
  type: AlertLevel;
  /** What it is about. */
  component: AlertComponent;
  /** 1 to 200 characters, no control characters. */
  title: string;
  /** At most 4,000 characters; no control characters but line feeds. */
  message: string;
  /** At most 16 KB as JSON. */
  metadata?: Record<string, any>;
}

/** Thresholds of alerts, in %, 0 to 100. A warning must not be above its critical threshold. */
export interface AlertThresholds {
  /** Of the memory limit that is fullest. Default 80. */
  memoryWarning: number;
  /** Default 95. */
  memoryCritical: number;
  /** Hits per lookup of the last 5 minutes, below which there is a warning. Default 60. */
  cacheHitRateWarning: number;
  /** Of the machine's processors, for 30 s. Default 80. */
  cpuWarning: number;
  /** Default 95. */
  cpuCritical: number;
  /** Of the file system of the cache directory. Default 85. */
  diskUsageWarning: number;
}

/**
 * When there is an alert. One with the `id` of a built-in rule (`memoryWarning`, `memoryCritical`, `cacheHitRateWarning`, `cpuWarning`,
 * `cpuCritical`, `diskUsageWarning`, `throttledAgents`, `errorRate`, `responseTime`, `eventLoopDelay`) takes its place.
 *
 * @example
 * const rule: AlertRule = {
 *   id: 'slow-answers', metric: 'performance.p99', above: 2000, for: 60_000, hysteresis: 200, level: 'warning',
 *   message: '{metric} is {value} {unit}, over {threshold} {unit}',
 * };
 */
export interface AlertRule {
  /** 1 to 64 letters, digits, `.`, `_`, `-`. */
  id: string;
  /** Path of a figure in {@link SystemMetrics} (docs/metrics.md): `cpu.usage`, `cpu.loadAverage.0`. */
  metric: string;
  /** The condition: the figure, in its unit, is over this … */
  above?: number;
  /** … or under this. Exactly one of the two. */
  below?: number;
  /** How bad it is when the rule is broken. */
  level: AlertLevel;
  /** Default that which the first part of `metric` names, else `performance`. */
  component?: AlertComponent;
  /** ms for which the condition must hold without a break, whole, a day at most. Default 0. */
  for?: number;
  /** In the unit of the figure: it is over only this far on the other side of the threshold. Default 0. */
  hysteresis?: number;
  /** Default made from the rule. */
  title?: string;
  /** May hold `{value}`, `{threshold}`, `{metric}` and `{unit}`. Default made from the rule. */
  message?: string;
  /** `false` switches it off: of a built-in rule, `{ id, enabled: false }` is enough. Default true. */
  enabled?: boolean;
}

/** `{ id, enabled: false }`: a rule that is switched off. */
export interface DisabledAlertRule extends Partial<AlertRule> {
  /** Of the built-in rule that is switched off. */
  id: string;
  /** That it is off. */
  enabled: false;
}

/** Settings of the production monitor. Addresses and keys of channels are environment variables. See docs/monitoring.md. */
export interface MonitoringConfig {
  /** Whether there are alerts at all; `false` ends those of rules. Default true. */
  alertsEnabled: boolean;
  /** From which built-in rules raise alerts, %. */
  alertThresholds: AlertThresholds;
  /** ms between health checks, whole, 10 to 2,147,483,647. Default 30,000. */
  healthCheckInterval: number;
  /** Days that metrics and alerts are kept, 0.01 to 3,650; as they were for a day, then one a minute. Default 7. */
  metricsRetention: number;
  /** Needs `SLACK_WEBHOOK_URL`. Default false. */
  enableSlackAlerts: boolean;
  /** Needs `EMAIL_SERVICE_API`. Default false. */
  enableEmailAlerts: boolean;
  /** Needs `ALERT_WEBHOOK_URL`; `ALERT_WEBHOOK_SECRET` signs. Default false. */
  enableWebhookAlerts?: boolean;
  /** Needs `PAGERDUTY_ROUTING_KEY`. Default false. */
  enablePagerDutyAlerts?: boolean;
  /** Sender of alerts by email, `ops@example.com` or `Ops <ops@example.com>`. Default `agentwise-optimization@` and the host's name. */
  alertEmailFrom?: string;
  /** Recipients of alerts by email, at most 50. Default none. */
  alertEmailTo?: string[];
  /** Whether each alert is a line on stderr. Default true. */
  console?: boolean;
  /** ms between samples, whole, 100 to 3,600,000. Default 10,000. */
  metricsInterval?: number;
  /** Whether metrics and alerts are kept on disk, in `monitor/` of the cache directory; not while `cache.persistToDisk` is false. Default true. */
  persistMetrics?: boolean;
  /** Rules of the application, at most 100. Default none. */
  alertRules?: (AlertRule | DisabledAlertRule)[];
  /**
   * Port of `/metrics`, `/healthz` and `/readyz`; 0 is any free one, `null` (default) no server. One that cannot be had is a
   * `warning`, and tried again every minute.
   */
  metricsPort?: number | null;
  /** Address that it listens on. One that other machines reach needs `METRICS_TOKEN`, else there is a `warning` and no server. Default `127.0.0.1`. */
  metricsHost?: string;
  /** Whether metrics go out by OTLP over HTTP. Default false. */
  enableOtlpExport?: boolean;
  /** Default `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, else `OTEL_EXPORTER_OTLP_ENDPOINT`, else `http://localhost:4318`. */
  otlpEndpoint?: string;
  /** ms between two exports, whole, 1,000 to 3,600,000. Default 60,000. */
  otlpInterval?: number;
  /** Accepted and checked; of a system its own counts. Default `'development'`. */
  environment: Environment;
}

/** What a {@link ProductionMonitor} is made from: any of the settings, and any of the thresholds. */
export type MonitoringOptions = Partial<Omit<MonitoringConfig, 'alertThresholds'>> & {
  alertThresholds?: Partial<AlertThresholds>;
};

/** What {@link MonitorView.silence} takes: whom it is about (at least one), and how long (exactly one). */
export interface NewSilence {
  /** Alerts of this component. */
  component?: AlertComponent;
  /** Alerts of this level. */
  type?: AlertLevel;
  /** `id` of a rule. */
  rule?: string;
  /** The whole title. */
  title?: string;
  /** ms from now, whole, 366 days at most. */
  durationMs?: number;
  /** A time, or Unix ms. */
  until?: Date | number;
  /** At most 500 characters. */
  comment?: string;
}

/** Alerts that match all that it names are kept, and reach nobody while it lasts. */
export interface Silence {
  /** By which `removeSilence` knows it. */
  id: string;
  /** Alerts of this component; absent: of any. */
  component?: AlertComponent;
  /** Alerts of this level; absent: of any. */
  type?: AlertLevel;
  /** Alerts of this rule; absent: of any. */
  rule?: string;
  /** Alerts with this title; absent: with any. */
  title?: string;
  /** Why, for people. */
  comment?: string;
  /** When it begins. */
  from: Date;
  /** When it ends. */
  until: Date;
}

/** A way on which alerts get to people. */
export interface ChannelStatus {
  /** Which channel. */
  name: 'console' | 'slack' | 'email' | 'webhook' | 'pagerduty';
  /** Whether it is switched on. */
  enabled: boolean;
  /** Whether it has what it needs of the environment, and that is sound. */
  configured: boolean;
  /** Alerts that wait or are being sent. */
  queued: number;
  /** Alerts that arrived; one that began and ended counts twice. */
  delivered: number;
  /** Attempts that failed and were or will be repeated. */
  retries: number;
  /** Alerts that were given up: refused for good, or a day old. */
  dead: number;
  /** Alerts that were only counted as too many waited, or dropped as the channel was switched off. */
  dropped: number;
  /** Messages that stood for many in a storm. */
  digests: number;
  /** Never with an address or a key. */
  lastError?: string;
  /** When the last message has arrived. */
  lastDeliveredAt?: Date;
  [key: string]: any;
}

/** How {@link MonitorView.testAlert} went on one channel. */
export interface ChannelTest {
  /** Which channel. */
  channel: ChannelStatus['name'];
  /** Whether the message has arrived. */
  delivered: boolean;
  /** How often it was sent. */
  attempts: number;
  /** How long that took. */
  durationMs: number;
  /** Why not; never with an address or a key. */
  error?: string;
}

/** What a monitor recommends: as {@link OptimizationRecommendations.details} has it. */
export type ScalingRecommendation = Recommendation;

/** Something is slower, or has fewer hits, than it usually has. */
export interface Degradation {
  /** What it is about. */
  component: AlertComponent;
  /** Path in {@link SystemMetrics}. */
  metric: string;
  /** Of which operation; absent where it is all of them. */
  operation?: string;
  /** What is usual, in the unit of the figure. */
  baseline: number;
  /** The figure now. */
  current: number;
  /** When it began. */
  since: Date;
}

/** What {@link MonitorView.getStatus} gives. */
export interface MonitorStatus {
  /** Where the monitor runs. */
  environment: Environment;
  /** Seconds. */
  uptime: number;
  /** As `getOverallHealth()`. */
  health: OverallHealth;
  /** `null` before the first sample. */
  metrics: SystemMetrics | null;
  /** Of the last hour; `recent`: the last five. */
  alerts: { total: number; critical: number; warnings: number; recent: Alert[]; [key: string]: any };
  /** The last check of each; `null` before the first. */
  components: {
    memory: HealthCheck | any;
    cache: HealthCheck | any;
    agents: HealthCheck | any;
    system: HealthCheck | any;
    performance: HealthCheck | any;
    [key: string]: any;
  };
  /** Each alert channel and how it goes. */
  channels: ChannelStatus[];
  /** How figures leave the process. */
  exporter: {
    /** Where `/metrics` is, or `null`. */
    url: string | null;
    /** `null` while `enableOtlpExport` is off. */
    otlp: { exported: number; failed: number; lastError?: string; lastAt?: Date; [key: string]: any } | null;
    [key: string]: any;
  };
  /** Where the history is; `null` while there is none on disk. */
  store: { path: string | null; [key: string]: any };
  /** As `getDegradations()`. */
  degradations: Degradation[];
  /** As `getRecommendations()`. */
  recommendations: ScalingRecommendation[];
  /** As `getSilences()`. */
  silences: Silence[];
  /** What is not as the settings ask for: channels without their secret, addresses that are none. */
  warnings: ConfigProblem[];
  [key: string]: any;
}

/** A production monitor as a system gives it out: what is there to ask and to say. Its events are the system's. */
export interface MonitorView {
  /** The mean of the components' mean and the worst of them. */
  getOverallHealth(): OverallHealth;
  /** The last sample; `null` before the first. */
  getCurrentMetrics(): SystemMetrics | null;
  /**
   * Samples, the oldest first, those of earlier runs among them. O(samples): 8,640 a day.
   *
   * @param hours how far back. Default 24.
   * @param options.maxPoints at most so many, from 2; neighbours are joined. Default all.
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT`.
   */
  getMetricsHistory(hours?: number, options?: { maxPoints?: number }): SystemMetrics[];
  /**
   * Alerts that began in the last `hours` (default 24), the newest first, those of earlier runs among them; 10,000 at most are
   * kept. @throws {AgentwiseError} `E_INVALID_ARGUMENT`.
   */
  getRecentAlerts(hours?: number): Alert[];
  /**
   * Ends an alert by hand; the same one does not begin again within 5 minutes while its condition goes on.
   *
   * @returns whether there was one that was not resolved.
   */
  resolveAlert(id: string): boolean;
  /** Health, metrics, alerts of the last hour, channels and exports at one time. */
  getStatus(): MonitorStatus;
  /**
   * Writes everything as one file, readable by the user only: as JSON, or as a page with charts that needs nothing else.
   *
   * @param path default `monitoring-report-<ms>.json` in the working directory. A file that is there is replaced as a whole.
   * @param options.format default by the name: `.html` is a page, anything else JSON.
   * @returns its absolute path.
   * @throws {AgentwiseError} `E_IO`, `E_INVALID_ARGUMENT`.
   */
  exportReport(path?: string | URL, options?: { format?: 'json' | 'html' }): Promise<string>;
  /**
   * An alert of the application's own, sent like any other. It lasts until {@link resolveAlert}, a day at most.
   *
   * @returns `null` when the same one (component, type, title) was created less than 5 minutes ago. While `alertsEnabled` is false
   * it is kept and reaches nobody.
   * @example
   * monitor.createAlert({ type: 'warning', component: 'agents', title: 'Budget used up', message: 'Team A has spent 20 USD' });
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT` with every problem; `E_SHUT_DOWN` after `stop()`.
   */
  createAlert(alert: NewAlert): Alert | null;
  /**
   * Has matching alerts reach nobody for a while; they are raised and kept all the same. What goes on when it ends is sent then.
   * 1,000 at most; they survive a restart.
   *
   * @example
   * monitor.silence({ component: 'disk', durationMs: 3_600_000, comment: 'moving the cache' });
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT` with every problem; `E_SHUT_DOWN` after `stop()`.
   */
  silence(silence: NewSilence): Silence;
  /** Those that have not ended. */
  getSilences(): Silence[];
  /** Ends one. @returns whether there was one. */
  removeSilence(id: string): boolean;
  /**
   * Books a request that has ended. Under a microsecond.
   *
   * @param operation its name; 64 names are kept apart, and cut at 64 bytes.
   * @param durationMs what is no time (NaN, infinite, negative, over 30 years) counts as a request, and in no mean or percentile.
   * @param options.error whether it failed. Default false.
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for a name that is no text and a duration that is no number.
   */
  recordRequest(operation: string, durationMs: number, options?: { error?: boolean }): void;
  /**
   * Runs `work` and books how long it took, of a promise until it is settled, and whether it threw or rejected.
   *
   * @returns what `work` returns.
   * @example
   * const answer = await monitor.measure('chat', () => client.chat(messages));
   * @throws what `work` throws.
   */
  measure<T>(operation: string, work: () => T): T;
  /** None where figures do not say that one would help. */
  getRecommendations(): ScalingRecommendation[];
  /** What is worse than usual for now, see docs/monitoring.md. */
  getDegradations(): Degradation[];
  /** Metrics as Prometheus reads them, in its own format (default) or as OpenMetrics. @throws {AgentwiseError} `E_INVALID_ARGUMENT`. */
  metricsText(options?: { format?: 'prometheus' | 'openmetrics' }): string;
  /**
   * Sends a test message on every channel that is switched on, or on one, switched on or not.
   *
   * @returns how it went, within 35 s. It does not reject for a channel that fails or has not what it needs.
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for a channel that there is not; `E_SHUT_DOWN` after `stop()`.
   */
  testAlert(options?: { channel?: ChannelStatus['name'] | (string & {}) }): Promise<ChannelTest[]>;
}

/** Events of a {@link ProductionMonitor}. Nothing is prepared for those without a listener. */
export interface ProductionMonitorEvents {
  /** A sample was taken. */
  metricsCollected: [metrics: SystemMetrics];
  /** Also for an alert that is silenced. */
  alertCreated: [alert: Alert];
  /** An alert is over. */
  alertResolved: [alert: Alert];
  /** Each component's, at every check. */
  healthCheckResult: [check: HealthCheck];
  /** All components were checked. */
  healthCheckCompleted: [health: OverallHealth];
  /** A message arrived; `ids`: of its alerts. */
  alertDelivered: [event: { channel: ChannelStatus['name']; ids: string[] }];
  /** It was given up. `reason`: never with an address or a key. */
  alertNotDelivered: [event: { channel: ChannelStatus['name']; ids: string[]; reason: string }];
  /** A figure is worse than usual. */
  degradationDetected: [degradation: Degradation];
  /** It is as usual again. */
  degradationEnded: [degradation: Degradation];
  /** Something is off but work goes on: a channel without its secret, a history that cannot be stored. */
  warning: [warning: ConfigProblem];
  /** Settings were changed by `updateConfig`. */
  configUpdated: [change: { oldConfig: MonitoringConfig; newConfig: MonitoringConfig }];
  /** The monitor was stopped. */
  stopped: [];
}

/**
 * Samples figures, checks health, raises alerts and gets them to people, and keeps a history on disk. It goes on while the event loop
 * is stuck. Nothing of it keeps the process alive. See docs/monitoring.md.
 *
 * @example
 * import ProductionMonitor from 'agentwise-optimization/monitor';
 * await using monitor = new ProductionMonitor({ alertThresholds: { cpuWarning: 70 }, metricsPort: 9464 });
 * monitor.on('alertCreated', ({ title, message }) => console.log(title, message));
 * const answer = await monitor.measure('chat', () => client.chat(messages));
 */
export class ProductionMonitor extends TypedEmitter<ProductionMonitorEvents> implements MonitorView {
  /**
   * @param memoryManager ours, or an object with the methods that are used of it; so the others. One that throws or does not
   * answer is `down` in the health checks, and nothing else is.
   * @throws {AgentwiseError} `E_CONFIG_INVALID` with every problem; `E_INVALID_ARGUMENT` for components that are no objects.
   */
  constructor(
    config?: MonitoringOptions,
    memoryManager?: MemoryView | any,
    cacheManager?: AdvancedCacheManager | any,
    contextFilter?: AgentContextFilter | any,
  );
  getOverallHealth(): OverallHealth;
  getCurrentMetrics(): SystemMetrics | null;
  getMetricsHistory(hours?: number, options?: { maxPoints?: number }): SystemMetrics[];
  getRecentAlerts(hours?: number): Alert[];
  resolveAlert(id: string): boolean;
  getStatus<Result = MonitorStatus>(): Result;
  /** For mocks and subclasses. @hidden */
  getStatus<_Result>(): any;
  exportReport(path?: string | URL, options?: { format?: 'json' | 'html' }): Promise<string>;
  createAlert(alert: NewAlert): Alert | null;
  silence(silence: NewSilence): Silence;
  getSilences(): Silence[];
  removeSilence(id: string): boolean;
  recordRequest(operation: string, durationMs: number, options?: { error?: boolean }): void;
  measure<T>(operation: string, work: () => T): T;
  getRecommendations(): ScalingRecommendation[];
  getDegradations(): Degradation[];
  metricsText(options?: { format?: 'prometheus' | 'openmetrics' }): string;
  testAlert(options?: { channel?: ChannelStatus['name'] | (string & {}) }): Promise<ChannelTest[]>;
  /** All of it or nothing. @throws {AgentwiseError} `E_CONFIG_INVALID` with every problem. */
  updateConfig(partial: MonitoringOptions): void;
  /** Stores what is not stored yet, gives messages that are under way a moment, ends everything. Idempotent. */
  stop(): Promise<void>;
  /** As `stop()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * What `getStatus()` returns. Before `initialize()` and after `shutdown()` there are only `initialized` and `error`. Callers
 * of the replaced package read fields without looking, so all are declared as there.
 */
export interface SystemStatus {
  /** Whether it runs. */
  initialized: boolean;
  /** Why there is nothing else. */
  error?: string;
  /** Where it runs. */
  environment: Environment;
  /** Seconds. */
  uptime: number;
  /** 0–100. */
  overallScore: number;
  /** A component that is off is `null`. */
  components: {
    memoryManager: MemoryStats & { healthScore: number };
    cacheManager: CacheStats & { healthScore: number };
    /** The figures are those of {@link AgentContextFilter.getFilterStats}, of the contexts of all agents. */
    contextFilter: {
      healthScore: number;
      cachedContexts: number;
      analysisBytes: number;
      references: number;
      referenceBytes: number;
      [key: string]: any;
    };
    productionMonitor: MonitorStatus;
    tokenOptimizer: { healthScore: number; [key: string]: any };
    [key: string]: any;
  };
  /** As `getOptimizationStats()`. */
  statistics: OptimizationStats;
  /** As `getOptimizationRecommendations()`. */
  recommendations: OptimizationRecommendations;
  /** Whether settings follow the load. */
  autoTuning: boolean;
  /** How the tuning goes. */
  tuning: TuningStatus;
  /** `null` before the first. */
  lastOptimization: any;
  /** What was sent to agents, and what that saved. */
  tokenOptimizer: any;
  /** {@link SharedContextClientStats}; absent without `enableSharedContext`. */
  sharedContext?: any;
  /** The configuration file that was used, or `null`. */
  configFile: any;
  /** Where other programs of this user can ask the system, or why they cannot; both `null` when `liveSocket` is off. */
  live: { socket: string | null; reason: string | null };
  /** What is not as the configuration asked for, for example a `configFile` that is not there. */
  warnings: ConfigProblem[];
  [key: string]: any;
}

/** How settings follow the load while `autoTuning` is on. */
export interface TuningOptions {
  /** Time between two steps, ms, whole, 1000 to 2,147,483,647. Default 300,000. */
  interval?: number;
  /**
   * Between which values a setting is tuned, by its path, in its unit. Default: sizes and times between a quarter and four times
   * the configured value, thresholds only to the careful side of it.
   */
  bounds?: { [setting: string]: { min?: number; max?: number } };
  /** Paths of settings that the tuning leaves alone, for example `cache.evictionPolicy`. */
  fixed?: string[];
}

/** One change that the tuning made. */
export interface TuningAdjustment {
  /** Counts changes from 1 on. */
  id: number;
  /** When it was made. */
  at: Date;
  /** Path of the setting, for example `cache.l1MaxSize`. */
  setting: string;
  /** The value before. */
  from: number | string;
  /** The value that was tried. */
  to: number | string;
  /** What changed with it: `cache.l1MaxSizeMB` with `cache.l1MaxSize`. */
  also?: { setting: string; from: number; to: number };
  /** What was measured that spoke for it. */
  reason: string;
  /** Figures that say so. */
  evidence: { [key: string]: any };
  /** The objective before the change; `null` where only a limit asked for it. */
  before: { [key: string]: any } | null;
  /** The objective when the change was judged. */
  after: { [key: string]: any } | null;
  /** `abandoned`: could not be measured, or its user changed the setting. */
  outcome: 'trying' | 'kept' | 'undone' | 'abandoned';
  /** Why that came of it. */
  why?: string;
  /** When it was kept or undone. */
  decidedAt?: Date;
}

/** What one step of the tuning did. */
export interface TuningResult {
  /** When the step was made. */
  timestamp: Date;
  /** Statistics at that time. */
  stats: OptimizationStats;
  /** Recommendations at that time. */
  recommendations: OptimizationRecommendations;
  /** Changes that were made or decided about in this step. */
  adjustments: TuningAdjustment[];
}

/** `tuning` of {@link SystemStatus}. */
export interface TuningStatus {
  /** Whether steps are made by themselves. */
  enabled: boolean;
  /** ms. */
  interval: number;
  /** `null` before the first step. */
  lastRun: Date | null;
  /** The change that is being tried. */
  trial: TuningAdjustment | null;
  /** Steps since the start. */
  steps: number;
  /** Changes that were kept. */
  kept: number;
  /** Changes that were undone. */
  undone: number;
}

/** Health of one part. */
export interface PartHealth {
  /** Whether the score is 70 or more. */
  healthy: boolean;
  /** 0–100: 90 excellent, 70 good, 50 acceptable, 30 warning, below critical. */
  score: number;
  /** Why, with figures. */
  explanation?: string;
}

/** What `getHealthStatus()` returns. Before `initialize()` and after `shutdown()`: `{ overall: 'down', score: 0, message }`. */
export interface SystemHealthStatus {
  /** `warning` under 75, `critical` under 50. */
  overall: 'healthy' | 'warning' | 'critical' | 'down';
  /** Mean of the parts' mean and the worst part, 0–100. */
  score: number;
  /** Why it is down. */
  message?: string;
  /** A component that is off is `null`. */
  components: {
    tokenOptimizer: PartHealth;
    memoryManager: PartHealth;
    cacheManager: PartHealth;
    contextFilter: PartHealth;
    [key: string]: any;
  };
  /** The reasons of `recommendationDetails`. */
  recommendations: string[];
  /** The recommendations with their settings and evidence. */
  recommendationDetails?: Recommendation[];
  /** Figures that the score was made of. */
  systemStats: any;
  /** Seconds since the start. */
  uptime: number;
  /** Where it runs. */
  environment: Environment;
  [key: string]: any;
}

/** Other settings of one part of a system, all of them before and after. */
export type PartConfigUpdate =
  | { component: 'memoryManager'; oldConfig: MemoryConfig; newConfig: MemoryConfig }
  | { component: 'cacheManager'; oldConfig: CacheConfig; newConfig: CacheConfig }
  | { component: 'contextFilter'; oldConfig: ContextFilterConfig; newConfig: ContextFilterConfig }
  | { component: 'productionMonitor'; oldConfig: MonitoringConfig; newConfig: MonitoringConfig };

/**
 * Events of a {@link ProductionOptimizationSystem}. Nothing is prepared for those that nobody hears: no listener is there, and
 * `emit` is the emitter's own.
 */
export interface ProductionOptimizationSystemEvents {
  /** Also for listeners that come later. */
  initialized: [];
  /** Everything is closed. `stragglers`: what was not done by the deadline, by name; it goes on by itself. */
  shutdown: [event: { stragglers: string[] }];
  /** Something is off but work goes on: a setting, a file of `.claude/agents`, the cache. */
  warning: [warning: ConfigProblem];
  /** A context was filtered: the share that was left out (0–1), and the bytes that were kept. */
  contextOptimized: [event: { agentId: string; reductionRatio: number; memoryUsage: number }];
  /** A call of `optimizeAgentContext` is done; the time in ms. */
  agentContextOptimized: [event: { agentId: string; optimizationTime: number; success: boolean }];
  /** A stage failed, which is a defect: the best earlier result was given. Or the caller's own token optimizer did. */
  optimizationError: [
    event: { agentId: string; error: AgentwiseError & { stage: 'read' | 'filter' | 'tokens' | 'tokenOptimizer' } },
  ];
  /** An agent should wait from now on. */
  agentThrottled: [event: { agentId: string; reason: string }];
  /** An agent may go on. */
  agentUnthrottled: [event: { agentId: string }];
  /** An agent holds another number of bytes. */
  agentMemoryUpdate: [event: AgentMemoryStats];
  /** This and the others of memory: as those of {@link MemoryManagerEvents}. */
  memoryUpdate: MemoryManagerEvents['memoryUpdate'];
  /** As of {@link MemoryManagerEvents}. */
  memoryAlert: MemoryManagerEvents['memoryAlert'];
  /** As of {@link MemoryManagerEvents}. */
  memoryAlertResolved: MemoryManagerEvents['memoryAlertResolved'];
  /** As of {@link MemoryManagerEvents}. */
  garbageCollected: MemoryManagerEvents['garbageCollected'];
  /** As of {@link MemoryManagerEvents}. */
  emergencyCleanup: MemoryManagerEvents['emergencyCleanup'];
  /** As of {@link MemoryManagerEvents}. */
  pressureChanged: MemoryManagerEvents['pressureChanged'];
  /** As of {@link MemoryManagerEvents}. */
  contextsToDrop: MemoryManagerEvents['contextsToDrop'];
  /** As of {@link MemoryManagerEvents}. */
  contextExpired: MemoryManagerEvents['contextExpired'];
  /** This and the others of the monitor: as those of {@link ProductionMonitorEvents}. */
  metricsCollected: ProductionMonitorEvents['metricsCollected'];
  /** As of {@link ProductionMonitorEvents}. */
  alertCreated: ProductionMonitorEvents['alertCreated'];
  /** As of {@link ProductionMonitorEvents}. */
  alertResolved: ProductionMonitorEvents['alertResolved'];
  /** As of {@link ProductionMonitorEvents}. */
  alertDelivered: ProductionMonitorEvents['alertDelivered'];
  /** As of {@link ProductionMonitorEvents}. */
  alertNotDelivered: ProductionMonitorEvents['alertNotDelivered'];
  /** As of {@link ProductionMonitorEvents}. */
  healthCheckResult: ProductionMonitorEvents['healthCheckResult'];
  /** As of {@link ProductionMonitorEvents}. */
  healthCheckCompleted: ProductionMonitorEvents['healthCheckCompleted'];
  /** As of {@link ProductionMonitorEvents}. */
  degradationDetected: ProductionMonitorEvents['degradationDetected'];
  /** As of {@link ProductionMonitorEvents}. */
  degradationEnded: ProductionMonitorEvents['degradationEnded'];
  /** The filter's result, before the delta. */
  contextFiltered: [result: FilteredContext];
  /** A file of `.claude/agents` gives it, for the first time or in place of another one of its name. */
  specializationAdded: [specialization: AgentSpecialization];
  /** No file of `.claude/agents` gives it any more. */
  specializationRemoved: [event: { name: string }];
  /** As of {@link AdvancedCacheManagerEvents}. */
  cacheHit: [event: { layer: 'L1' | 'L2' | 'L3'; key: string; entry: CacheEntry }];
  /** As of {@link AdvancedCacheManagerEvents}. */
  cacheMiss: [event: { key: string }];
  /** As of {@link AdvancedCacheManagerEvents}. */
  cacheSet: [event: { layer: 'L1' | 'L2'; key: string; entry: CacheEntry }];
  /** As of {@link AdvancedCacheManagerEvents}. */
  l1Eviction: [event: { key: string; entry: CacheEntry }];
  /** As of {@link AdvancedCacheManagerEvents}. */
  similarityDetection: AdvancedCacheManagerEvents['similarityDetection'];
  /** As of {@link AdvancedCacheManagerEvents}. */
  maintenance: AdvancedCacheManagerEvents['maintenance'];
  /** A part has other settings, by `updateConfiguration`, a file that was read again, or the tuning. `configurationUpdated` has the whole. */
  configUpdated: [change: PartConfigUpdate];
  /** A part has ended: at the shutdown, or because the configuration switched it off. */
  stopped: [event: { component: 'memoryManager' | 'cacheManager' | 'productionMonitor' }];
  /** What is loaded at the start is: entries of `cache.warmOnStart`, files of `.claude/agents`. Not awaited by `initialize()`. */
  warmUpCompleted: [];
  /** As of {@link AdvancedCacheManagerEvents}. */
  cacheCleared: [event: { layer: string }];
  /** As of {@link AdvancedCacheManagerEvents}. */
  cacheWarmed: [event: { total: number; found: number }];
  /** The disk tiers of the cache are not used for now; once for each reason. */
  degraded: [event: { reason: string; message: string }];
  /** As of {@link AdvancedCacheManagerEvents}. */
  recovered: [event: { reason: string }];
  /** `source`: `update` for `updateConfiguration`, `file` for a file that was read again, `tuning`. */
  configurationUpdated: [
    change: { oldConfig: OptimizationConfig; newConfig: OptimizationConfig; source: 'update' | 'file' | 'tuning' },
  ];
  /** The configuration file changed and cannot be used; what it said before stays in effect. Once for each content. */
  configurationError: [event: { file: string | null; code: ErrorCode; error: string; problems: ConfigProblem[] }];
  /** A report was written. */
  reportGenerated: [event: { path: string }];
  /** A step of the tuning, every `tuning.interval` or by `tune()`. */
  autoTuningCompleted: [event: TuningResult];
  /** A step of the tuning has failed; settings are as before. */
  autoTuningError: [event: { error: string }];
  /** As `alertCreated`. */
  productionAlert: ProductionMonitorEvents['alertCreated'];
  /** As `healthCheckCompleted`. */
  healthUpdate: ProductionMonitorEvents['healthCheckCompleted'];
  /** All agents are throttled from now on, because memory is short. */
  emergencyThrottle: [event: { reason: string }];
  /** With every `memoryUpdate`. */
  statsUpdated: [stats: OptimizationStats];
}

/** How {@link ProductionOptimizationSystem.shutdown} ends. */
export interface ShutdownOptions {
  /**
   * How long all of it may take, ms, at least 0. Default 10,000. Afterwards calls of `optimizeAgentContext` that are left are
   * called off (`E_SHUT_DOWN`, when the end is done), each native part still has a second, and what is not done goes on by itself;
   * all of it is named by the `warning` and `shutdown` events.
   */
  timeoutMs?: number;
}

/** Events of an {@link OptimizationOrchestrator}. */
export interface OptimizationOrchestratorEvents extends ProductionOptimizationSystemEvents {
  /** It could not begin. Without a listener nothing is emitted; calls reject all the same. */
  error: [error: Error];
  /** `warmUp()` is done; an orchestrator tells nothing of its start. */
  warmUpCompleted: [];
}

/** What {@link ProductionOptimizationSystem} and {@link OptimizationOrchestrator} have in common. */
declare class OptimizationCore<Events extends ProductionOptimizationSystemEvents> extends TypedEmitter<Events> {
  /**
   * What to send to an agent: its filtered context the first time, then what changed. The context is read before the call
   * returns and is never changed; calls for one agent are worked on in the order they were made, those of different agents side by
   * side. A stage that fails leaves the best there was before it: see `optimizationError`. A context of a
   * class of its own (a Date, a Map, an instance) is given back itself, without `type` and the other hidden fields. Memory: some 100 bytes an agent and top-level
   * key.
   *
   * @param agentId 1 to 1,024 bytes. `frontend-specialist-2` and `team:frontend-specialist` have the specialization of
   * `frontend-specialist`.
   * @throws {AgentwiseError} `E_NOT_INITIALIZED`, `E_SHUT_DOWN`, `E_INVALID_ARGUMENT`, `E_CONTEXT_INVALID`.
   * @throws the signal's reason; the agent's next result is then a delta to the one before this call.
   */
  optimizeAgentContext<Context, Result = OptimizedContextOf<Context>>(
    agentId: string,
    context: Context,
    options?: OptimizeOptions | any,
  ): Promise<Result>;
  /** For mocks and subclasses. @hidden */
  optimizeAgentContext<_Context, _Result>(agentId: string, context: any, options?: OptimizeOptions | any): Promise<any>;
  /**
   * As {@link AgentContextFilter.resolveReference}: what `optimizeAgentContext` left out of any agent's context.
   *
   * @throws {AgentwiseError} `E_REFERENCE_UNKNOWN`, also while `enableContextFiltering` is off; `E_NOT_INITIALIZED`,
   * `E_SHUT_DOWN`, `E_INVALID_ARGUMENT`.
   */
  resolveReference(reference: string): Promise<any>;
  /** As {@link TokenOptimizer.acknowledge}. */
  acknowledge(agentId: string, hash: string): boolean;
  /** As {@link TokenOptimizer.resetAgent}. */
  resetAgent(agentId: string): boolean;
  /** As {@link TokenOptimizer.resolveBlocks}. */
  resolveBlocks(result: OptimizedContext | DeltaMessage | any, options?: ResolveBlocksOptions): Promise<any>;
  /** As {@link TokenOptimizer.trackUsage}. */
  trackUsage(agentId: string, tokens: number, operation: string, options?: UsageOptions): void;
  /** As {@link TokenOptimizer.getOptimizationReport}. */
  getOptimizationReport<Result = OptimizationReport>(): Result;
  /** For mocks and subclasses. @hidden */
  getOptimizationReport<_Result>(): any;
  /**
   * The answer stored for this query, or for one that asks the same in other words (docs/similarity.md), or `null`: shared
   * entries and the agent's own, never another agent's.
   */
  getCachedResponse(query: string, agentId?: string, options?: Omit<CacheQuery, 'agentId'>): Promise<any>;
  /**
   * Stores a JSON value, for the system's `projectId`.
   *
   * @param ttlSeconds life of the entry; absent or 0 means `cache.ttlSeconds`.
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for what JSON cannot hold or a bad time to live. What fails inside the cache
   * is a `warning`, also a value that is too large, and a `durable` that could not be done.
   */
  cacheResponse(query: string, response: any, ttlSeconds?: number, options?: CacheResponseOptions): Promise<void>;
  /** The memory manager; `null` while the system does not run and while `enableMemoryManagement` is off. */
  readonly memoryManager: MemoryView | null;
  /** The monitor; `null` while the system does not run and while `enableProductionMonitoring` is off. */
  readonly productionMonitor: MonitorView | null;
  /** As {@link MemoryView.shouldThrottleAgent}; false while there is no memory manager. */
  shouldThrottleAgent(agentId: string): boolean;
  /** As {@link MemoryView.throttleReason}; `null` while there is no memory manager. */
  throttleReason(agentId: string): ThrottleReason | null;
  /** As {@link MemoryView.whenUnthrottled}; at once while there is no memory manager. `shutdown()` releases all. */
  whenUnthrottled(agentId: string, options?: WhenUnthrottledOptions): Promise<void>;
  /**
   * `requestedSize` × 0.5 / 0.7 / 0.85 when the process is over 90 / 80 / 70 % of its limit, else × 0.6 for a throttled
   * agent, rounded down, in the unit that came in; else `requestedSize`.
   */
  getRecommendedContextSize(agentId: string, requestedSize: number): number;
  /** Components, figures and settings at one time. Before `initialize()`: `{ initialized: false, error }`. */
  getStatus<Result = SystemStatus>(): Result;
  /** For mocks and subclasses. @hidden */
  getStatus<_Result>(): any;
  /** Health with its score (docs/scores.md). Before `initialize()`: `down`, score 0. */
  getHealthStatus<Result = SystemHealthStatus>(): Result;
  /** For mocks and subclasses. @hidden */
  getHealthStatus<_Result>(): any;
  /**
   * Applied to the running parts, and with `save` written into the configuration file: all of it or nothing, one call after the
   * other. It wins over file,
   * code and variables until the end of the system, and ends the tuning of what it names.
   *
   * @throws {AgentwiseError} `E_CONFIG_INVALID`; with `save` also `E_CONFIG_CHANGED` if the file was changed since it was read,
   * `E_NOT_AVAILABLE` if it is YAML, `E_CONFIG_UNREADABLE`, `E_IO`.
   *
   * @example
   * await system.updateConfiguration({ cache: { ttlSeconds: 600 } }, { save: true });
   */
  updateConfiguration(partial: Partial<OptimizationConfig> | any, options?: UpdateConfigurationOptions): Promise<void>;
  /**
   * Reads the configuration file again now. `changed`: whether settings have other values than before. If there is no file any
   * more, the built-in defaults hold.
   *
   * @throws {AgentwiseError} `E_CONFIG_INVALID`, `E_CONFIG_MISSING`, `E_CONFIG_UNREADABLE`; then everything stays as it was.
   */
  reloadConfiguration(): Promise<{ changed: boolean; file: string | null }>;
  /**
   * Each effective value and where it comes from. There is no secret in it.
   *
   * @example
   * const { value, source, name } = system.explainConfig().settings['cache.ttlSeconds'];
   */
  explainConfig(): ConfigExplanation;
  /** Statistics since the start. @throws {AgentwiseError} `E_NOT_INITIALIZED`, `E_SHUT_DOWN`. */
  getOptimizationStats(): OptimizationStats;
  /** What to change, by what was measured. @throws {AgentwiseError} `E_NOT_INITIALIZED`, `E_SHUT_DOWN`. */
  getOptimizationRecommendations(): OptimizationRecommendations;
  /**
   * Removes expired entries, forgets what agents were given (they get their next context in full), collects V8's garbage. Gives
   * `{ expiredEntries, garbageCollected }`.
   */
  performMaintenance<Result = { expiredEntries: number; garbageCollected: boolean }>(): Promise<Result>;
  /** For mocks and subclasses. @hidden */
  // biome-ignore lint/suspicious/noConfusingVoidType: what gave nothing is mocked by nothing
  performMaintenance<_Result>(): Promise<object | void>;
  /**
   * One step of the tuning now, whether or not `autoTuning` is on: judges the change that is being tried, or tries one if there
   * is reason to. Without enough load nothing changes.
   *
   * @example
   * const { adjustments } = await system.tune();
   * for (const { setting, from, to, outcome, reason } of adjustments) console.log(setting, from, to, outcome, reason);
   * @throws {AgentwiseError} `E_NOT_INITIALIZED`, `E_SHUT_DOWN`.
   */
  tune(): Promise<TuningResult>;
  /** What the tuning changed, oldest first, at most the last 200. A new array each time. */
  readonly tuningHistory: TuningAdjustment[];
  /**
   * Finishes accepted work, writes the final report, closes the parts in order, takes the signal handlers away. Idempotent; the
   * first call's options count. It always succeeds: what fails or is late is a `warning`. A start that is under way is ended
   * too, without a report.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
  /** Healthy enough for production: not critical and a score over 70. */
  isProductionReady(): boolean;
  /** As {@link shutdown}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * One object for all of it. Nothing of it keeps the process alive.
 *
 * @example
 * import { ProductionOptimizationSystem } from 'agentwise-optimization';
 * const system = await ProductionOptimizationSystem.create({ environment: 'development' });
 * const forAgent = await system.optimizeAgentContext('frontend-specialist', context);
 * console.log(forAgent.type, forAgent.tokensSaved);
 * await system.shutdown();
 */
export class ProductionOptimizationSystem extends OptimizationCore<ProductionOptimizationSystemEvents> {
  constructor(config: SystemConfig | any, plugins?: SimilarityPlugins);
  /** A constructed and initialized system. Rejects as `initialize()` does. */
  static create(config: SystemConfig | any, plugins?: SimilarityPlugins): Promise<ProductionOptimizationSystem>;
  /** The one of this process; the first call needs a config (else `E_CONFIG_REQUIRED`), later ones ignore it. */
  static getInstance(config?: SystemConfig | any, plugins?: SimilarityPlugins): Promise<ProductionOptimizationSystem>;
  /**
   * Loads the configuration, builds the parts, installs handlers for SIGTERM, SIGINT and SIGUSR2 that shut down and then
   * let the process end as the signal would have ended it (unless the application has a handler of its own).
   *
   * @throws {AgentwiseError} `E_CONFIG_INVALID`, `E_CONFIG_MISSING`, `E_CONFIG_UNREADABLE`, `E_SHUT_DOWN`.
   */
  initialize(): Promise<void>;
  /**
   * Writes a report off the main thread, for its owner only (mode 0600), whole or not at all; then emits `reportGenerated`.
   * @returns its path.
   * @throws {AgentwiseError} `E_EXISTS` for a file that is there, without `overwrite`; `E_INVALID_ARGUMENT`, `E_IO`.
   * @example
   * await system.generateSystemReport({ path: 'today.html', overwrite: true });
   */
  generateSystemReport(options?: ReportOptions): Promise<string>;
  /** There is no dashboard in this version: gives `{ started: false, reason }`. */
  startMonitoringDashboard<Result = { started: boolean; reason?: string; [key: string]: any }>(): Promise<Result>;
  /** For mocks and subclasses. @hidden */
  startMonitoringDashboard<_Result>(): Promise<any>;
}

/**
 * The pipeline and its parts without the process-wide conveniences: what {@link ProductionOptimizationSystem} is made of, for
 * programs that used it directly. It begins when it is made; calls that give a promise and come before it is ready wait. If
 * it cannot start, those that need it reject with `E_NOT_INITIALIZED`, whose `cause` says why.
 *
 * A `tokenOptimizer` is handed the memory manager, cache and filter (by its setters, where it has them), and has the last word
 * about what is sent: the result of `optimizeAgentContext` is that of its `optimizeContext(agentId, filteredContext)`. One that
 * fails or gives nothing for 30 s costs its help only: what is sent then is as without one, and `optimizationError` is emitted.
 * `signal` ends the wait for it. When the orchestrator ends, the parts are taken back: each setter that was used is called with
 * `null`.
 *
 * @example
 * import OptimizationOrchestrator from 'agentwise-optimization/orchestrator';
 * const orchestrator = new OptimizationOrchestrator({ environment: 'development' });
 * const forAgent = await orchestrator.optimizeAgentContext('backend-specialist', context);
 * console.log(orchestrator.getOptimizationStats().tokensSaved, forAgent.type);
 * await orchestrator.shutdown();
 */
export class OptimizationOrchestrator extends OptimizationCore<OptimizationOrchestratorEvents> {
  /** @throws {AgentwiseError} `E_CONFIG_INVALID`, `E_CONFIG_MISSING`, `E_CONFIG_UNREADABLE`, `E_INVALID_ARGUMENT`. */
  constructor(config: Partial<OptimizationConfig> | any, tokenOptimizer?: TokenOptimizer | any);
  /** As {@link ProductionOptimizationSystem.generateSystemReport}. */
  generateOptimizationReport(options?: ReportOptions): Promise<string>;
  /** Loads as many of the most used cache entries as `cache.warmOnStart` says, and the files of agents. */
  warmUp(): Promise<void>;
}

/** How a {@link SharedContextClient} works. Times in ms, sizes in bytes; numbers are whole. */
export interface SharedContextClientOptions {
  /** Whose context it is: 1 to 256 characters, no control characters, not `.` or `..`. */
  projectId: string;
  /** Who writes, as {@link projectId}. Default a random name; the server tells writers apart by it. */
  agentId?: string;
  /** `http:` or `https:`, with a path if the server is under one. Default `http://localhost:3003`. */
  url?: string;
  /** Sent as `Authorization: Bearer`, never shown. 1 to 4,096 visible ASCII characters. */
  token?: string;
  /** Whether a token may be sent over `http:` to another machine. Default false: that is refused. */
  allowInsecure?: boolean;
  /** Whether changes of others come by themselves, over a WebSocket. Default true. */
  liveUpdates?: boolean;
  /** One attempt, from the first byte to the last. A request with all its attempts takes three times as long at most. Default
   * 5,000. */
  requestTimeoutMs?: number;
  /** Default 2,000. */
  connectTimeoutMs?: number;
  /** Largest answer and live message, before and after decompression. 1,024 to 2^30, default 16 MB. */
  maxBytes?: number;
  /** Largest context, also of what waits while the server is away. Default 10 MB. */
  maxContextBytes?: number;
  /** Further attempts of a request that may be sent twice, 0 to 20. Default 2. */
  retries?: number;
  /** Pause before the first further attempt; it doubles, up to `maxRetryDelayMs`, less up to half at random. Default 100. */
  retryDelayMs?: number;
  /** Default 10,000. */
  maxRetryDelayMs?: number;
  /** How often the live connection is tested, at least 10. Default 30,000. */
  pingIntervalMs?: number;
  /** How long an answer to that may take, at least 10; then the server counts as gone. Default 10,000. */
  pongTimeoutMs?: number;
}

/** Why a server of a shared context is not used for now. */
export interface SharedContextFailure {
  /** That of all of them. */
  code: 'E_SHARED_CONTEXT';
  /**
   * `unreachable`, `timeout`, `server` (it says so itself), `answer` (not what the protocol says), `tooLarge`, `redirect`,
   * `refused` (the token, or what was sent), `stream` (no live updates).
   */
  reason: string;
  /** The same for people. */
  message: string;
}

/** What {@link SharedContextClient.getStats} gives. */
export interface SharedContextClientStats {
  /** Whose context it is. */
  projectId: string;
  /** Who writes. */
  agentId: string;
  /** 0 while there is none. */
  currentVersion: number;
  /** Whether the server answered when it was last asked. */
  connected: boolean;
  /** Bytes of the local copy's JSON. */
  cacheSize: number;
  /** Whether changes of others come by themselves. */
  wsConnected: boolean;
  /** Attempts in vain since the live connection was last good; without live updates, of requests. */
  reconnectAttempts: number;
  /** Whether there are changes that the server has not taken. */
  pending: boolean;
  /** Requests that were sent again. */
  retries: number;
  /** Calls that failed. */
  errors: number;
  /** The last of them, or `null`. */
  lastError: (SharedContextFailure & { timestamp: Date }) | null;
  /** Bytes of answers and live messages. */
  bytesReceived: number;
  /** Bytes of requests and live messages. */
  bytesSent: number;
  [key: string]: any;
}

/** What the server says of a write; which of the optional fields there are depends on how it was sent. */
export interface SharedContextAnswer {
  /** Whose context it is. */
  projectId: string;
  /** Its version afterwards. Versions grow. */
  version: number;
  /** SHA-256 of the context's RFC 8785 JSON; other servers have other forms. */
  hash?: string;
  /** Tokens (o200k_base) of the whole context minus those of what was changed, at least 0. */
  tokensSaved?: number;
  /** Keys of this write that others had changed since this client last heard of the context; this write won. */
  overwritten?: string[];
  [key: string]: any;
}

/** Events of a {@link SharedContextClient}. */
export interface SharedContextClientEvents {
  /** Live updates come from now on. */
  connected: [event: { projectId: string; version: number }];
  /** Live updates do not come any more; it is tried again. */
  disconnected: [event: { projectId: string; reason: string }];
  /** The context is otherwise than before, not by this client. `agentId` and `timestamp` only of single changes. */
  update: [
    event: {
      projectId: string;
      version: number;
      hash?: string;
      agentId?: string;
      timestamp?: Date;
      changes: Pick<ContextDiff, 'added' | 'modified' | 'removed'>;
    },
  ];
  /** The context was deleted. */
  deleted: [event: { projectId: string }];
  /** The server cannot be used; once until it can be, or until the reason is another one. */
  warning: [failure: SharedContextFailure];
}

/**
 * One project's context, shared with other agents through a server (docs/shared-context.md). Works on a copy of its own when
 * the server is away, and sends what was changed when it is back. Nothing of it keeps the process alive, but a call that is
 * waited for. What it gives out are copies; what it is given is never changed.
 *
 * @example
 * const client = new SharedContextClient({ projectId: 'shop', agentId: 'frontend' });
 * const context = (await client.getContext()) ?? {};
 * await client.setContext({ ...context, currentTask: 'login form' });
 * client.on('update', ({ changes }) => console.log(Object.keys(changes.modified)));
 * await client.disconnect();
 */
export class SharedContextClient extends TypedEmitter<SharedContextClientEvents> {
  /** @throws {AgentwiseError} `E_INVALID_ARGUMENT`, also for options that are not known. */
  constructor(options: SharedContextClientOptions);
  /**
   * The context, or `null` if there is none or none is known. The server is asked for what changed; when it is away this is
   * the copy.
   *
   * @param options `useCache: true` takes the copy at once while live updates keep it current: it may lack what was changed
   * in the last moment. `useCache: false` reads all from the server.
   * @throws {AgentwiseError} `E_SHARED_CONTEXT` if the server refuses, for example the token.
   */
  getContext(options?: { useCache?: boolean }): Promise<any>;
  /**
   * Makes this the context. What others did to keys that the caller did not change stays: the change is what differs, by
   * top-level key, from the context that this client last gave or was given.
   *
   * @returns the server's answer, or `null` if it is away: then the change is kept and sent later.
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for what is no JSON object, `E_SHARED_CONTEXT` if it is too large or the
   * server refuses it, `E_SHUT_DOWN`.
   */
  setContext(context: any): Promise<SharedContextAnswer | null>;
  /** Changes single keys; the last writer of a key wins. Otherwise as {@link setContext}. */
  updateContext(diff: Partial<ContextDiff>): Promise<SharedContextAnswer | null>;
  /**
   * What makes `newContext` of `oldContext`, by top-level key; without an old one everything is added.
   *
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for what is no JSON object.
   */
  createDiff(oldContext: any, newContext: any): ContextDiff;
  /** How it goes. */
  getStats(): SharedContextClientStats;
  /** Whether the server answered when it was last asked. */
  isConnected(): boolean;
  /** Sends what waits if the server is there, then ends all connections. Idempotent. Reading goes on from the copy. */
  disconnect(): Promise<void>;
  /** As {@link disconnect}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How a server of shared contexts works. Times in ms, sizes in bytes; numbers are whole. */
export interface SharedContextServerOptions {
  /** 0 for any free one. Default 3003. */
  port?: number;
  /** Default `127.0.0.1`. One that other machines reach needs a `token`. */
  host?: string;
  /** What clients send as `Authorization: Bearer`. Default none. */
  token?: string;
  /** Host names under which a server on this machine may be asked besides `localhost`, `127.0.0.1` and `::1`. */
  allowedHosts?: string[];
  /** Origins of web pages that may ask, for example `http://localhost:8080`. Default none. */
  allowedOrigins?: string[];
  /** Largest context. Default 10 MB. */
  maxContextBytes?: number;
  /** Default 1,000. */
  maxProjects?: number;
  /** Changes of one project by which clients catch up. Default 1,000. */
  maxHistory?: number;
  /** Default 10 MB. */
  maxHistoryBytes?: number;
  /** Contexts and history of all projects. Default 512 MB. */
  maxTotalBytes?: number;
  /** Live connections. Default 1,000. */
  maxSubscribers?: number;
  /** What may wait for a subscriber that does not read; then it is disconnected (1013). Default 16 MB. */
  maxBacklogBytes?: number;
  /** Default 2,000. */
  maxConnections?: number;
  /** All bodies that are being received together. Default 64 MB. */
  maxPendingBytes?: number;
  /** For a whole request. Default 30,000. */
  requestTimeoutMs?: number;
  /** Default 10,000. */
  headersTimeoutMs?: number;
  /** Until a connection on which nothing moves is closed; not for live ones. Default 60,000. */
  idleTimeoutMs?: number;
  /** How often live connections are tested; one that did not answer by the next time is closed. Default 30,000. */
  pingIntervalMs?: number;
  /** How long `close()` waits for requests and live connections. Default 2,000. */
  closeTimeoutMs?: number;
}

/** A running server of shared contexts. */
export interface SharedContextServer {
  /** For example `http://127.0.0.1:3003`. */
  readonly url: string;
  /** On which it listens. */
  readonly port: number;
  /** Finishes requests, ends live connections. Contexts are gone with it. Idempotent. */
  close(): Promise<void>;
  /** As {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a server of shared contexts, in memory, in this process. It keeps the process alive until it is closed.
 *
 * @example
 * const server = await startSharedContextServer({ port: 0 });
 * const client = new SharedContextClient({ projectId: 'shop', url: server.url });
 * await client.setContext({ currentTask: 'login form' });
 * await client.disconnect();
 * await server.close();
 * @throws {AgentwiseError} `E_INVALID_ARGUMENT`; `E_SHARED_CONTEXT` if it cannot listen, for example as the port is in use.
 */
export function startSharedContextServer(options?: SharedContextServerOptions): Promise<SharedContextServer>;

/**
 * List prices of a model in USD per million tokens, 0 to 100,000, on one day. Prices change: check those that are built in
 * before relying on a cost. See docs/savings.md.
 */
export interface TokenPrice {
  /** What is new in a prompt. */
  input: number;
  /** What the provider reads from its prompt cache. Default as `input`. */
  cachedRead?: number;
  /** What it writes to it. Default as `input`. */
  cacheWrite?: number;
  /** What is generated. */
  output: number;
  /** Day on which it was listed so, `YYYY-MM-DD`. */
  asOf: string;
  /** Where. */
  source?: string;
}

/** What is known of a model, whatever provider and deployment marks are around its name. */
export interface ModelInfo {
  /** Without those marks. */
  name: string;
  /** By which its tokens are counted. */
  encoding: 'o200k_base' | 'cl100k_base';
  /** Whether that is the model's own; else it stands in, and is calibrated by {@link TokenOptimizer.trackUsage}. */
  isExact: boolean;
  /** Tokens; `null` if it is not known. */
  contextWindow: number | null;
  /** The built-in list price; `null` if there is none. `prices` of a {@link TokensConfig} count in reports only. */
  price: Required<TokenPrice> | null;
}

/** Settings of the token optimizer. MB are 2^20 bytes, 0.001 to 10,000,000. See docs/savings.md. */
export interface TokensConfig {
  /**
   * How changes are said: `'keys'` (default), whole top-level values, or `'blocks'`, text that is new and references to what
   * agents of the project were given before.
   */
  encoding: 'keys' | 'blocks';
  /** What counts as received: `'implicit'` (default), what was sent, or `'explicit'`, what {@link TokenOptimizer.acknowledge} named. */
  acknowledgement: 'implicit' | 'explicit';
  /** ms that a context waits to be acknowledged, whole, 1 to 86,400,000. Default 300,000. */
  acknowledgementTimeoutMs: number;
  /** Whose price and context window count where a call names no model. Default none. */
  model?: string;
  /** Prices by model, before the built-in ones. Default none. */
  prices: Record<string, TokenPrice>;
  /** MB of texts on disk. Default 200. */
  blockStoreMB: number;
  /** MB of texts in memory. Default 64. */
  blockMemoryMB: number;
  /** MB by which parts of texts are found again. Default 32. */
  blockIndexMB: number;
  /** Seconds that a text is kept after its last use, 1 to 3,153,600,000. Default 604,800, a week. */
  blockRetentionSeconds: number;
  /** Accepted and checked; the system's own environment counts. */
  environment?: Environment;
}

/** What a {@link TokenOptimizer} is made with: its settings, and where the texts that are referred to are. */
export interface TokenOptimizerOptions extends Partial<TokensConfig> {
  /** Whose texts they are: optimizers of one directory and different projects know nothing of each other. Default that of the cache. */
  projectId?: string;
  /**
   * Directory of the texts, made when the first is stored; all processes of a machine may share it. Default beside the answers
   * of `cacheManager`; without one, or if that has no disk, texts are in memory only.
   */
  cacheDir?: string;
  /** `false`: in memory only, whatever the directory. Default true. */
  persistToDisk?: boolean;
}

/**
 * What the token optimizer uses of a shared context: a {@link SharedContextClient}, or the caller's own. All may also be async.
 */
export interface SharedContextLike {
  /** The context, or what is no object if there is none. */
  getContext(options?: { useCache?: boolean }): any;
  /** Replaces the context. */
  setContext(context: any): any;
  /** Applies what has changed. */
  updateContext(diff: any): any;
  /** What makes the second of the first, as a {@link ContextDiff}; what is not exactly that is not used. */
  createDiff(oldContext: any, newContext: any): any;
  /** Figures, for status and reports. */
  getStats?(): any;
  /** Whether the server can be reached. */
  isConnected?(): boolean;
  /** Called at the end. */
  disconnect?(): any;
}

/** What one call of {@link TokenOptimizer.optimizeContext} asks for. */
export interface OptimizeContextOptions {
  /** How changes are said. Default as configured. */
  encoding?: 'keys' | 'blocks';
  /** Who reads it: whose price and context window count in reports. Default as configured. */
  model?: string;
  /** What it is for, a row of the report. Default `'optimizeContext'`. */
  operation?: string;
  /** A call that waits for another one of its agent rejects with its reason; what is at work already is finished. */
  signal?: AbortSignal;
}

/** One part of a text: new text, or where it was said before: `[text]`, all of it, or `[text, first byte, bytes]` of its UTF-8. */
export type TextPart = string | [text: number] | [text: number, start: number, bytes: number];

/**
 * A result as plain JSON, with what it is, for a receiver elsewhere. Of an unchanged context there are only the first four
 * fields.
 */
export interface DeltaMessage {
  /** Version of this form. */
  v: 1;
  /** A whole context, or what changed since the last one. */
  type: 'full' | 'incremental';
  /** SHA-256 of the RFC 8785 JSON of the context that comes out, 64 hexadecimal digits. */
  hash: string;
  /** The first 16 digits of that of the context that it is applied to; absent for `'full'`. */
  base?: string;
  /** The context, of a full one that is said in keys. */
  context?: any;
  /** Whether there may be references: then {@link TokenOptimizer.resolveBlocks} comes first. */
  encoding?: 'blocks';
  /** Keys that are new, with their values. */
  added?: Record<string, any>;
  /** Keys whose value is another one, with the new value. */
  modified?: Record<string, any>;
  /** Keys that are gone. */
  removed?: string[];
  /** Keys whose value is as before. */
  unchanged?: string[];
  /** By top-level key, strings in parts. */
  texts?: Record<string, TextPart[]>;
  /** By top-level key, the JSON of other values in parts. */
  values?: Record<string, TextPart[]>;
  [key: string]: any;
}

/** Sums of one name or of all, in tokens unless the name says otherwise. See docs/savings.md. */
export interface SavingsFigures {
  /** Messages sent or replaced. */
  messages: number;
  /** Asked to be sent. */
  originalTokens: number;
  /** Of these, what could have been sent. */
  baselineTokens: number;
  /** Tokens that were sent. */
  sentTokens: number;
  /** Left out because the receiver's conversation holds it. */
  heldTokens: number;
  /** Fetched back by receivers. */
  fetchedTokens: number;
  /** Baseline minus sent; below zero where more was sent. */
  transportSavedTokens: number;
  /** Baseline minus sent minus fetched back. */
  promptSavedTokens: number;
  /** % of the baseline; absent without one. */
  transportSavedPercent?: number;
  /** Share of prompts that was saved, %. */
  promptSavedPercent?: number;
  /** With the provider's prompt cache, USD; absent where no message has a price. */
  cost?: {
    baselineUsd: number;
    usd: number;
    /** Below zero where it is a loss. */
    savedUsd: number;
    savedPercent?: number;
    /** Messages, and tokens fetched back, of no known price: not in these costs. */
    unpricedMessages: number;
    unpricedFetchedTokens: number;
    /** Oldest price used, `YYYY-MM-DD`. */
    pricesAsOf: string;
    [key: string]: any;
  };
  /** What was reported by {@link TokenOptimizer.trackUsage}. */
  usage: {
    calls: number;
    totalTokens: number;
    promptTokens: number;
    cachedReadTokens: number;
    cacheWriteTokens: number;
    outputTokens: number;
    costUsd?: number;
    unpricedCalls: number;
    [key: string]: any;
  };
  [key: string]: any;
}

/** What {@link TokenOptimizer.getOptimizationReport} gives. */
export interface OptimizationReport {
  /** Prompt tokens that providers reported. */
  totalTokensUsed: number;
  /** The same by agent; 0 for one of which nothing was reported. */
  tokensByAgent: Record<string, number>;
  /** What to change, with the figures that say so; empty before ten messages. */
  recommendations: string[];
  /** The totals in words; `'nothing was measured yet'` if so. */
  estimatedSavings: string;
  /** All figures. What was used too long ago to have a row of its own is in the totals. */
  savings: {
    totals: SavingsFigures;
    byAgent: Record<string, SavingsFigures>;
    byOperation: Record<string, SavingsFigures>;
    byModel: Record<string, SavingsFigures>;
    /** Prices in force for models seen; `source` may be empty. */
    prices: { model: string; asOf: string; source: string }[];
    /** Of names used so long ago that they have no figures of their own any more: with these the rows add up to the totals. */
    others: { agents: SavingsFigures | null; operations: SavingsFigures | null; models: SavingsFigures | null };
    /** Of messages that name no model. */
    unnamedModel: SavingsFigures | null;
    [key: string]: any;
  };
  [key: string]: any;
}

/** What {@link TokenOptimizer.getEnhancedOptimizationReport} gives. */
export interface EnhancedOptimizationReport extends OptimizationReport {
  /** The parts that the optimizer was given. */
  productionComponents: {
    memoryManager: ComponentReport;
    cacheManager: ComponentReport;
    contextFilter: ComponentReport;
    [key: string]: any;
  };
  /** How it fits together. */
  integrationStatus: {
    /** Not critical and a score over 70. */
    productionReady: boolean;
    sharedContextEnabled: boolean;
    /** Of the three. */
    componentsCount: number;
    [key: string]: any;
  };
}

/** What a component says of itself; `stats` is `null` if it is not there or does not. */
export interface ComponentReport {
  /** Whether the part is there. */
  enabled: boolean;
  /** Its own statistics, or `null`. */
  stats: any;
  /** 0–100; `undefined` if it does not say. */
  healthScore: any;
  [key: string]: any;
}

/** What is known of how a model's prompt tokens differ from counts. See docs/savings.md. */
export interface Calibration {
  /** Reports taken in. */
  samples: number;
  /** Of these, so far from the expected that they changed nothing. */
  outliers: number;
  /** Prompt tokens for each token counted; 1 where the model's own encoding is counted. */
  slope: number;
  /** Prompt tokens of a call beyond those, the median over agents. */
  intercept: number;
  /** Median of |prediction / reported − 1| over the last 64 reports. */
  medianError: number;
}

/** What stands in a trimmed context for what had no room. */
export interface ContextReference {
  /** That it stands for something left out. */
  type: 'reference';
  /** `shared:<key>`. */
  location: string;
  /** Kind, tokens and beginning. */
  summary: string;
}

/** What {@link TokenOptimizer.trimContext} makes of an object. */
export interface TrimmedContext {
  /** Keys of which not even a reference had room. Not enumerable; yields to the context's own key of this name. */
  omitted: string[];
  [key: string]: any;
}

/** What contexts of several agents have in common. */
export interface SharedContextSummary {
  /** Values, or references to those that are not stored, by kind and name. */
  common: {
    tasks: Record<string, any>;
    dependencies: Record<string, any>;
    projectInfo: Record<string, any>;
    completedWork: Record<string, any>;
    [key: string]: any;
  };
  /** By agent, what only it has. */
  agentSpecific: Record<string, Record<string, any>>;
  /** By agent, names under `common`. */
  references: Record<string, string[]>;
  /** By shared value: its key, kind, agents, and size once. */
  details: { key: string; group: string; agents: string[]; tokens: number; bytes: number }[];
  /** Tokens of the contexts, and of what they become. */
  tokens: Record<string, number>;
  /** Tokens that sharing saves. */
  tokensSaved: number;
  /** Agents that have no context here. */
  unknown: string[];
  [key: string]: any;
}

/** What {@link TokenOptimizer.optimizeAgentConfiguration} gives. */
export interface AgentConfiguration {
  /** What the agents have in common. */
  shared: SharedContextSummary;
  /** What each agent is given. */
  agents: Record<
    string,
    {
      /** {@link OptimizedContext}, as of {@link TokenOptimizer.optimizeContext}. */
      context: any;
      /** Names under `shared.common`. */
      sharedRef: string[];
      /** Index in `batches`. */
      batch: number;
      optimizationType: 'full' | 'incremental' | 'shared_incremental';
      [key: string]: any;
    }
  >;
  /** As `scheduleAgents` gives them. */
  batches: string[][];
  /** Agents that wait for each other. */
  cycles: string[][];
  /** What tasks depend on that is no task and no agent. */
  unknown: string[];
  /** Tokens of what is sent. */
  estimatedTokens: number;
  /** Tokens of a whole context for every agent minus these; below zero if more is sent. */
  actualTokensSaved: number;
  /** The same in words, with a %. */
  savings: string;
  /** Whether a shared context is used. */
  sharedContextEnabled: boolean;
  [key: string]: any;
}

/** What {@link TokenOptimizer.trackUsage} takes besides. Tokens. */
export interface UsageOptions {
  /** Whose price counts, and whose counts get better. */
  model?: string;
  /** The caller's own count of the whole prompt, always made the same way. */
  predicted?: number;
  /** Of the prompt, what the provider read from its cache. */
  cachedRead?: number;
  /** Of the prompt, what it wrote to it. */
  cacheWrite?: number;
  /** Generated. */
  output?: number;
}

/** How references are followed. */
export interface ResolveBlocksOptions {
  /** What the receiver has, besides the project's store: texts, or a `Map` from their numbers to them. */
  have?: Map<number, string> | Iterable<string> | null;
  /** On whom what came from the store is charged as fetched. Default nobody: where the sender sent, it has been charged already. */
  agentId?: string;
}

/** What {@link TokenOptimizer.getSharedContextStats} gives. */
export interface SharedContextStats {
  /** Whether there is a client and it is asked. */
  enabled: boolean;
  /** Whether the client says that it is connected. */
  connected: boolean;
  /** What the client says of itself, or `null`. */
  clientStats: any;
  /** Agents whose last context is known. */
  localCacheSize: number;
  /** Contexts optimized. */
  totalMetrics: number;
  [key: string]: any;
}

/** What {@link TokenOptimizer.getProductionHealthStatus} gives. */
export interface ProductionHealthStatus {
  /** `warning` under 75, `critical` under 50. */
  overall: 'healthy' | 'warning' | 'critical';
  /** Mean of the components' scores, 0–100; 100 without any. */
  score: number;
  /** A component that is not there is `null`. */
  components: { memoryManager: PartHealth; cacheManager: PartHealth; contextFilter: PartHealth; [key: string]: any };
  /** What to change, with the figures that say so. */
  recommendations: string[];
  [key: string]: any;
}

/**
 * Sends agents what is new to them. By itself, or with any of: a shared context, a memory manager, a cache, a context filter;
 * each ours or an object with the methods that are used of it. Nothing of it keeps the process alive.
 *
 * @example
 * import TokenOptimizer, { applyDelta, toMessage } from 'agentwise-optimization/tokens';
 * await using optimizer = new TokenOptimizer();
 * const first = await optimizer.optimizeContext('agent', { task: 'login form', files });
 * const next = await optimizer.optimizeContext('agent', { task: 'logout', files });
 * // next: { added: {}, modified: { task: 'logout' }, removed: [], unchanged: ['files'] }
 * const context = applyDelta(first, JSON.parse(JSON.stringify(toMessage(next)))); // { task: 'logout', files }
 */
export class TokenOptimizer {
  /**
   * @throws {AgentwiseError} `E_CONFIG_INVALID` with every problem of the settings; `E_INVALID_ARGUMENT`, also for components
   * without the methods that are used.
   */
  constructor(
    sharedContextClient?: SharedContextLike | any,
    memoryManager?: MemoryView | any,
    cacheManager?: AdvancedCacheManager | any,
    contextFilter?: AgentContextFilter | any,
    options?: TokenOptimizerOptions,
  );
  /** `null` for none. @throws {AgentwiseError} `E_INVALID_ARGUMENT`. */
  setSharedContextClient(client: SharedContextLike | any): void;
  /** Whether the client, if there is one, is asked. Default true. */
  setSharedContextEnabled(enabled: boolean): void;
  /** `null` for none, as for the two others. */
  setMemoryManager(memoryManager: MemoryView | any): void;
  /** Texts are beside its answers from now on, unless the options name a directory. */
  setCacheManager(cacheManager: AdvancedCacheManager | any): void;
  /** Filters contexts from now on; `null` for none. */
  setContextFilter(contextFilter: AgentContextFilter | any): void;
  /** All of it or nothing. @throws {AgentwiseError} `E_CONFIG_INVALID` with every problem. */
  updateConfig(partial: TokenOptimizerOptions): void;
  /** Settings in force. */
  getConfig(): TokensConfig;
  /**
   * What to send to an agent: its (filtered) context the first time, then what changed. Calls for one agent run one after the
   * other, in the order they were made. Without a filter the context is read before the call returns. It is never changed. A
   * context of a class of its own is given back itself, and a scalar too, without `type` and the other hidden fields.
   *
   * With a shared context that has something, the result is what differs from that, if it is smaller; a client that fails costs
   * nothing but its help.
   *
   * @param agentId 1 to 1,024 bytes.
   * @throws {AgentwiseError} `E_CONTEXT_INVALID` with the path of what JSON cannot hold; `E_INVALID_ARGUMENT`.
   * @throws the signal's reason; what the filter throws.
   */
  optimizeContext<Context, Result = OptimizedContextOf<Context>>(
    agentId: string,
    context: Context,
    options?: OptimizeContextOptions,
  ): Promise<Result>;
  /** For mocks and subclasses. @hidden */
  optimizeContext<_Context, _Result>(agentId: string, context: any, options?: OptimizeContextOptions): Promise<any>;
  /** What changed by top-level key; `newContext` if there is no old one or one of them is no object. */
  computeContextDiff(oldContext: any, newContext: any): Promise<any>;
  /**
   * Whole elements by priority (`currentTask`, `recentChanges`, `projectStructure`, `dependencies`, `completedTasks`,
   * `documentation`, `history`, `metadata`, the rest) while they fit; the others become a {@link ContextReference}. Elements are the
   * caller's own values. A context that is no object stays, or becomes a reference or `null`.
   *
   * @param maxTokens most tokens (o200k_base) of the JSON of what comes out, from 1. Default 8,000. Passed only by `{}`.
   * @throws {AgentwiseError} `E_CONTEXT_INVALID`, `E_INVALID_ARGUMENT`.
   */
  trimContext(context: any, maxTokens?: number): Promise<TrimmedContext | any>;
  /**
   * Batches of at most three agents; whoever depends on others comes after them, by what tasks say (`dependsOn`) or by words of
   * their descriptions. `devops-specialist` is always alone.
   *
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT`.
   */
  scheduleAgents(agents: string[], tasks?: any[]): Promise<string[][]>;
  /** One context for several agents: batches of its `tasks`, what to send to each, what they have in common. */
  optimizeAgentConfiguration<Result = AgentConfiguration>(agents: string[], context: any): Promise<Result>;
  /** For mocks and subclasses. @hidden */
  optimizeAgentConfiguration<_Result>(agents: string[], context: any): Promise<any>;
  /** What the last contexts of these agents have in common. */
  compressSharedContext<Result = SharedContextSummary>(agents: string[]): Promise<Result>;
  /** For mocks and subclasses. @hidden */
  compressSharedContext<_Result>(agents: string[]): Promise<any>;
  /** What the cache has, or `null`. */
  getCachedResponse(query: string, agentId?: string): Promise<any>;
  /** As {@link countTokens}; of a model whose own encoding is not here, corrected by what was reported of it. */
  countTokens(value: any, options?: CountTokensOptions): number;
  /** As {@link TokenOptimizer.countTokens}, off the main thread. */
  countTokensAsync(value: any, options?: CountTokensOptions): Promise<number>;
  /**
   * The prompt tokens to expect of a call for which `tokens` were counted.
   *
   * @example
   * const predicted = countTokens(messages, { model });
   * const expected = optimizer.predictPromptTokens('agent', predicted, model);
   * // … the call …
   * optimizer.trackUsage('agent', usage.prompt_tokens, 'chat', { model, predicted, output: usage.completion_tokens });
   */
  predictPromptTokens(agentId: string, tokens: number, model: string): number;
  /** `undefined` before the first report of the model. */
  getCalibration(model: string): Calibration | undefined;
  /** What is known of a model. */
  getModel(model: string): ModelInfo;
  /**
   * Books what a provider reported about a call.
   *
   * @param tokens of the prompt, cached ones included.
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT`.
   */
  trackUsage(agentId: string, tokens: number, operation: string, options?: UsageOptions): void;
  /** Tokens used by agent, and what was saved. */
  getOptimizationReport<Result = OptimizationReport>(): Result;
  /** For mocks and subclasses. @hidden */
  getOptimizationReport<_Result>(): any;
  /** The same, with the parts that the optimizer was given. */
  getEnhancedOptimizationReport<Result = EnhancedOptimizationReport>(): Result;
  /** For mocks and subclasses. @hidden */
  getEnhancedOptimizationReport<_Result>(): any;
  /** How the shared context goes. */
  getSharedContextStats<Result = SharedContextStats>(): Result;
  /** For mocks and subclasses. @hidden */
  getSharedContextStats<_Result>(): any;
  /** Texts of the project: how many are known, bytes by which they are found, and where they are; `store` is `null` before the first. */
  getBlockStats(): { texts: number; indexBytes: number; store: CacheStats | null; [key: string]: any };
  /** What the memory manager says; false without one. */
  shouldThrottleAgent(agentId: string): boolean;
  /** Forgets what agents were given, removes texts that were not used for too long; the same of the components. */
  performProductionCleanup(): Promise<void>;
  /** Mean of the components' scores, 100 without any; a component that is not there is `null`. `warning` under 75, `critical` under 50. */
  getProductionHealthStatus<Result = ProductionHealthStatus>(): Result;
  /** For mocks and subclasses. @hidden */
  getProductionHealthStatus<_Result>(): any;
  /** As the function {@link applyDelta}. */
  applyDelta(base: any, delta: OptimizedContext | DeltaMessage | any): any;
  /** As {@link applyDeltaAsync}. */
  applyDeltaAsync(base: any, delta: OptimizedContext | DeltaMessage | any): Promise<any>;
  /**
   * A result or message as it is without references, for {@link applyDelta}. Texts come from `have` and from the project's store.
   *
   * @throws {AgentwiseError} `E_REFERENCE_UNKNOWN`: neither has the text, or it has no such range; reset the agent then.
   * `E_INVALID_ARGUMENT`: what should be parts is not. `E_DELTA_MISMATCH`: it is no result.
   */
  resolveBlocks(result: OptimizedContext | DeltaMessage | any, options?: ResolveBlocksOptions): Promise<any>;
  /** As the function {@link toMessage}. */
  toMessage(result: OptimizedContext | any): DeltaMessage;
  /** As the function {@link renderForPrompt}. */
  renderForPrompt(result: OptimizedContext | DeltaMessage | any): string;
  /**
   * Says that a context arrived: with `acknowledgement: 'explicit'` the next one is a delta to it.
   *
   * @param hash as of the result or message, 64 hexadecimal digits in lower case.
   * @returns whether it was sent, and not longer than `acknowledgementTimeoutMs` ago.
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT`.
   */
  acknowledge(agentId: string, hash: string): boolean;
  /** Forgets what an agent was given: it gets its next context in full. @returns whether it was known. */
  resetAgent(agentId: string): boolean;
  /** Waits for calls under way, writes what waits, closes the texts. Idempotent. A later call opens them again. */
  close(): Promise<void>;
  /** As {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The context that a delta makes of `base`: exactly the one that was sent, or an error. Neither is changed; values are those of
 * `base` and of the delta, not copies. Of an unchanged context it is `base` itself. O(context): both hashes are computed.
 *
 * @param base what the receiver has; anything for a full result.
 * @param delta a result of this process, or a {@link DeltaMessage}. Its references have to be resolved.
 * @example
 * const context = applyDelta(before, JSON.parse(message));
 * @throws {AgentwiseError} `E_DELTA_MISMATCH`: another base, something is missing or was changed on the way, references, no
 * message at all, or a result of the shared context. Have the agent reset and the context sent in full.
 */
export function applyDelta(base: any, delta: OptimizedContext | DeltaMessage | any): any;

/** As {@link applyDelta}, with hashes computed off the main thread. */
export function applyDeltaAsync(base: any, delta: OptimizedContext | DeltaMessage | any): Promise<any>;

/**
 * A result as plain JSON, with what it is: a result's own JSON says no hashes. A message is given back itself.
 *
 * @example
 * socket.send(JSON.stringify(toMessage(await optimizer.optimizeContext('agent', context))));
 * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for what is no result of an agent's own context, scalars among them.
 */
export function toMessage(result: OptimizedContext | any): DeltaMessage;

/**
 * A result or message as text for a model: a section for each top-level key, what seldom changes first, keys sorted, so that equal
 * content is equal text and a provider's prompt cache finds the same beginning. Of a delta: what is as before, what is gone, what
 * is new. References read `[text 123, 456 bytes from 789]`.
 *
 * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for what is no result of an agent's own context.
 */
export function renderForPrompt(result: OptimizedContext | DeltaMessage | any): string;

/** Options of the token counters. */
export interface CountTokensOptions {
  /** Default that of `model`, else `'o200k_base'` (GPT-4o and later); `'cl100k_base'` is that of GPT-4 and GPT-3.5. */
  encoding?: 'o200k_base' | 'cl100k_base';
  /** Whose encoding counts, see {@link ModelInfo}; for models of other vendors `o200k_base` stands in. */
  model?: string;
}

/**
 * Exact number of tokens, special tokens counted as text: of a string as it is, of any other value as its JSON. Linear in
 * the text, whatever it holds. Blocks while it counts; for more than some 100 KB take {@link countTokensAsync}.
 *
 * @example
 * countTokens('hello world'); // 2
 * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for what JSON cannot hold and for unknown encodings.
 */
export function countTokens(value: any, options?: CountTokensOptions): number;

/** As {@link countTokens}, off the main thread. */
export function countTokensAsync(value: any, options?: CountTokensOptions): Promise<number>;

export default ProductionOptimizationSystem;
