/**
 * Runs a task when this turn's code and whatever awaits an accepted call have had their say, and
 * before anything else can come in. So `await close()` goes on before 'close' is told, and 'close'
 * is told before the other end, be it in this very process, can have heard of it.
 */
export function later(task: () => void): void {
  queueMicrotask(() => queueMicrotask(task));
}
