/**
 * `EntryState.memory` is a JSON object of two parts: what the step the entry waits in remembers, and, under reserved
 * names, what the entry itself carries from step to step.
 *
 * - `event_properties`: properties of the action that led out of an Action Paths step. They are at hand (Liquid
 *   `event_properties`, filter `property`) until the next webhook step is left (Braze: the first message after the path).
 *   Whoever renders a webhook passes `propertiesAtHand(state)` as the subject's properties.
 * - `parked`: why the entry is parked at its step; absent otherwise.
 */
import { isJsonObject, type Json, type JsonObject } from '../kernel/json.js';

export const NOTHING: JsonObject = {};

export function propertiesAtHand(state: { readonly memory: JsonObject | null }): JsonObject {
  const held = state.memory?.['event_properties'];
  return isJsonObject(held) ? held : NOTHING;
}

export function parkedBecause(state: { readonly memory: JsonObject | null }): string | null {
  const reason = state.memory?.['parked'];
  return typeof reason === 'string' ? reason : null;
}

/** What to store: the step's own part, the properties at hand, and the reason when the entry is parked. */
export function remember(
  own: JsonObject | null | undefined,
  properties: JsonObject,
  parked: string | null,
): JsonObject | null {
  if (!own && properties === NOTHING && parked === null) return null;
  const memory: Record<string, Json> = { ...own };
  if (properties !== NOTHING) memory['event_properties'] = properties;
  if (parked !== null) memory['parked'] = parked;
  return memory;
}
