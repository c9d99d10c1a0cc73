export {
  AgentContextFilter,
  AgentContextFilter as default,
  AgentContextFilterEvents,
  AgentSpecialization,
  AgentwiseError,
  ContextElement,
  ContextFilterConfig,
  DroppedPart,
  FilteredContext,
  FilterOptions,
  FilterStats,
} from '../index.js';
