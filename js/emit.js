'use strict';

/**
 * Emits. What a listener throws is an uncaught exception of its own: it must neither fail the call that happened to bring
 * the event nor keep other events from their listeners.
 */
function emit(emitter, name, ...data) {
  try {
    emitter.emit(name, ...data);
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}

module.exports = { emit };
